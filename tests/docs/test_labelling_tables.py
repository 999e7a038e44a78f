"""The tables of labelling are those of the committed results."""

import json

import marked_tables
import pytest
from labelling_tables import PAGES, TABLES, table, with_tables


@pytest.mark.parametrize("path", PAGES, ids=[path.name for path in PAGES])
def test_a_page_has_the_results_of_now(path):
    page = path.read_text("utf-8")
    assert with_tables(page) == page, "run `make tables`"


def test_every_table_stands_on_a_page():
    pages = "".join(path.read_text("utf-8") for path in PAGES)
    assert [name for name in TABLES if f"labelling_table({name})" not in pages] == []


def _run(method, seed, accuracy, precision=None, coverage=0.0, hidden=0.5):
    return {
        **{"data": "sst", "labels_per_class": 50, "method": method, "seed": seed},
        **{"accuracy": accuracy, "macro_f1": accuracy / 2, "hidden_accuracy": hidden},
        **{"precision": precision, "coverage": coverage},
    }


@pytest.fixture
def made_results(tmp_path, monkeypatch):
    """Four methods on draws 10 and 11; SetFit on the first alone."""
    runs = [
        _run("tfp_dgm", 10, 0.7, 0.96, 0.5),
        _run("tfp_dgm", 11, 0.5, 0.94, 0.25),
        _run("TF-IDF + logistic regression", 10, 0.6),
        _run("tfp_dgm + MiniLM", 10, 0.8, hidden=0.75),
        _run("tfp_dgm + MiniLM", 11, 0.9),
        _run("tfp_dgm + MiniLM, not tuned", 10, 0.75),
        _run("tfp_dgm + MiniLM, not tuned", 11, 0.9),
        _run("MiniLM + logistic regression", 10, 0.4),
        _run("SetFit", 10, 0.3),
    ]
    (tmp_path / "labelling_quality.json").write_text(json.dumps({"runs": runs}))
    monkeypatch.setattr(marked_tables, "RESULTS", tmp_path)
    marked_tables.results.cache_clear()
    yield
    marked_tables.results.cache_clear()


@pytest.mark.usefixtures("made_results")
@pytest.mark.parametrize(
    ("name", "last"),
    [
        ("setfit", "SST, 50 | 30.0 / 15.0 | 40.0 / 20.0 | 80.0 / 40.0 | 1"),
        ("tuned", "SST, 50 | 75.0 / 90.0 | 80.0 / 90.0 | 1 of 2"),
        ("accepted", "all | 38 % | 2 of 2 | 95.0 % | 94.0 % | 1 of 2"),
        (
            "encoded",
            "SST, 50 | 60.0 / 30.0 | 85.0 / 42.5 | 40.0 / 20.0 | - | - | - | 2 / 2 / 1 / -",
        ),
    ],
)
def test_what_a_line_says(name, last):
    assert table(name).splitlines()[-1] == f"| {last} |"


@pytest.mark.usefixtures("made_results")
def test_the_best_of_a_row_is_bold():
    cells = table("beside").splitlines()[-1].split(" | ")
    assert cells[1:3] == ["**60.0** / **30.0**", "**60.0** / **30.0**"]
    assert cells[-1] == "38 %, 95.0 % right |"
