"""The tables of settings in the docs are those of the classes."""

import pytest
from marked_tables import DOCS
from settings_tables import CLASSES, with_tables

PAGES = [path for path in sorted(DOCS.glob("*.md")) if "<!-- settings_table(" in path.read_text()]


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_a_page_has_the_settings_of_now(path):
    page = path.read_text(encoding="utf-8")
    assert with_tables(page) == page, "run `make tables`"


def test_every_job_has_its_table():
    text = "".join(path.read_text(encoding="utf-8") for path in PAGES)
    assert [name for name in CLASSES if f"settings_table({name})" not in text] == []


def test_a_table_of_yesterday_is_written_anew():
    page = "a\n<!-- settings_table(TextModelSettings) -->\n| old |\n\n<!-- end -->\nb\n"
    written = with_tables(page)
    assert "| old |" not in written
    assert written.startswith("a\n")
    assert written.endswith("\n<!-- end -->\nb\n")
    assert "| `posterior.num_layers` (iaf, spline) | whole number, 1 or more | 2 |" in written
