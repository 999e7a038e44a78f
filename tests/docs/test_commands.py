"""The lines of `dgm` in README and docs are ones that the commands take."""

from pathlib import Path

import pytest

from tests.docs.command_lines import lines, problems

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "Makefile")]
PAGES += sorted((ROOT / "docs").glob("*.md"))


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_commands_of_a_page_are_taken(path):
    page = path.read_text(encoding="utf-8")
    found = [(line, problems(line, whole=whole)) for line, whole in lines(page)]
    assert [(line, wrong) for line, wrong in found if wrong] == []


def test_what_is_wrong_is_found():
    page = "dgm predict m in.csv --out x\ndgm predict m --output x \\\n  --quiet\n`dgm lable`"
    assert [problems(line, whole=whole) for line, whole in lines(page)] == [
        ["predict has no --out"],
        ["predict takes 2 arguments, not 1"],
        ["no command lable"],
    ]
    assert problems("dgm export m", whole=True) == ["export needs --output"]
    assert problems("dgm export m --batch-size 4 --output o  # Here.", whole=True) == []
