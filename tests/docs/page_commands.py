"""The commands of a page, run one after the other in this process, and what they print."""

import json
import os
import shlex
import signal
import urllib.request
from contextlib import contextmanager

from tfp_dgm_apps.cli import app
from typer.testing import CliRunner

from tests.docs.brief import added
from tests.docs.pages import commands, shape
from tfp_dgm.serving import EmbeddedServer

# The beginning of a command -> why it is not run.
NOT_RUN = {
    "dgm datasets path minilm": "it fetches a model from a package index",
    "dgm demo": "it fetches Reuters R8",
    "dgm predict labelled.model 'in/*": "its workers would each load TensorFlow; "
    "tests/apps/test_label.py runs it with -m slow",
    "dgm predict topics 'in/*": "its workers would each load TensorFlow; "
    "tests/apps/test_topics.py asks a worker's code",
    "dgm predict tags.model 'in/*": "the same; tests/apps/test_tag.py",
    "dgm predict vae 'in/*": "the same; tests/serving/signatures/test_signatures_of.py",
    "dgm predict translator 'in/*": "the same; tests/apps/test_caption_sources.py",
    "dgm predict s3://": "it needs a bucket; see tests/serving/beam/test_stored_run.py",
    "dgm caption train 'pairs/*": "tests/captioning/test_pair_training.py trains on such files",
    "dgm iwae train --output OUT --set objective.kind=NAME": "it is a pattern; the tests of "
    "image_modelling train by every objective",
    "dgm text-vae train 'shards/*.txt.gz' valid.txt --output MODEL --workers": "it waits for "
    "another process; tests/apps/test_workers_of_a_command.py starts two",
    "make ": "it sets up an environment, or runs the tests themselves",
    "pip install": "it asks a package index",
    "python benchmarks/": "it measures for minutes; tests/test_make_bench.py runs the target",
}
# They print texts that a model writes.
FREE = ("dgm text-vae generate", "dgm text-vae interpolate", "dgm text-vae reconstruct")


def not_run(command):
    return command.startswith(tuple(NOT_RUN))


def run_commands(page, run):
    """Runs the commands of a page in the present folder, and holds what they print to the page.

    Args:
      page: the page's text.
      run: a command -> what it prints.
    Returns:
      command -> what it printed.
    """
    printed = {}
    for shown in commands(page):
        command = shown.command
        if not_run(command) or command.startswith("curl "):  # A server that runs is asked.
            continue
        printed[command] = run(command)
        if shown.output is not None:
            shows = shown.output.replace("$PWD", os.getcwd())
            free = command.startswith(FREE)
            assert shape(printed[command], free=free) == shape(shows, free=free), command
    return printed


def run(command):
    words = shlex.split(command, comments=True)
    result = CliRunner().invoke(app, [*words[1:], *added(command)])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0, f"{command}\n{result.output}"
    return result.stdout


def curl(command, rest_port):
    """The answer to a line of curl, of which the port is another."""
    program, data, body, address = shlex.split(command)
    assert (program, data) == ("curl", "-d")
    url = "http://" + address.replace(":8501/", f":{rest_port}/")
    with urllib.request.urlopen(url, data=body.encode()) as answer:
        return json.load(answer)


@contextmanager
def servers_are_asked(monkeypatch, ask, kind=EmbeddedServer, starts="start", stop="stop"):
    """Within the block `ask(server)` is called of each that starts, and then Ctrl-C ends it."""
    start, numbers = getattr(kind, starts), (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.getsignal(number) for number in numbers}

    def asked(server):
        started = start(server)
        try:
            ask(server)
        except BaseException:
            getattr(server, stop)(*([None] * 3 if stop == "__exit__" else []))
            raise
        os.kill(os.getpid(), signal.SIGINT)
        return started

    monkeypatch.setattr(kind, starts, asked)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
