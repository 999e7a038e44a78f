"""What the commands that use a text VAE say of their file, and give back; models are untrained."""

import json

import pytest

from tests.apps.text_vae_models import run, untrained

# Line 2 is empty, line 4 not UTF-8, line 5 of more than eight tokens.
LINES = [
    b"The Zebra runs here.",
    b"",
    b"a man sits now, there.",
    b"bad \xff byte",
    b"a dog" + b" runs" * 9,
]
READ = {1: LINES[0].decode(), 3: LINES[2].decode(), 5: LINES[4].decode()}


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return untrained(tmp_path_factory.mktemp("models") / "model", lower=True)


@pytest.fixture
def file(tmp_path):
    (tmp_path / "lines.txt").write_bytes(b"\n".join(LINES) + b"\n")
    return tmp_path / "lines.txt"


def check_warnings(stderr):
    assert "1 of 5 lines left out, empty: line 2" in stderr
    assert "1 of 5 lines left out, not UTF-8: line 4" in stderr
    assert "1 sentences of more than 8 tokens, longer than any text of the model: line 5" in stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ("reconstruct", "MODEL", "FILE", "--beam-size", 1),
        ("impute", "MODEL", "FILE", "--beam-size", 1, "--keep", 0.5),
        ("interpolate", "MODEL", "--sentences", "FILE", "--pairs", 1, "--beam-size", 1),
        ("encode", "MODEL", "FILE", "--output", "OUTPUT"),
    ],
    ids=lambda arguments: arguments[0],
)
def test_lines_that_are_left_out_or_long_are_named(model, file, tmp_path, arguments):
    places = {"MODEL": model, "FILE": file, "OUTPUT": tmp_path / "z.npy"}
    check_warnings(run(*(places.get(part, part) for part in arguments)).stderr)


@pytest.mark.parametrize("command", ["reconstruct", "impute"])
def test_answers_name_line_and_sentence(model, file, command):
    answer = json.loads(run(command, model, file, "--beam-size", 1, "--json").stdout)
    found = answer if command == "reconstruct" else answer["texts"]
    assert {text["line"]: text["sentence"] for text in found} == READ


@pytest.mark.parametrize("seed", [-1, 2**31])
def test_a_seed_out_of_range_is_refused(model, seed):
    stderr = run("generate", model, "--seed", seed, code=2).stderr
    assert "Invalid value for '--seed'" in stderr


def test_the_largest_seed_serves(model):
    arguments = ("generate", model, "--count", 2, "--json", "--seed", 2**31 - 1)
    texts = json.loads(run(*arguments).stdout)
    assert texts == json.loads(run(*arguments).stdout)
    assert len(texts) == 2
