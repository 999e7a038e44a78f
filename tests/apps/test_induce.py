"""`dgm induce`: what it prints and refuses; the jobs have tests of their own."""

import json

import pytest
from tfp_dgm_apps.cli import app
from typer.testing import CliRunner

from tests.induction.toy_grammar import sentences, treebank
from tfp_dgm.induction import results

pytestmark = pytest.mark.usefixtures("eager")


@pytest.fixture(autouse=True)
def _without_export(monkeypatch):
    monkeypatch.setattr(results, "export", lambda *args, **kwargs: None)


def run(*arguments, code=0, structure="tags"):
    result = CliRunner().invoke(app, ["induce", structure, *map(str, arguments)])
    assert result.exit_code == code, result.output + str(result.exception)
    return result


SMALL = ("--set", "num_tags=3", "--set", "model.kind=hidden_markov", "--set", "model.iterations=1")


def test_tags_of_a_treebank_are_found_and_compared(tmp_path):
    (tmp_path / "t.conllu").write_text(treebank(sentences(30)))
    output = tmp_path / "out"
    result = run(tmp_path / "t.conllu", "--output", output, *SMALL, "--seed", 4, "--json", "-")
    numbers = json.loads(result.stdout)
    assert numbers == json.loads((output / "metrics.json").read_text())
    assert 0 < numbers["one_to_one"] <= numbers["many_to_one"] < 1
    assert json.loads((output / "settings.json").read_text())["seed"] == 4
    assert "30 sentences" in result.stderr
    again = run(tmp_path / "t.conllu", "--output", output, *SMALL, code=2)
    assert "holds a finished run" in again.stderr


def test_a_treebank_without_tags_is_said_to_have_none(tmp_path):
    text = treebank(sentences(9)).replace("\tN\tN\t", "\tN\t_\t")
    (tmp_path / "t.conllu").write_text(text)
    result = run(tmp_path / "t.conllu", "--output", tmp_path / "out", *SMALL)
    assert "Warning: not every word has a tag in the column xpos" in result.stderr
    assert "many to one" not in result.stdout


def test_figures_are_shown(tmp_path):
    (tmp_path / "t.txt").write_text("a b\n\nb a c\n")
    result = run(tmp_path / "t.txt", "--output", tmp_path / "out", *SMALL)
    assert "num words" in result.stdout
    assert "1 of 3 lines left out, empty: line 2" in result.stderr
    assert "many to one" not in result.stdout


@pytest.mark.parametrize(
    ("text", "settings", "message"),
    [
        ("1\ta\n", SMALL, "t.conllu, line 1: expected 10 columns"),
        (
            treebank(sentences(3)),
            ("--set", "num_tags=3", "--set", "model.units=90"),
            "settings: model.units must be below",
        ),
        (treebank(sentences(1)), (), "settings: num_tags must be at most"),
    ],
)
def test_bad_inputs_are_refused(tmp_path, text, settings, message):
    (tmp_path / "t.conllu").write_text(text)
    result = run(tmp_path / "t.conllu", "--output", tmp_path / "out", *settings, code=2)
    assert message in " ".join(result.stderr.split())
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_dependencies_of_tags_are_found_in_what_tags_wrote(tmp_path):
    (tmp_path / "t.txt").write_text("".join(" ".join(row) + "\n" for row in sentences(20)))
    run(tmp_path / "t.txt", "--output", tmp_path / "tags", *SMALL)
    words = (tmp_path / "tags" / "tagged.conllu", "--output", tmp_path / "trees", "--json", "-")
    few = ("--set", "model.iterations=1")
    result = run(*words, *few, structure="dependencies")
    numbers = json.loads(result.stdout)
    assert numbers == json.loads((tmp_path / "trees" / "metrics.json").read_text())
    assert "directed" not in numbers
    assert "20 of 20 sentences are learned from" in result.stderr
    assert "7 symbols" in result.stderr  # Three tags, and the reserved ones.
    again = run(*words, *few, code=2, structure="dependencies")
    assert "holds a finished run" in again.stderr


def test_constituents_of_a_treebank_are_found_and_compared(tmp_path):
    (tmp_path / "t.mrg").write_text("(S (NP (D the) (N cat)) (VP (V sat) (P down)))\n" * 3)
    sizes = ("nonterminals=2", "preterminals=2", "units=3", "epochs=1")
    few = [part for size in sizes for part in ("--set", f"model.{size}")]
    words = (tmp_path / "t.mrg", "--output", tmp_path / "trees", *few, "--json", "-")
    numbers = json.loads(run(*words, structure="constituents").stdout)
    assert numbers == json.loads((tmp_path / "trees" / "metrics.json").read_text())
    assert numbers["f1_balanced"] == 1
    assert "holds a finished run" in run(*words, code=2, structure="constituents").stderr
