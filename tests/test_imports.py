"""What tests share stands in modules of its own: no test is imported from another."""

import ast
from pathlib import Path

TESTS = Path(__file__).parent


def imported_tests(source):
    """The modules named test_* that a piece of code imports."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom):
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        else:
            continue
        found += [name for name in names if any(p.startswith("test_") for p in name.split("."))]
    return [name for name in found if name.startswith("tests.")]


def test_no_test_imports_from_a_test():
    found = {
        str(path.relative_to(TESTS)): imported_tests(path.read_text(encoding="utf-8"))
        for path in TESTS.rglob("*.py")
    }
    assert {path: names for path, names in found.items() if names} == {}


def test_an_import_of_a_test_is_found():
    source = "from tests.models import test_m2, toys\nfrom tests.text.test_words import WORDS\n"
    assert imported_tests(source) == ["tests.models.test_m2", "tests.text.test_words.WORDS"]
