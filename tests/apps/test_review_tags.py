"""The command on a tagging, in a process of its own, which is killed; and its spot check."""

import json
import re
import signal
import subprocess
import sys
import urllib.request
from urllib.parse import urlencode

import pandas as pd
import pytest
from tfp_dgm_apps.cli import app
from typer.testing import CliRunner

from tests.reviewing.made_tags import made_tagging
from tfp_dgm.data import read_tagged_sentences

RUN = "import sys\nfrom tfp_dgm_apps.cli import main\nsys.argv = ['dgm', *sys.argv[1:]]\nmain()\n"
SERVED = "--port 0 --quiet --retrain-every 1"


@pytest.mark.slow
def test_what_was_tagged_outlives_a_kill_and_is_exported(tmp_path):
    model = made_tagging(tmp_path)
    with subprocess.Popen(
        [sys.executable, "-c", RUN, "review", str(model), *SERVED.split()],
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            line = process.stdout.readline()
            assert line.startswith("12 sentences: http://127.0.0.1:")
            address = line.split()[-1]
            with urllib.request.urlopen(f"{address}?row=5") as answer:
                page = answer.read().decode()
            body = {
                name: re.search(f'name="{name}" value="([^"]+)"', page)[1]
                for name in ("secret", "seen")
            }
            body |= {"row": 5, "kind": "tags", "tag": 1, "first": 0, "last": 1}
            with urllib.request.urlopen(address + "answer", urlencode(body).encode()) as answer:
                assert answer.status == 200
                assert "It is being trained on your answers" in answer.read().decode()
        finally:
            process.send_signal(signal.SIGKILL)
    journal = tmp_path / "out.review" / "journal.jsonl"
    with journal.open("a") as file:
        file.write('{"kind": "ta')
    asked = ["review", str(model), "--export", str(tmp_path / "new.conll")]
    result = CliRunner().invoke(app, asked)
    assert result.exit_code == 0
    kept = json.loads(journal.read_text().splitlines()[1])
    assert f"12 sentences, {len(kept['tags'])} of their words answered" in result.output
    assert "the last entry was torn when the review ended" in result.output
    again = read_tagged_sentences(tmp_path / "new.conll")
    assert again.tags[5][:2] == [("B-PER",), ("I-PER",)]
    assert CliRunner().invoke(app, asked).exit_code == 2  # It is there already.
    wrong = CliRunner().invoke(app, [*asked[:3], str(tmp_path / "new.jsonl")])
    assert wrong.exit_code == 2
    assert "end its name in .conll" in wrong.output


@pytest.mark.parametrize("words", ["--import a.jsonl", "--guard-formulas", "--label-column a"])
def test_options_of_rows_are_refused(tmp_path, words):
    result = CliRunner().invoke(app, ["review", str(made_tagging(tmp_path)), *words.split()])
    assert result.exit_code == 2
    assert f"{words.split()[0]}: " in result.output
    assert "sentences" in result.output or "of a tagging" in result.output


def test_accepted_spans_are_checked_by_a_sample(tmp_path):
    made_tagging(tmp_path, "x\tB-PER\ny\tO\n\n" + "w\t_\nv\t_\n\n" * 60)
    asked = ["check", str(tmp_path / "out.conll"), str(tmp_path / "sample.csv")]
    drawn = CliRunner().invoke(app, [*asked, "--rows", "5"])
    assert drawn.exit_code == 0
    assert re.search(r"5 spans of \d+ accepted ones; write yes, no or \?", drawn.output)
    frame = pd.read_csv(tmp_path / "sample.csv", dtype=str, keep_default_na=False)
    frame["is_right"] = ["yes", "", "yes", "", ""]
    frame.to_csv(tmp_path / "sample.csv", index=False)
    told = CliRunner().invoke(app, asked)
    assert told.exit_code == 0
    assert "accepted spans are right" in told.output
    assert f"1 answers after that of span {frame['checked_row'][1]}, which is" in told.output
