"""The Python of README and docs runs, block after block, and makes what its comments say."""

import re

import pytest

from tests.docs.brief import brief
from tests.docs.made_files import digits, make
from tests.docs.pages import PAGES, blocks

# Their Python needs what their commands made.
ELSEWHERE = {"labelling.md", "serving.md"}
_MADE = re.compile(r"^ *(\w+(?:, \w+)*) = .*#.*?((?:\[[\w, ]+\](?: and )?)+)", re.MULTILINE)
_SHAPE = re.compile(r"\[([\w, ]+)\]")


def run(page):
    """The names of a page when all its blocks have run, and those whose shape is told wrongly."""
    names, wrong = {"__name__": "a_page"}, []
    for code in blocks(page, "python"):
        exec(compile(code, "a block of the page", "exec"), names)  # As a reader would.
        for made, shapes in _MADE.findall(code):
            told = _SHAPE.findall(shapes)
            for name, axes in zip(made.split(", "), told, strict=True):
                if not fits(shape_of(names[name]), axes):
                    wrong.append(f"{name}: [{axes}], is {list(shape_of(names[name]))}")
    return names, wrong


def shape_of(made):
    """Of an array; of a distribution the batch's."""
    return getattr(made, "shape", None) or made.batch_shape


def fits(shape, axes):
    """Whether a shape is what a comment tells; a letter stands for any size."""
    told = axes.split(", ")
    return len(shape) == len(told) and all(
        axis == str(size) for size, axis in zip(shape, told, strict=True) if axis.isdigit()
    )


@pytest.fixture
def place(tmp_path, monkeypatch, eager):
    """The folder that a page's blocks run in, with the files that they read."""
    make(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("tfp_dgm.data.image_sets.fetch", lambda name: digits(tmp_path))
    brief(monkeypatch)
    return tmp_path


@pytest.mark.parametrize(
    "path",
    [path for path in PAGES if path.name not in ELSEWHERE],
    ids=lambda path: path.name,
)
def test_python_of_a_page_runs(path, place):
    _, wrong = run(path.read_text(encoding="utf-8"))
    assert wrong == []
