import json

import pandas as pd
import pytest
from tfp_dgm_apps.cli import app
from typer.testing import CliRunner


@pytest.fixture
def table(tmp_path):
    frame = pd.DataFrame(
        {
            "text": [f"text {n}" for n in range(400)],
            "predicted_label": ["a", "b"] * 200,
            "probability": ["0.97"] * 400,
            "accept": ["true"] * 400,
        }
    )
    frame.to_csv(tmp_path / "out.csv", index=False)
    return tmp_path / "out.csv"


def _run(*words):
    return CliRunner().invoke(app, ["check", *map(str, words)])


def _answer(sample, word, count):
    frame = pd.read_csv(sample, dtype=str, keep_default_na=False)
    frame["is_right"] = [word] * count + [""] * (len(frame) - count)
    frame.to_csv(sample, index=False)


def test_a_sample_is_written_and_its_answers_told(table):
    sample = table.with_name("s.csv")
    drawn = _run(table, sample, "--seed", 3, "--min-precision", 0.9)
    assert drawn.exit_code == 0
    assert "200 rows of 400 accepted ones; write yes, no or ? into is_right" in drawn.stdout
    _answer(sample, "yes", 20)
    early = _run(table, sample)
    assert early.stdout.startswith("open: 20 of 20 right: between ")
    assert "Not counted yet" not in early.stdout
    more = int(early.stdout.split("If the next ")[1].split()[0])
    frame = pd.read_csv(sample, dtype=str, keep_default_na=False)
    frame.loc[4, "is_right"] = ""
    frame.to_csv(sample, index=False)
    said = f"Not counted yet: 15 answers after that of row {int(frame.checked_row[4]):,}, which is"
    assert said in " ".join(_run(table, sample).stdout.split())
    _answer(sample, "yes", 20 + more)
    figures = table.with_name("f.json")
    done = _run(table, sample, "--json", figures)
    said = f"{20 + more} of {20 + more} right: at least 90% of the 400 accepted rows are right"
    assert done.stdout.startswith(f"kept: {said}, at 95% confidence.")
    assert json.loads(figures.read_text())["verdict"] == "kept"
    assert json.loads(table.with_name("s.json").read_text())["plan"]["seed"] == 3


def test_an_option_that_differs_from_the_first_call_is_refused_by_its_name(table):
    sample = table.with_name("s.csv")
    assert _run(table, sample, "--seed", 3).exit_code == 0
    for words, message in (
        (("--seed", 0), "--seed: expected 3, as was decided in"),
        (("--min-precision", 0.9), "--min-precision: expected 0.95"),
        (("--once",), "--once: "),
        (("--label-column", "x"), "--label-column: expected none, as was decided in"),
    ):
        result = _run(table, sample, *words)
        assert result.exit_code == 2
        assert message in result.output
