"""Texts and labels in whatever container, cell by cell."""

import numpy as np
import pandas as pd
import pytest

from tfp_dgm.labelling.estimator_inputs import read_labels, read_texts

NA = pd.NA


@pytest.mark.parametrize(
    ("y", "values"),
    [
        ([1, None, 2, -1], [1, None, 2, None]),
        (np.array([1, np.nan, 2, -1]), [1, None, 2, None]),
        (np.array([[1], [2]], object)[:, 0], [1, 2]),
        (pd.Series([1, NA, 2, -1], dtype="Int64"), [1, None, 2, None]),
        (pd.Series([1, NA, 2], dtype="int64[pyarrow]"), [1, None, 2]),
        (pd.Series([3, 1, 3], dtype="category"), [3, 1, 3]),
        (["b", None, float("nan"), "", " ", "a"], ["b", None, None, None, None, "a"]),
        (np.array(["b", "", "a"]), ["b", None, "a"]),
        (np.array(["b", -1, None], object), ["b", None, None]),
        (pd.Series(["b", None, "a"]), ["b", None, "a"]),
        (pd.Series(["b", None, "a"], dtype=object), ["b", None, "a"]),
        (pd.Series(["b", NA, "a"], dtype="string[pyarrow]"), ["b", None, "a"]),
        (pd.Series(["b", None, "a"], dtype="category"), ["b", None, "a"]),
        (pd.Series([True, NA, False], dtype="boolean"), [True, None, False]),
        (np.array([True, False]), [True, False]),
        ([5, 2**63, 2**63 + 1], [5, 2**63, 2**63 + 1]),
        (np.array([2**64 - 1, 7], np.uint64), [2**64 - 1, 7]),
        (("b", "a\0"), ["b", "a\0"]),
    ],
)
def test_labels_come_as_they_are_from_every_container(y, values):
    labels = read_labels(y, len(values))
    assert labels.values == values
    assert [type(value) for value in labels.values] == [type(value) for value in values]
    classes = sorted({value for value in values if value is not None})
    assert labels.classes.tolist() == classes
    assert [type(k) for k in labels.classes.tolist()] == [type(k) for k in classes]
    for row, value in enumerate(values):
        assert labels.allowed[row].tolist() == [value in (None, k) for k in classes]


def test_where_minus_one_is_a_class():
    values = [-1, 0, 1, 0]
    assert read_labels(values, 4).values == [None, 0, 1, 0]
    assert read_labels(values, 4, missing_label=None).values == values
    assert read_labels(["-1", "1"], 2, missing_label=None).values == ["-1", "1"]
    assert read_labels(values, 4, missing_label=0).values == [-1, None, 1, None]
    assert read_labels([True, False], 2, missing_label=0).values == [True, False]


@pytest.mark.parametrize(
    ("y", "message"),
    [
        ([0.5, 1], "y, row 0: expected a class .*; received 0.5 .float."),
        ([1, ["a", "b"]], r"y, row 1: expected a class .*; received \['a', 'b'\]"),
        (pd.Series([1, "b"], index=[7, 9]), r"y, row 1 \(index 9\): expected labels of one kind"),
        ([True, 0], "y, row 1: expected labels of one kind, such as in row 0 .bool.; received 0"),
        (np.array(["a", -1]), "y, row 1: expected a class; received the string '-1'.*give None"),
        ([1], "y: expected a label, or none, for each of the 2 texts of X; received 1"),
        (np.eye(2), r"y: expected labels in one dimension \[N\]; received shape \(2, 2\)"),
        (None, "y: expected a list, an array or a Series of labels; received None"),
        ("ab", "y: expected a list, an array or a Series of labels; received 'ab' .str."),
        ({"a", "b"}, "y: expected a list, an array or a Series of labels; received .* .set."),
        (["a", "b\ud800"], r"y, row 1: expected a class that UTF-8 can hold; received 'b\\ud800'"),
    ],
)
def test_labels_that_are_none_are_refused(y, message):
    with pytest.raises((TypeError, ValueError), match=message):
        read_labels(y, 2)


@pytest.mark.parametrize("missing_label", ["n/a", False, 0.5])
def test_what_stands_for_no_label_is_an_integer(missing_label):
    with pytest.raises(TypeError, match="missing_label: expected an integer or None; received"):
        read_labels([1, 2], 2, missing_label=missing_label)


def test_texts_come_from_every_container():
    texts = ["a b", "", "Ä\ud800"]
    for X in (texts, np.array(texts, object), pd.Series(texts, dtype=object), tuple(texts)):
        assert read_texts(X) == ["a b", "", "Ä?"]
    for kind in ("str", "string[pyarrow]", "category"):
        assert read_texts(pd.Series(["a b", ""], dtype=kind)) == ["a b", ""]
    assert read_texts(np.array(["a b", ""])) == ["a b", ""]
    assert read_texts([]) == []


@pytest.mark.parametrize(
    ("X", "message"),
    [
        (["a", None], "X, row 1: expected a text .*; received None .NoneType."),
        (pd.Series(["a", None], index=["x", "y"]), r"X, row 1 \(index 'y'\): .*received nan"),
        (pd.Series(["a", 2], [0, NA], object), r"X, row 1 \(index <NA>\): .*received 2"),
        (["a", b"b"], "X, row 1: expected a text .*; received b'b' .bytes."),
        ("a b", "X: expected a list, an array or a Series of texts; received 'a b' .str."),
        (frozenset({"a b"}), "X: expected a list, an array or a Series of texts; .* .frozenset."),
        (pd.DataFrame({"text": ["a"]}), r"X: expected texts in one dimension .*shape \(1, 1\)"),
    ],
)
def test_texts_that_are_none_are_refused(X, message):
    with pytest.raises((TypeError, ValueError), match=message):
        read_texts(X)
