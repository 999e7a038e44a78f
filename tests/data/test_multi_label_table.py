import json

import numpy as np
import pandas as pd
import pytest

from tfp_dgm.data import (
    DataError,
    check_separator,
    label_cell,
    quoted_class,
    read_multi_label_table,
)


def _read(tmp_path, cells, **options):
    path = tmp_path / "t.csv"
    pd.DataFrame({"text": [f"w{n}" for n in range(len(cells))], "tags": cells}).to_csv(
        path, index=False
    )
    return read_multi_label_table(path, text_columns=["text"], label_columns=["tags"], **options)


def test_cells_say_what_applies_what_does_not_and_what_is_open(tmp_path):
    cells = ["a;b", "a;?", "!c", "a;!b", "(none)", "", " ", "b; a ;b", "?", "c"]
    table = _read(tmp_path, cells)
    assert table.classes == ("a", "b", "c")
    assert table.marks.tolist() == [
        [1, 1, 0],
        [1, -1, -1],
        [-1, -1, 0],
        [1, 0, -1],
        [0, 0, 0],
        [-1, -1, -1],
        [-1, -1, -1],
        [1, 1, 0],
        [-1, -1, -1],
        [0, 0, 1],
    ]


def test_names_that_look_like_marks_are_written_with_a_backslash(tmp_path):
    names = ["!late", "?", "(none)", "\\x", "plain"]
    table = _read(tmp_path, [label_cell(names[:3], ";"), label_cell(names[3:], ";"), "!\\!late"])
    assert table.classes == tuple(sorted(names))
    found = [[table.classes[k] for k in np.flatnonzero(row == 1)] for row in table.marks]
    assert found == [sorted(names[:3]), sorted(names[3:]), []]
    assert table.marks[2, table.classes.index("!late")] == 0
    assert [quoted_class(name) for name in names[:2]] == ["\\!late", "\\?"]


def test_lists_and_other_separators(tmp_path):
    path = tmp_path / "t.jsonl"
    rows = [["a", "b;c"], [], None, ["a", "?"], ["!a"]]
    path.write_text("".join(json.dumps({"text": "w", "tags": r}) + "\n" for r in rows))
    table = read_multi_label_table(path, text_columns=["text"], label_columns=["tags"])
    assert table.holds_lists
    assert table.classes == ("a", "b;c")
    assert table.marks.tolist() == [[1, 1], [0, 0], [-1, -1], [1, -1], [0, -1]]
    assert _read(tmp_path, ["a, b", "c"], separator=",").classes == ("a", "b", "c")


def test_columns_of_0_and_1_are_a_class_each(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("text,late,refund\nx,1,0\ny,TRUE,\nz,0.0,1.0\nv,false,\n")
    table = read_multi_label_table(path, text_columns=["text"], label_columns=["refund", "late"])
    assert table.classes == ("late", "refund")
    assert table.marks.tolist() == [[1, 0], [1, -1], [0, 1], [0, -1]]


def test_a_row_of_500_labels(tmp_path):
    names = [f"c{n:03}" for n in range(500)]
    table = _read(tmp_path, [";".join(names), "c001"])
    assert table.marks.sum(axis=1).tolist() == [500, 1]


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        (["a;b", "late;!late"], r"line 3.*to apply or not; received both of 'late'"),
        (["a;b", "(none);a"], r"line 3.*'\(none\)', which says that no class applies, by itself"),
        (["a;b", "a;;b"], "line 3.*received an empty one"),
        (["a;b", "!"], "line 3.*expected a class name behind '!'"),
        (["", " "], "there are no labels at all"),
        (["a", "(none)"], "two or more classes; received only 'a'"),
        (["a;b", "b;a"], "applies to some rows and not to others; received none"),
        (["a;?", "b;?"], "applies to some rows and not to others; received none"),
        (["0", "1"], "expected the names of classes; received 0 and 1 alone"),
    ],
)
def test_what_contradicts_itself_or_tells_nothing_is_refused(tmp_path, cells, message):
    with pytest.raises(DataError, match=message):
        _read(tmp_path, cells)


def test_other_refusals(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("text,late,refund\nx,1,0\ny,2,1\n")
    columns = {"text_columns": ["text"], "label_columns": ["late", "refund"]}
    with pytest.raises(
        DataError, match=r"line 3, column 'late'.*expected 0, 1, true.*received '2'"
    ):
        read_multi_label_table(path, **columns)
    with pytest.raises(DataError, match="classes: expected none beside several label columns"):
        read_multi_label_table(path, **columns, classes=["late"])
    with pytest.raises(DataError, match="unknown class 'c'"):
        _read(tmp_path, ["a;c", "b"], classes=["a", "b"])
    for separator in ("", "!", "a?"):
        with pytest.raises(DataError, match="separator: expected something to stand between"):
            check_separator(separator)
    with pytest.raises(DataError, match="received ';', which 'a;b' holds"):
        check_separator(";", ["a;b"])


def test_copies_that_contradict_each_other_are_told(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("text,tags\nsame,a\nsame,b\nother,a;b\n")
    table = read_multi_label_table(path, text_columns=["text"], label_columns=["tags"])
    assert any("1 text with conflicting labels" in warning for warning in table.warnings)
