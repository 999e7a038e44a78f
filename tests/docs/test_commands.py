"""The commands of README and docs are ones that `dgm` takes, with settings that there are."""

import re
import shlex
from pathlib import Path

import pytest
import typer
from tfp_dgm_apps.cli import app

from tfp_dgm.captioning import CaptionSettings
from tfp_dgm.data import DataError
from tfp_dgm.image_modelling import ImageModelSettings
from tfp_dgm.sentence_modelling import TextModelSettings
from tfp_dgm.settings import read_settings

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
SETTINGS = {
    "caption train": CaptionSettings,
    "iwae train": ImageModelSettings,
    "text-vae train": TextModelSettings,
}
_FENCE = re.compile(r"^```\w*\n(.*?)^```", re.MULTILINE | re.DOTALL)


def commands(page, program):
    """The words of each line of a page's blocks that runs the program."""
    for block in _FENCE.findall(page):
        for line in block.replace("\\\n", " ").splitlines():
            if line.startswith(f"{program} "):
                yield shlex.split(line, comments=True)[1:]


def take(words):
    """Reads a command as `dgm` would, values of options and files apart; gives its name."""
    command, names, rest = typer.main.get_command(app), [], list(words)
    while hasattr(command, "commands"):
        names.append(rest.pop(0))
        command = command.commands[names[-1]]
    context = command.context_class(command)
    given, left, _ = command.make_parser(context).parse_args(rest)
    assert left == [], f"dgm {' '.join(names)}: takes no {left}"
    for parameter in command.params:
        there = given.get(parameter.name) or not parameter.required
        assert there, f"dgm {' '.join(names)}: {parameter.name} is missing"
    name = " ".join(names)
    if name in SETTINGS:
        file = given.get("settings")
        read_settings(SETTINGS[name], file and ROOT / file, given.get("set_") or ())
    return name


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_every_command_of_a_page_is_taken(path):
    for words in commands(path.read_text(encoding="utf-8"), "dgm"):
        assert take(words)


def test_every_job_is_shown():
    text = "".join(path.read_text(encoding="utf-8") for path in PAGES)
    shown = {take(words) for words in commands(text, "dgm")}
    assert shown >= SETTINGS.keys() | {"label", "predict", "export", "serve", "serve-check"}


def test_every_target_of_a_page_is_in_the_makefile():
    targets = re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    text = "".join(path.read_text(encoding="utf-8") for path in PAGES)
    named = {words[0] for words in commands(text, "make")}
    assert named
    assert named <= set(targets)


@pytest.mark.parametrize(
    ("line", "error", "message"),
    [
        ("dgm caption trian pairs.csv --output out", KeyError, "trian"),
        ("dgm caption train pairs.csv --out out", Exception, "No such option"),
        ("dgm caption train --output out", AssertionError, "is missing"),
        ("dgm caption train pairs.csv more.csv --output out", AssertionError, "takes no"),
        ("dgm caption train p.csv --output out --set expert=2", DataError, "expert"),
    ],
)
def test_what_dgm_would_refuse_is_found(line, error, message):
    (words,) = commands(f"```\n{line}\n```\n", "dgm")
    with pytest.raises(error, match=message):
        take(words)
