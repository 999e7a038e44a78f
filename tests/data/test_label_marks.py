"""Cells of one label that say what a row is not, or nothing; names that look like such marks."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tfp_dgm.data import (
    ClassDefinitions,
    DataError,
    LabelledTable,
    quoted_class,
    read_annotated_table,
    read_class_definitions,
    read_labelled_columns,
    read_labelled_table,
    read_multi_label_table,
)
from tfp_dgm.data.label_sets import MarkedLabels

PLENTY = ["late", "refund", "other"] * 3


def _read(folder: Path, cells: list[object], **options: object) -> LabelledTable:
    path = folder / "in.jsonl"
    rows = [{"text": f"t{row}", "label": cell} for row, cell in enumerate(cells)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return read_labelled_table(
        path,
        **{"text_columns": ["text"], "label_column": "label", **options},  # type: ignore[arg-type]
    )


def _allowed(table: LabelledTable, row: int) -> set[str]:
    return {name for name, here in zip(table.classes, table.allowed[row], strict=True) if here}


@pytest.mark.parametrize(
    ("cell", "allowed"),
    [
        ("!late", {"refund", "other"}),
        (" ! late", {"refund", "other"}),
        ("!late|!refund", {"other"}),
        ("!late | ! refund", {"other"}),
        (["!late", "!refund"], {"other"}),
        ("!late|!late", {"refund", "other"}),
        ("?", {"late", "refund", "other"}),
        (["?"], {"late", "refund", "other"}),
        ("", {"late", "refund", "other"}),
        ("late|refund", {"late", "refund"}),
    ],
)
def test_what_a_cell_allows(tmp_path: Path, cell: object, allowed: set[str]) -> None:
    table = _read(tmp_path, [*PLENTY, cell])
    assert table.classes == ("late", "other", "refund")
    assert _allowed(table, len(PLENTY)) == allowed


def test_what_is_left_of_two_classes_is_the_label(tmp_path: Path) -> None:
    table = _read(tmp_path, ["spam", "!spam", "spam", "!spam"], classes=["spam", "ham"])
    assert table.classes == ("ham", "spam")
    assert table.observed.tolist() == [1, 0, 1, 0]


def test_a_group_is_denied_with_all_its_classes(tmp_path: Path) -> None:
    path = tmp_path / "classes.yaml"
    path.write_text(
        "- {name: billing, parent: money}\n- {name: refund, parent: money}\n- outage\n- login\n"
    )
    definitions: ClassDefinitions = read_class_definitions(path)
    table = _read(tmp_path, ["!money", "!money|!login", "?"], definitions=definitions)
    assert [_allowed(table, row) for row in range(3)] == [
        {"outage", "login"},
        {"outage"},
        {"outage", "login", "billing", "refund"},
    ]


def test_each_of_several_columns_has_its_marks(tmp_path: Path) -> None:
    path = tmp_path / "in.csv"
    path.write_text("text,topic,mood\na,x,!sad\nb,y,sad\nc,z,\nd,!x,glad\ne,?,calm\n")
    tables = read_labelled_columns(
        path, text_columns=["text"], label_columns=["topic", "mood"], classes={"topic": "wxyz"}
    )
    assert _allowed(tables["mood"], 0) == {"glad", "calm"}
    assert _allowed(tables["topic"], 3) == {"w", "y", "z"}
    assert _allowed(tables["topic"], 4) == {"w", "x", "y", "z"}
    (warning,) = [text for text in tables["mood"].warnings if "read as" in text]
    assert (
        "1 cell is read as \"not this class\", such as '!sad' in line 2, column 'mood'" in warning
    )


# --- Names that look like marks -------------------------------------------------------------


def test_a_class_of_a_marks_name_is_listed_or_escaped(tmp_path: Path) -> None:
    names = ["!late", "?", "plain"]
    listed = _read(tmp_path, names * 3, classes=names)
    escaped = _read(tmp_path, [quoted_class(name) for name in names] * 3)
    for table in (listed, escaped):
        assert table.classes == ("!late", "?", "plain")
        assert table.observed.tolist() == [0, 1, 2] * 3
        assert not any("read as" in warning for warning in table.warnings)
    denied = _read(tmp_path, [*names * 3, "!!late", "!\\!late"], classes=names)
    assert _allowed(denied, 9) == _allowed(denied, 10) == {"?", "plain"}


def test_other_names_with_backslashes_and_marks_stay_as_they_are(tmp_path: Path) -> None:
    names = ["\\alpha", "wow!", "why?", "??", "\\\\x", "(none)"]
    table = _read(tmp_path, names * 3)
    assert set(table.classes) == set(names)
    assert [table.classes[k] for k in table.observed] == names * 3


@given(
    st.lists(
        st.text(st.sampled_from("!?\\()none a|\u00a0\t"), min_size=1).filter(str.strip),
        min_size=1,
        unique=True,
    )
)
def test_what_is_quoted_is_read_as_it_was(names: list[str]) -> None:
    said = MarkedLabels.of([quoted_class(name) for name in names])
    assert said == MarkedLabels(tuple(names))
    assert MarkedLabels.of(names, known=names) == MarkedLabels(tuple(names))
    denied = MarkedLabels.of(["!" + quoted_class(name.lstrip()) for name in names])
    assert denied == MarkedLabels(denied=tuple(dict.fromkeys(name.lstrip() for name in names)))


def test_several_labels_a_row_keep_other_backslashes_too(tmp_path: Path) -> None:
    path = tmp_path / "in.csv"
    path.write_text("text,tags\na,\\alpha;b\nb,\\!b\nc,b\n")
    table = read_multi_label_table(path, text_columns=["text"], label_columns=["tags"])
    assert table.classes == ("!b", "\\alpha", "b")


# --- Warnings and refusals ------------------------------------------------------------------


def test_marks_are_told_with_a_way_out(tmp_path: Path) -> None:
    table = _read(tmp_path, [*PLENTY, "!late", "?", "!late|!refund"])
    assert table.warnings == [
        "2 cells are read as \"not this class\", such as '!late' in line 10, column 'label'. Where "
        "'!late' is a class, write '\\!late' or list it in `classes`.",
        "1 cell is read as \"not annotated\", such as '?' in line 11, column 'label'. Where '?' is "
        "a class, write '\\?' or list it in `classes`.",
    ]


def test_conflicting_copies_are_shown_by_what_they_deny(tmp_path: Path) -> None:
    path = tmp_path / "in.csv"
    labels = "abcdef" * 3
    rows = [f"t{row},{label}\n" for row, label in enumerate(labels)]
    path.write_text("text,label\n" + "".join(rows) + "t0,!a\nt1,!b|!c\n")
    table = read_labelled_table(path, text_columns=["text"], label_column="label")
    (warning,) = [text for text in table.warnings if "conflicting" in text]
    assert "line 2 'a', line 20 not 'a'; 't1': line 3 'b', line 21 not 'b' or 'c'" in warning


REFUSED: dict[str, tuple[list[object], str]] = {
    "unknown": (
        [*PLENTY, "!lost"],
        r"line 10, column 'label': unknown class 'lost'; the known classes are 'late', 'other', "
        r"'refund'.*; if '!lost' is a class, write '\\!lost' or list it in `classes`",
    ),
    "is and is not": (
        [*PLENTY, "late|!refund"],
        r"line 10, column 'label': expected what a row is .* received 'late\|!refund'",
    ),
    "is and unknown": ([*PLENTY, "late|?"], r"line 10.* or '\?' alone; received 'late\|\?'"),
    "is not and unknown": ([*PLENTY, ["!late", "?"]], r"line 10.*received '!late\|\?'"),
    "nothing left": (
        [*PLENTY, "!late|!refund|!other"],
        r"line 10.*leaves one of the classes \('late', 'other', 'refund'\); received '!late\|!re",
    ),
    "no name": ([*PLENTY, "!"], "line 10.*expected a class name behind '!'; received '!'"),
    "blank name": ([*PLENTY, "!late|! "], "line 10.*expected a class name behind '!'"),
    "empty": ([*PLENTY, "!late|"], "line 10.*an empty one in '!late|'"),
    "one class and not it": (
        ["spam", "!spam"],
        r"line 2.*leaves one of the classes \('spam'\); received '!spam'; a class that is the "
        r"label of no row must be listed in `classes`, and so must '!spam' if it is one",
    ),
    "only unknown": (["?", ""], "there are no labels at all"),
    "only denied": (["!a", "!b"], "line 1.*unknown class 'a'; the known classes are none"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refusals(tmp_path: Path, name: str) -> None:
    cells, message = REFUSED[name]
    with pytest.raises(DataError, match=message):
        _read(tmp_path, cells)


def test_one_class_alone_is_refused_however_it_is_said(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="two or more classes; received only 'ham'"):
        _read(tmp_path, ["!spam", "ham", "!spam", ""], classes=["ham", "spam"])


@pytest.mark.parametrize("separator", ["!", "?", "\\", "a!"])
def test_a_separator_is_no_mark(tmp_path: Path, separator: str) -> None:
    with pytest.raises(DataError, match="separator: expected something to stand between labels, w"):
        _read(tmp_path, ["a", "b"], separator=separator)


def test_annotators_answer_classes(tmp_path: Path) -> None:
    path = tmp_path / "in.csv"
    path.write_text("text,who,label\na,!bob,x\nb,?,y\na,?,y\nb,!bob,?\n")
    asked = {"text_columns": ["text"], "label_columns": ["label"], "annotator_column": "who"}
    table = read_annotated_table(path, **asked)  # type: ignore[arg-type]
    assert table.annotators == ("!bob", "?")
    assert len(table.answers) == 3
    assert any('read as "not annotated"' in warning for warning in table.warnings)
    path.write_text("text,who,label\na,bob,x\nb,bob,!x\nc,ann,y\n")
    message = r"line 3, column 'label': expected one class, since an annotator cannot answer what"
    with pytest.raises(DataError, match=message):
        read_annotated_table(path, **asked)  # type: ignore[arg-type]
