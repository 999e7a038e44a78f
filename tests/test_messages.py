"""The words of errors: what came is what was "received", everywhere."""

import ast
import re
from pathlib import Path

import pytest
from tfp_dgm_apps._wording import SPELLED

ROOT = Path(__file__).parents[1]


def texts_of(tree):
    """The literal text of every string but docstrings, and the line where it begins."""
    joined = [node for node in ast.walk(tree) if isinstance(node, ast.JoinedStr)]
    parts = {id(part) for node in joined for part in node.values}
    parts |= {
        id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)
    }  # Docstrings.
    for node in ast.walk(tree):
        if id(node) in parts:
            continue
        if isinstance(node, ast.JoinedStr):
            values = [part.value for part in node.values if isinstance(part, ast.Constant)]
            yield node.lineno, " ".join(values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.lineno, node.value


def options(source):
    """The messages that name an option; what is an option itself is for another program."""
    return [
        (line, text)
        for line, text in texts_of(ast.parse(source))
        if re.search(r"^(?!--).*[ (`]--[a-z]", text, re.DOTALL)
    ]


def wrong_words(source):
    return [
        (line, text)
        for line, text in texts_of(ast.parse(source))
        if re.search(r"\b(expected|must|needs)\b.*\bgot\b", text, re.DOTALL)
    ]


@pytest.mark.parametrize("part", ["tfp_dgm", "apps", "benchmarks"])
def test_what_came_was_received(part):
    files = list((ROOT / part).rglob("*.py"))
    assert files
    found = {
        f"{path.relative_to(ROOT)}:{line}": text
        for path in files
        for line, text in wrong_words(path.read_text(encoding="utf-8"))
    }
    assert not found


def test_the_other_word_is_noticed():
    assert wrong_words('raise ValueError(f"x: expected {3}, got {x}")')
    assert wrong_words('raise ValueError("x: must be >= 1; " f"got {x}")')
    assert not wrong_words('"""What is expected and got."""')
    assert not wrong_words('raise ValueError(f"x: expected {3}; received {x}")')


def test_the_library_names_no_options():
    """It names arguments; `apps/_wording.py` has what is typed for them, and no more."""
    sources = [path.read_text(encoding="utf-8") for path in (ROOT / "tfp_dgm").rglob("*.py")]
    assert [found for source in sources for found in options(source)] == []
    texts = [text for source in sources for _, text in texts_of(ast.parse(source))]
    assert [name for name in SPELLED if not any(name in text for text in texts)] == []


def test_an_option_in_a_message_is_noticed():
    assert options('raise ValueError("read with --no-quoting")')
    assert options('raise ValueError(f"{x}: not built; (--build builds it)")')
    assert not options('command += ["--plain", f"--port={port}"]')
