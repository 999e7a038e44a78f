"""The Python of README and docs stands on its own: whatever a block names, the page has made."""

import ast
import builtins
import importlib
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
_FENCE = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def blocks(page):
    return [code for language, code in _FENCE.findall(page) if language == "python"]


def bound(tree):
    """The names that a piece of code makes, those of inner scopes too."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.arg):
            yield node.arg
        elif isinstance(node, ast.alias):
            yield node.asname or node.name.partition(".")[0]


def missing_names(page):
    """The names that a page's blocks use before it has made them."""
    known = set(dir(builtins))
    missing = []
    for code in blocks(page):
        for statement in ast.parse(code).body:
            known |= set(bound(statement))
            used = (node for node in ast.walk(statement) if isinstance(node, ast.Name))
            missing += [node.id for node in used if node.id not in known]
    return missing


def broken_imports(page):
    """What a page's blocks import, or take from a module of ours, that is not there."""
    modules, broken = {}, []
    for code in blocks(page):
        for node in ast.walk(ast.parse(code)):
            if isinstance(node, ast.Import):
                for alias in node.names:
                    importlib.import_module(alias.name)
            elif isinstance(node, ast.ImportFrom):
                module = importlib.import_module(node.module)
                for alias in node.names:
                    found = getattr(module, alias.name, None)
                    broken += [f"{node.module}.{alias.name}"] if found is None else []
                    if node.module == "tfp_dgm":
                        modules[alias.name] = found
            elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                module = modules.get(node.value.id)
                if module is not None and not hasattr(module, node.attr):
                    broken.append(f"{node.value.id}.{node.attr}")
    return broken


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_every_name_of_a_page_is_made_on_it(path):
    page = path.read_text(encoding="utf-8")
    assert missing_names(page) == []
    assert broken_imports(page) == []


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_python_is_marked_as_such(path):
    """Nothing that trains or calls a model hides in a block of another kind."""
    page = path.read_text(encoding="utf-8")
    rest = _FENCE.sub(lambda fence: "" if fence[1] == "python" else fence[0], page)
    assert re.findall(r"^\s*(?:\w+ = )?\w+\.(?:compile|fit|predict)\(.*", rest, re.MULTILINE) == []


def test_what_is_missing_is_found():
    page = "```python\nfrom tfp_dgm import layers\n\nx = layers.Nothing(images)\n```\n"
    assert missing_names(page) == ["images"]
    assert broken_imports(page) == ["layers.Nothing"]
