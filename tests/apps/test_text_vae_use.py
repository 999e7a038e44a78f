"""What the commands that use a text VAE say of their file, and give back; models are untrained."""

import json

import numpy as np
import pytest
import tensorflow as tf

from tests.apps.text_vae_command import run
from tests.sentence_modelling.untrained_models import sentences, untrained
from tfp_dgm import inference
from tfp_dgm.sentence_modelling import Texts, load_text_model
from tfp_dgm.sentence_modelling.imputation import imputed_strings
from tfp_dgm.text import SubwordVocabulary, WordVocabulary

# What is drawn and searched here is small: its traces would take longer.
pytestmark = pytest.mark.usefixtures("eager")

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
    return untrained(tmp_path_factory.mktemp("models") / "model", {"vocabulary.lower": True})


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
        ("reconstruct", "MODEL", "FILE", "--beam-width", 1),
        ("impute", "MODEL", "FILE", "--beam-width", 1, "--keep", 0.5),
        ("interpolate", "MODEL", "--sentences", "FILE", "--num-pairs", 1, "--beam-width", 1),
        ("encode", "MODEL", "FILE", "--output", "OUTPUT"),
    ],
    ids=lambda arguments: arguments[0],
)
def test_lines_that_are_left_out_or_long_are_named(model, file, tmp_path, arguments):
    places = {"MODEL": model, "FILE": file, "OUTPUT": tmp_path / "z.npy"}
    check_warnings(run(*(places.get(part, part) for part in arguments)).stderr)


def test_where_the_vectors_go_is_looked_at_before_the_sentences(model, tmp_path):
    lost = run("encode", model, tmp_path / "none.txt", "--output", tmp_path / "no/z.npy", code=2)
    assert "does not exist; create it first" in " ".join(lost.stderr.split())


@pytest.mark.parametrize("command", ["reconstruct", "impute"])
def test_answers_name_line_and_sentence(model, file, command):
    answer = json.loads(run(command, model, file, "--beam-width", 1, "--json", "-").stdout)
    found = answer if command == "reconstruct" else answer["texts"]
    assert {text["line"]: text["sentence"] for text in found} == READ


@pytest.mark.parametrize("seed", [-1, 2**31])
def test_a_seed_out_of_range_is_refused(model, seed):
    stderr = run("generate", model, "--seed", seed, code=2).stderr
    assert "Invalid value for '--seed'" in stderr


def test_the_largest_seed_serves(model):
    arguments = ("generate", model, "--num-texts", 2, "--json", "-", "--seed", 2**31 - 1)
    texts = json.loads(run(*arguments).stdout)
    assert texts == json.loads(run(*arguments).stdout)
    assert len(texts) == 2


@pytest.mark.slow
@pytest.mark.parametrize(
    ("keep", "given", "counts"),
    [
        (0.5, ["The Zebra", "a man sits now", "a dog runs runs"], [2, 4, 4]),
        (1.0, [READ[1], READ[3], "a dog runs runs runs runs runs"], [5, 7, 7]),
    ],
)
def test_imputed_texts_begin_as_they_were_given(model, file, keep, given, counts):
    arguments = ("impute", model, file, "--keep", keep, "--beam-width", 2, "--json", "-")
    texts = [text["text"] for text in json.loads(run(*arguments).stdout)["texts"]]
    vae = load_text_model(model)
    rows = vae.vocabulary.encode_all(list(READ.values()))
    for text, beginning, row, count in zip(texts, given, rows, counts, strict=True):
        assert text.startswith(beginning)
        ids = inference.impute(vae, row[np.newaxis, :count], beam_size=2).numpy()[0, count:]
        words = ["", "", "", "<unk>", *vae.vocabulary.tokens]
        assert text[len(beginning) :].replace(" ", "") == "".join(words[i] for i in ids)


def test_a_piece_of_a_word_goes_on_without_a_space():
    vocabulary = SubwordVocabulary(["a", "dog", "##man", "##s", "."], lower=True)
    row = vocabulary.encode_all(["A Dogman"])[0]
    assert len(row) == 4
    found = np.array([[*row[:2], *vocabulary.encode_all(["dogs ."])[0][1:]]])  # a dog ##s . END
    texts = Texts(["A Dogman"], [1], [row], [])
    assert imputed_strings(vocabulary, texts, [row[:2]], found) == ["A Dogs."]


def test_a_long_line_is_tokenised_a_fixed_number_of_times(monkeypatch):
    """Not once for each of its beginnings."""
    vocabulary = WordVocabulary(["a", "dog"])
    sentence = "a Dog " * 2_500
    row = vocabulary.encode_all([sentence])[0]
    split, tokenised = vocabulary._split, []

    def counting(texts):
        tokenised.append(int(tf.reduce_sum(tf.strings.length(texts))))
        return split(texts)

    monkeypatch.setattr(vocabulary, "_split", counting)
    texts, found = Texts([sentence], [1], [row], []), np.array([[*row[:3], 5, 2]])
    assert imputed_strings(vocabulary, texts, [row[:3]], found) == ["a Dog a dog"]
    assert sum(tokenised) <= len(sentence)


@pytest.mark.slow
def test_adversarial_pairs_are_of_sentences_whose_end_is_known(model, file):
    file.write_text(sentences(6, 0) + READ[5] + "\n")
    arguments = ("impute", model, file, "--keep", 0.5, "--beam-width", 1, "--adversarial")
    answer = json.loads(run(*arguments, "--json", "-").stdout)
    assert len(answer["texts"]) == 7
    assert (answer["adversarial"]["num_pairs"], answer["adversarial"]["num_left_out"]) == (6, 1)
    assert "6 pairs; 1 longer sentences left out)" in run(*arguments).stdout
