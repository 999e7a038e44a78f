"""Tables of several annotators: columns of each, or a row for each answer."""

import json

import numpy as np
import pytest

from tfp_dgm.data import DataError, read_annotated_table

WIDE = "text,ann,bob,note\none,x,y,1\ntwo,,,2\none,y,,3\nfour,,x,4\n"
LONG = "text,who,label\none,bob,y\ntwo,,\none,ann,x\none,bob,y\nfour,7,x\n"


def _read(folder, content, ending="csv", **options):
    path = folder / f"in.{ending}"
    path.write_text(content)
    given = {"text_columns": ["text"], "label_columns": ["ann", "bob"], **options}
    return read_annotated_table(path, **given)


def _long(folder, content=LONG, **options):
    given = {"label_columns": ["label"], "annotator_column": "who", **options}
    return _read(folder, content, **given)


def test_a_column_of_each_annotator(tmp_path):
    table = _read(tmp_path, WIDE)
    assert table.classes == ("x", "y")
    assert table.annotators == ("ann", "bob")
    # Rows are items, be their texts equal or not.
    np.testing.assert_array_equal(table.item, [0, 1, 2, 3])
    np.testing.assert_array_equal(table.answers, [[0, 0, 0], [0, 1, 1], [2, 0, 1], [3, 1, 0]])
    assert table.places[3] == "line 5"
    assert list(table.frame.columns) == ["text", "ann", "bob", "note"]


def test_a_row_for_each_answer(tmp_path):
    table = _long(tmp_path)
    assert table.texts == ["one", "two", "four"]
    assert table.annotators == ("7", "ann", "bob")
    np.testing.assert_array_equal(table.item, [0, 1, 0, 0, 2])
    # What was said twice counts once.
    np.testing.assert_array_equal(table.answers, [[0, 1, 0], [0, 2, 1], [2, 0, 0]])
    assert table.places == ["line 2", "line 3", "line 6"]
    assert len(table.frame) == 5


def test_numbers_of_json_are_labels_and_names(tmp_path):
    rows = [{"text": t, "who": w, "label": k} for t, w, k in (("a", 1, 1.0), ("b", 2, 0))]
    table = _long(tmp_path, "".join(json.dumps(row) + "\n" for row in rows), ending="jsonl")
    assert table.annotators == ("1", "2")
    assert table.classes == ("0", "1")


@pytest.mark.parametrize(
    ("content", "options", "message"),
    [
        (WIDE, {"label_columns": ["ann", "bop"]}, "no such column 'bop'.*did you mean 'bob'"),
        (WIDE, {"label_columns": ["ann", "ann"]}, "column 'ann': expected each column of labels"),
        (WIDE, {"label_columns": ["ann", "text"]}, "column 'text': the label column is a text"),
        (WIDE, {"annotator_column": "note"}, "one label column beside it.* 'ann', 'bob'"),
        (WIDE, {"classes": ["x", "z"]}, "line 4.*'ann': unknown class 'y'.*'x', 'z'"),
        (WIDE.replace("x,y,1", "x,y|x,1"), {}, "line 2.*'bob': expected one class.*'y', 'x'"),
        (WIDE.replace("y", "x"), {}, "two or more classes; received only 'x'"),
        ("text,ann,bob\none,,\n", {}, "no labels at all, in any column"),
    ],
)
def test_what_is_wrong_is_named(tmp_path, content, options, message):
    with pytest.raises(DataError, match=message):
        _read(tmp_path, content, **options)


def test_a_label_without_a_name_is_refused(tmp_path):
    with pytest.raises(DataError, match=r"line 3, column 'who': expected who gave the label 'x'"):
        _long(tmp_path, "text,who,label\none,bob,y\ntwo,,x\n")


def test_without_separator_a_set_is_a_class(tmp_path):
    table = _read(tmp_path, WIDE.replace("x,y,1", "x,y|x,1"), separator="")
    assert table.classes == ("x", "y", "y|x")
