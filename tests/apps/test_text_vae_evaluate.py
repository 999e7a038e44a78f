"""`dgm text-vae evaluate`: table, file and figure of one run, whatever the posterior."""

import json

import numpy as np
import pytest

from tests.apps.text_vae_command import run
from tests.sentence_modelling.untrained_models import sentences, untrained
from tfp_dgm.sentence_modelling import load_text_model

# What is judged here is small: its traces would take longer.
pytestmark = pytest.mark.usefixtures("eager")

LANGUAGE_MODEL = {"model": "language_model"}


@pytest.fixture
def held_out(tmp_path):
    (tmp_path / "valid.txt").write_text(sentences(20, 1))
    return tmp_path / "valid.txt"


def test_table_file_and_figure_without_a_divergence_by_unit(tmp_path, held_out):
    folder = untrained(tmp_path / "model", {"posterior.kind": "full_normal"})
    places = ("--json", tmp_path / "report.json", "--figure", tmp_path / "units.png")
    result = run("evaluate", folder, held_out, "--num-samples", 2, *places)
    assert "20 sentences, nats each" in result.stdout
    report = json.loads((tmp_path / "report.json").read_text())
    assert report["kl_per_dimension"] is None
    means = load_text_model(folder)(np.array(held_out.read_text().splitlines()))
    expected = np.var(means, axis=0, ddof=1)
    np.testing.assert_allclose(report["variances_of_means"], expected, rtol=1e-3)
    assert (tmp_path / "units.png").read_bytes().startswith(b"\x89PNG")


def test_a_language_model_has_numbers_and_no_figure(tmp_path, held_out):
    folder = untrained(tmp_path / "model", LANGUAGE_MODEL)
    result = run("evaluate", folder, held_out, "--json", "-", "--figure", tmp_path / "units.png")
    assert json.loads(result.stdout)["perplexity"] > 1
    assert "units.png: not drawn: a language model has no units" in result.stderr
    assert not (tmp_path / "units.png").exists()


@pytest.mark.parametrize("option", ["--json", "--figure"])
def test_where_nothing_can_be_written_nothing_is_computed(tmp_path, held_out, option, monkeypatch):
    folder = untrained(tmp_path / "model", LANGUAGE_MODEL)
    monkeypatch.setattr("tfp_dgm.sentence_modelling.read_texts", None)
    for place, message in (
        (tmp_path, "received a folder"),
        ("none/x", "does not exist; create it first"),
    ):
        result = run("evaluate", folder, held_out, option, place, code=2)
        assert message in " ".join(result.stderr.replace("│", " ").split())


def test_beside_a_language_model(tmp_path, held_out):
    first = untrained(tmp_path / "model", LANGUAGE_MODEL)
    second = untrained(tmp_path / "beside", LANGUAGE_MODEL | {"decoder.units": 4})
    held_out.write_text(held_out.read_text() + "dog " * 30 + "\n")
    report = json.loads(run("evaluate", first, held_out, "--beside", second, "--json", "-").stdout)
    assert report["num_sentences"] == 20
    own = json.loads(run("evaluate", second, held_out, "--json", "-").stdout)
    for name, value in report["language_model"].items():
        assert value == pytest.approx(own[name])
    assert report["language_model"]["perplexity"] != report["perplexity"]


@pytest.mark.parametrize(
    ("chosen", "differing"),
    [
        ({"vocabulary.lower": True}, "lower"),
        ({"max_length": 9}, "max_length"),
        ({"vocabulary.size": 9}, "tokens"),
    ],
)
def test_beside_what_cannot_be_compared(tmp_path, held_out, chosen, differing):
    folder = untrained(tmp_path / "model", LANGUAGE_MODEL)
    beside = untrained(tmp_path / "beside", LANGUAGE_MODEL | chosen)
    result = run("evaluate", folder, held_out, "--beside", beside, code=2)
    assert "expected a language model of the same vocabulary" in result.stderr
    assert result.stderr.strip().endswith(f"the two differ in {differing}")


def test_beside_a_text_vae(tmp_path, held_out):
    folder = untrained(tmp_path / "model")
    result = run("evaluate", folder, held_out, "--beside", folder, code=2)
    assert "expected a language model; received a text VAE" in result.stderr


def test_one_sentence_is_refused_before_the_work(tmp_path, held_out):
    folder = untrained(tmp_path / "model")
    held_out.write_text("a man runs.\n" + "dog " * 30 + "\n")
    result = run("evaluate", folder, held_out, code=2)
    assert "expected at least 2 sentences of at most 8 tokens; there are 1" in result.stderr
