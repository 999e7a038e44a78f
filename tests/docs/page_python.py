"""The Python of a page, run block after block."""

import re

from tests.docs.pages import blocks

_MADE = re.compile(r"^ *(\w+(?:, \w+)*) = .*#.*?((?:\[[\w, ]+\](?: and )?)+)", re.MULTILINE)
_SHAPE = re.compile(r"\[([\w, ]+)\]")


def run_python(page):
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
