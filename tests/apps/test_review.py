"""The command in a process of its own, which is killed."""

import contextlib
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

from tests.reviewing.made_check import made_checked
from tests.reviewing.made_review import made_model

RUN = "import sys\nfrom tfp_dgm_apps.cli import main\nsys.argv = ['dgm', *sys.argv[1:]]\nmain()\n"


def _export(model, output):
    return CliRunner().invoke(app, ["review", str(model), "--export", str(output)])


@contextlib.contextmanager
def _served(model, *words):
    """The command in a process of its own; gives it and its address."""
    with subprocess.Popen(
        [sys.executable, "-c", RUN, "review", str(model), "--port", "0", "--quiet", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            line = process.stdout.readline()
            assert "60 rows: http://127.0.0.1:" in line, process.stderr.read()
            yield process, line.split()[-1]
        finally:
            process.kill()


def _post(address, path, **body):
    with urllib.request.urlopen(address) as answer:
        secret = re.search('name="secret" value="([^"]+)"', answer.read().decode())[1]
    body = urlencode({"secret": secret, **body}).encode()
    with urllib.request.urlopen(address + path, body) as answer:
        return answer.read().decode()


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_table_is_written_when_the_page_ends(tmp_path, number):
    model, output = made_model(tmp_path), tmp_path / "new.csv"
    with _served(model, "--export", str(output), "--serve") as (process, address):
        _post(address, "answer", row=20, kind="label", label="login")
        assert not output.exists()
        process.send_signal(number)
        said, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors
    assert f"{output}: 60 rows, 1 of them answered" in said
    assert pd.read_csv(output)["label"][20] == "login"
    assert not list(tmp_path.glob(".*"))


@pytest.mark.slow
def test_what_has_come_where_the_table_was_to_be_stays(tmp_path):
    model, output = made_model(tmp_path), tmp_path / "new.csv"
    with _served(model, "--export", str(output), "--serve") as (process, address):
        _post(address, "answer", row=20, kind="label", label="login")
        output.write_text("a table of mine")
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 2
    assert "new.csv: is there already; delete it" in errors
    assert output.read_text() == "a table of mine"
    again = _export(model, tmp_path / "other.csv")  # The answer is not lost.
    assert "60 rows, 1 of them answered" in again.output


@pytest.mark.slow
def test_a_check_goes_on_after_a_kill(tmp_path):
    model = made_checked(tmp_path, 60)
    with _served(model) as (process, address):
        _post(address, "check/begin", promise="90", confidence="95")
        page = urllib.request.urlopen(address + "check").read().decode()
        row, accepted = (
            re.search(f'name="{name}" value="([^"]*)"', page)[1] for name in ("row", "predicted")
        )
        _post(address, "check/judge", row=row, predicted=accepted, says="right")
        process.send_signal(signal.SIGKILL)
    with _served(model) as (_, address):
        page = urllib.request.urlopen(address + "check").read().decode()
        assert "1 of 1 right" in page
        assert f'name="row" value="{row}"' not in page


def test_answers_of_a_file_are_taken_in_and_the_table_written(tmp_path):
    model, path = made_model(tmp_path), tmp_path / "ann.jsonl"
    texts = pd.read_csv(tmp_path / "out.csv")["text"]
    records = [{"text": texts[20], "label": ["sales"]}, {"text": "nowhere", "label": ["login"]}]
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    words = ["review", str(model), "--import", str(path), "--annotator", "ann"]
    result = CliRunner().invoke(app, [*words, "--export", str(tmp_path / "new.csv")])
    assert result.exit_code == 0, result.output
    said = " ".join(result.output.split())
    assert "1 answers match no row: line 2 ('nowhere')" in said
    assert "1 rows got answers, new classes: sales" in said
    read = pd.read_csv(tmp_path / "new.csv")
    assert (read["label"][20], read["reviewed_by"][20]) == ("sales", "ann")
    again = CliRunner().invoke(app, words)
    assert "0 rows got answers, 1 answers were there already" in " ".join(again.output.split())


@pytest.mark.slow
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
