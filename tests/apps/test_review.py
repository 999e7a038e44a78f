"""The command in a process of its own, which is killed."""

import json
import re
import signal
import subprocess
import sys
import urllib.request
from urllib.parse import urlencode

import pandas as pd
from tfp_dgm_apps.cli import app
from typer.testing import CliRunner

from tests.reviewing.made_review import made_model

RUN = "import sys\nfrom tfp_dgm_apps.cli import main\nsys.argv = ['dgm', *sys.argv[1:]]\nmain()\n"


def _export(model, output):
    return CliRunner().invoke(app, ["review", str(model), "--export", str(output)])


def test_what_was_answered_outlives_a_kill_and_is_exported(tmp_path):
    model = made_model(tmp_path)
    with subprocess.Popen(
        [sys.executable, "-c", RUN, "review", str(model), "--port", "0", "--quiet"],
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            line = process.stdout.readline()
            assert line.startswith("60 rows: http://127.0.0.1:")
            address = line.split()[-1]
            with urllib.request.urlopen(address) as answer:
                page = answer.read().decode()
            secret = re.search('name="secret" value="([^"]+)"', page)[1]
            other = _export(model, tmp_path / "early.csv")
            assert other.exit_code == 2
            assert "is open in another process; end that review first" in other.output
            body = {"secret": secret, "row": 20, "kind": "label", "label": "login"}
            with urllib.request.urlopen(address + "answer", urlencode(body).encode()) as answer:
                assert answer.status == 200
        finally:
            process.send_signal(signal.SIGKILL)
    journal = tmp_path / "out.review" / "journal.jsonl"
    with journal.open("a") as file:
        file.write('{"kind": "lab')
    result = _export(model, tmp_path / "new.csv")
    assert result.exit_code == 0
    assert "60 rows, 1 of them answered" in result.output
    assert "the last entry was torn when the review ended" in result.output
    assert pd.read_csv(tmp_path / "new.csv")["label"][20] == "login"
    assert [json.loads(line) for line in journal.read_text().splitlines()][1]["rows"] == [20]
    again = _export(model, tmp_path / "new.csv")
    assert again.exit_code == 2
    assert "is there already" in again.output
