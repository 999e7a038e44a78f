"""The tables of evidence.md are those of the committed results."""

import json

import marked_tables
import pytest
from evidence_tables import CLAIMS, PAGE, Claim, Figure, with_tables


def test_the_page_has_the_results_of_now():
    page = PAGE.read_text(encoding="utf-8")
    assert with_tables(page) == page, "run `make tables`"
    assert [group for group in CLAIMS if f"evidence({group})" not in page] == []


@pytest.fixture
def made_results(tmp_path, monkeypatch):
    rows = [
        {"name": "ours, seed 0", "nll": 1.0},
        {"name": "ours, seed 1", "nll": 3.0},
        {"name": "ours, seed 2", "nll": None},
        {"name": "peer", "nll": 1.5, "draws": [0.25, 0.75]},
        {"name": "seeds", "seeds": 5, "data": "a", "f1": {"mean": 0.5, "std": 0.25}},
        {"name": "seeds", "seeds": 1, "data": "b", "f1": {"mean": 0.75, "std": None}},
    ]
    (tmp_path / "made.json").write_text(json.dumps({"command": "made", "rows": rows}))
    monkeypatch.setattr(marked_tables, "RESULTS", tmp_path)


@pytest.mark.usefixtures("made_results")
@pytest.mark.parametrize(
    ("claim", "cells"),
    [
        (
            ("ours, seed .*", "nll", 1, None, 1.0, True),
            ["1.0 (us)", "2.0 ± 1.4", "2", "missed by 1.0"],
        ),
        (("ours, seed .*", "nll", 1, None, 1.0, False), ["1.0 (us)", "2.0 ± 1.4", "2", "reached"]),
        (("ours, seed 0", "nll", 1, None, "peer", True), ["1.5 (us)", "1.0", "1", "reached"]),
        (
            ("peer", "draws", 100, None, 60, False),
            ["60.0 (us)", "50.0 ± 35.4", "2", "missed by 10.0"],
        ),
        (("seeds", "f1", 100, "a", 50.04, False), ["50.0 (us)", "50.0 ± 25.0", "5", "reached"]),
        (("seeds", "f1", 100, "b", 80, False), ["80.0 (us)", "75.0", "1", "missed by 5.0"]),
    ],
)
def test_a_line_says_by_how_much_a_mark_is_missed(claim, cells):
    rows, key, scale, data, mark, lower = claim
    mark = Figure(mark, "nll") if isinstance(mark, str) else mark
    line = Claim("it", "made", Figure(rows, key, scale, data), mark, "us", lower=lower).line()
    assert line[1:5] == cells


@pytest.mark.usefixtures("made_results")
def test_a_figure_that_no_row_has_is_named():
    with pytest.raises(LookupError, match=r"made\.json: no row 'theirs' has a figure 'nll'"):
        Figure("theirs", "nll").of("made")
    with pytest.raises(LookupError, match="no row 'seeds' has a figure 'f1'"):
        Figure("seeds", "f1", data="c").of("made")


def test_a_table_that_is_empty_or_old_is_written_anew():
    for old in ("", "| old |\n"):
        page = f"a\n<!-- evidence(texts) -->\n{old}<!-- end -->\nb\n<!-- end -->\n"
        written = with_tables(page)
        assert "| old |" not in written
        assert written.startswith("a\n<!-- evidence(texts) -->\n| | mark | ours")
        assert written.endswith(" |\n<!-- end -->\nb\n<!-- end -->\n")
