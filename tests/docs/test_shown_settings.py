"""What the commands of README and docs set, and the targets of `make`, are there."""

import itertools
import operator
import re
import shlex
from pathlib import Path

import pytest
import yaml

from tfp_dgm.captioning import CaptionSettings
from tfp_dgm.data import DataError
from tfp_dgm.image_modelling import ImageModelSettings
from tfp_dgm.induction import ConstituentSettings, DependencySettings, TagSettings
from tfp_dgm.sentence_modelling import TextModelSettings
from tfp_dgm.settings import read_settings

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
SETTINGS = {
    "dgm caption train": CaptionSettings,
    "dgm induce constituents": ConstituentSettings,
    "dgm induce dependencies": DependencySettings,
    "dgm induce tags": TagSettings,
    "dgm iwae train": ImageModelSettings,
    "dgm text-vae train": TextModelSettings,
}
TEXT = "\n".join(path.read_text(encoding="utf-8") for path in PAGES)
LINES = [
    (command, line)
    for command in SETTINGS
    for line in re.findall(rf"^({command} .*)$", TEXT.replace("\\\n", " "), re.MULTILINE)
]


def values_of(option, words):
    return [value for name, value in itertools.pairwise(words) if name == option]


def settings_of(command, line):
    words = shlex.split(line, comments=True)
    files = [ROOT / file for file in values_of("--settings", words)]
    return read_settings(SETTINGS[command], *files[:1] or [None], values_of("--set", words))


@pytest.mark.parametrize(("command", "line"), LINES)
def test_settings_of_a_line_are_taken(command, line):
    settings = settings_of(command, line)
    for assignment in values_of("--set", shlex.split(line, comments=True)):
        name, value = assignment.split("=")
        found = operator.attrgetter(name)(settings)
        assert (list(found) if isinstance(found, tuple) else found) == yaml.safe_load(value), name


def test_every_training_is_shown():
    assert {command for command, _ in LINES} == SETTINGS.keys()


def test_an_unknown_setting_is_found():
    with pytest.raises(DataError, match="expert"):
        settings_of("dgm caption train", "dgm caption train a --output b --set expert=2  # Here.")


def test_targets_of_make_are_there():
    targets = re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    named = re.findall(r"^make (\w+) +#|`make (\w+)`", TEXT, re.MULTILINE)
    assert {first or second for first, second in named} - set(targets) == set() != set(named)
