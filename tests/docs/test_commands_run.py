"""The commands of README and docs run, each on what those before it made, and print what is shown.

On made data and small models: see `made_files` and `brief`. What cannot run here is listed.
"""

import json
import os
import shlex
import signal
import socket
import threading
import time
import urllib.request
from pathlib import Path

import pandas as pd
import pytest
from tfp_dgm_apps.cli import app
from typer.testing import CliRunner

from tests.docs.brief import LEFT_OUT, added, brief
from tests.docs.made_files import LABELLED, ROWS, make
from tests.docs.pages import PAGES, blocks, commands, inline, languages, shape, table, text_of
from tests.docs.test_commands import problems

# The beginning of a command -> why it is not run.
NOT_RUN = {
    "dgm datasets path minilm": "it fetches a model from a package index",
    "dgm demo": "it fetches Reuters R8",
    "dgm serve-check served/translator": "as that of serving.md, which takes 10 s",
    "dgm iwae train --output OUT --set objective.kind=NAME": "it is a pattern; the tests of "
    "image_modelling train by every objective",
    "make ": "it sets up an environment, or runs the tests themselves",
    "pip install": "it asks a package index",
    "python benchmarks/": "it measures for minutes; tests/test_make_bench.py runs the target",
}
# They print texts that a model writes.
FREE = ("dgm text-vae generate", "dgm text-vae interpolate", "dgm text-vae reconstruct")


def not_run(command):
    return any(command.startswith(start) for start in NOT_RUN)


def words_of(command):
    words = shlex.split(command, comments=True)
    return [word for word in words if word not in LEFT_OUT] + added(" ".join(words))


def run(command):
    result = CliRunner().invoke(app, words_of(command)[1:])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0, f"{command}\n{result.output}"
    return result.stdout


def run_python(page):
    names = {}
    for code in blocks(page, "python"):
        exec(code, names)  # As a reader would.


def free_port():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


class Session:
    """The commands of one page, run in the present folder: command -> what it printed."""

    def __init__(self, page, *, serving=lambda rest, grpc: None):
        self.printed, self._serving, self.answer = {}, serving, None
        rest = [shown for shown in commands(page) if not not_run(shown.command)]
        for shown in rest:
            if shown.command.startswith("curl"):
                continue  # Asked of the server while it runs.
            serves = shown.command.startswith("dgm serve ") and "--docker" not in shown.command
            printed = self._serve(shown.command) if serves else run(shown.command)
            self.printed[shown.command] = printed
            if shown.output is not None:
                shows = shown.output.replace("$PWD", os.getcwd())
                free = shown.command.startswith(FREE)
                assert shape(printed, free=free) == shape(shows, free=free), shown.command

    def _serve(self, command):
        """Runs the server in the main thread, as it asks for, and asks it from another."""
        ports = free_port(), free_port()
        before = {name: signal.getsignal(name) for name in (signal.SIGINT, signal.SIGTERM)}

        def ask():
            try:
                for _ in range(300):
                    with socket.socket() as probe:
                        if probe.connect_ex(("127.0.0.1", ports[0])) == 0:
                            break
                    time.sleep(0.1)
                self.answer = self._serving(*ports)
            finally:
                os.kill(os.getpid(), signal.SIGINT)

        asker = threading.Thread(target=ask)
        asker.start()
        try:
            printed = run(f"{command} --rest-port {ports[0]} --grpc-port {ports[1]}")
        finally:
            asker.join()
            for name, handler in before.items():
                signal.signal(name, handler)
        assert self.answer is not None, "the server did not answer"
        return printed


@pytest.fixture
def place(tmp_path, monkeypatch):
    """An empty folder with the files that the pages name, as the present one."""
    make(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TFP_DGM_CACHE", str(tmp_path / "cache"))
    brief(monkeypatch)
    return tmp_path


def test_labelling(place):
    page = text_of("labelling.md")
    Session(page)
    run_python(page)
    labelled = pd.read_csv("labelled.csv", keep_default_na=False)
    names = [name for row in table(page, "column") for name in row[0].strip("`").split("`, `")]
    assert list(labelled) == ["text", "label", *names]
    assert len(labelled) == ROWS
    assert (labelled["label"] != "").sum() == LABELLED
    beside = {"report.html", "metrics.json", "settings.json", "model.keras", "saved_model"}
    assert {path.name for path in Path("labelled.model").iterdir()} == beside
    assert all(f"`{name}" in page for name in beside)
    metrics = json.loads(Path("labelled.model/metrics.json").read_text())
    assert "copies" in metrics["rows"]
    assert {"share", "share_low", "share_high"} <= metrics["classes"][0].keys()
    assert {"count", "expected_wrong"} <= metrics["suspects"].keys()
    # README shows some of them, and begins with the same command.
    readme = text_of("README.md")
    shown = [cell.strip() for cell in readme.split("\n| text |")[1].splitlines()[0].split("|")]
    assert [name for name in shown if name] == [name for name in labelled if name in shown]
    assert next(commands(readme)) == next(commands(page))


def test_serving(place):
    page = text_of("serving.md")
    (asked,) = (shown.command for shown in commands(page) if shown.command.startswith("curl"))
    (code,) = (code for code in blocks(page, "python") if "Client(" in code)

    def ask(rest, grpc):
        _, _, body, address = shlex.split(asked)
        url = "http://" + address.replace(":8501/", f":{rest}/")
        with urllib.request.urlopen(url, data=body.encode()) as answer:
            found = json.load(answer)["predictions"]
        names = {}
        exec(code.replace("localhost:8500", f"localhost:{grpc}"), names)  # As a reader would.
        return found, names["answer"]

    rows, answer = Session(page, serving=ask).answer
    run_python(page.replace(code, ""))
    outputs = table(page, "model")[0][3].replace(" [K]", "").split(", ")
    assert set(rows[0]) == set(answer) == set(outputs)
    assert set(answer["label"].tolist()) <= {b"billing", b"outage", b"refund"}
    checked = [verdict["check"] for verdict in json.loads(Path("checks.json").read_text())]
    (*said, compilers) = (row[0] for row in table(page, "check"))
    assert checked == [*said, *(f"compiles {name}" for name in compilers[9:].split(", "))]


def test_text_vae(place, eager):
    page = text_of("text_vae.md")
    printed = Session(page).printed
    for folder in ("MODEL", "captions_vae"):
        files = {"settings.json", "model.keras", "history.json", "samples.txt"}
        assert files <= {path.name for path in Path(folder).iterdir()}
        assert all(f"`{name}`" in page for name in files)
    report = json.loads(Path("report.json").read_text())
    assert {"log_likelihood", "elbo", "perplexity"} <= report.keys()
    assert Path("kl.png").read_bytes().startswith(b"\x89PNG")
    lines = {command.split()[2]: text.splitlines() for command, text in printed.items()}
    assert len(lines["generate"]) == 10
    assert len(printed[next(c for c in printed if "--spherical" in c)].splitlines()) == 7
    assert len(pd.read_parquet("vectors.parquet")) == 60


def test_captions(place, eager):
    page = text_of("captions.md")
    printed = Session(page).printed
    metrics = json.loads(Path("metrics.json").read_text())
    named = {"oracle_bleu_4", "oracle_cider", "pairwise_bleu", "distinct_2", "nll_per_token"}
    assert named <= metrics.keys()
    assert all(f"`{name}`" in page for name in named)
    assert Path("page.html").read_text().count("Expert 3") == 4  # Of the images held out.
    answers = printed["dgm caption describe translator sentences.txt          # one a line"]
    assert [line for line in answers.splitlines() if line[0] != " "] == ["one two", "three"]
    for name in ("captioner", "translator"):
        assert Path(f"served/{name}/1/saved_model.pb").is_file()


def test_image_models(place, eager):
    page = text_of("image_models.md")
    printed = Session(page).printed
    report = json.loads(Path("report.json").read_text())
    said = [name.strip("`") for row in table(page, "number") for name in row[0].split("`, ")[:2]]
    assert [name for name in said[:7] if name.split("`")[0] not in report] == []
    for command, text in printed.items():
        if " evaluate " in command:
            assert "log likelihood" in text
            assert "effective sample size" in text
    for name in ("samples.png", "reconstructions.png"):
        assert Path(name).read_bytes().startswith(b"\x89PNG")


def test_every_command_of_a_page_is_run_or_listed():
    """The pages above run all of theirs; the others have none but what is listed."""
    run_whole = {"labelling.md", "serving.md", "text_vae.md", "captions.md", "image_models.md"}
    for path in PAGES:
        page = path.read_text(encoding="utf-8")
        if path.name == "README.md":
            page = page.replace(next(commands(page)).command, "")  # That of labelling.md.
        found = [] if path.name in run_whole else [shown.command for shown in commands(page)]
        found += [line for line in inline(page) if whole(line)]
        assert [line for line in found if not not_run(line)] == [], path.name


def whole(line):
    """Whether what stands in a sentence could be typed as it is, with more than its name."""
    if not line.startswith("dgm "):
        return True
    return len(line.split()) > 2 and problems(line, whole=True) == []


def test_what_is_listed_stands_in_a_page():
    text = [path.read_text(encoding="utf-8") for path in PAGES]
    found = [
        line for page in text for line in [*inline(page), *(c.command for c in commands(page))]
    ]
    assert [start for start in NOT_RUN if not any(line.startswith(start) for line in found)] == []


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_a_block_says_what_it_is(path):
    page = path.read_text(encoding="utf-8")
    assert languages(page) <= {"python", "sh", "console", "text", "yaml"}
    hidden = "".join(blocks(page, "text", "yaml"))
    assert [line for line in hidden.splitlines() if line.startswith(("dgm ", "$ "))] == []


def test_shapes_tell_what_differs():
    assert (
        shape("3 rows, 0.5 of 1,000\n") == shape("12 rows, 0.25 of 7") != shape("3 lines, 1 of 1")
    )
    assert shape("a b\n  c d\n\ne", free=True) == shape("x\n  y\n\nz", free=True)
    assert shape("a\n  c", free=True) != shape("a\nc", free=True)


def test_a_command_that_prints_otherwise_is_found(monkeypatch):
    monkeypatch.setattr("tests.docs.test_commands_run.run", lambda command: "7 rows labelled\n")
    Session("```console\n$ dgm predict a b\n12 rows labelled\n```\n")
    with pytest.raises(AssertionError, match="dgm predict a b"):
        Session("```console\n$ dgm predict a b\n12 rows written\n```\n")
