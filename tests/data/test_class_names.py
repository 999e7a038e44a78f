"""Names of classes that are given, and labels, that no table or settings could hold."""

import json

import pytest

from tfp_dgm.data import (
    DataError,
    iter_table_chunks,
    read_annotated_table,
    read_labelled_columns,
    read_labelled_table,
    read_multi_label_table,
)


def _single(path, classes):
    return read_labelled_table(path, text_columns=["text"], label_column="label", classes=classes)


def _columns(path, classes):
    given = None if classes is None else {"label": classes}
    return read_labelled_columns(
        path, text_columns=["text"], label_columns=["label"], classes=given
    )["label"]


def _several(path, classes):
    return read_multi_label_table(
        path, text_columns=["text"], label_columns=["label"], classes=classes
    )


def _annotators(path, classes):
    return read_annotated_table(
        path, text_columns=["text"], label_columns=["label"], classes=classes
    )


READERS = [_single, _columns, _several, _annotators]


def _write(tmp_path, labels, column="label"):
    path = tmp_path / "in.jsonl"
    path.write_text("".join(json.dumps({"text": "a", column: x}) + "\n" for x in labels))
    return path


@pytest.mark.parametrize("read", READERS)
@pytest.mark.parametrize("name", ["", " \u200b", "z\udcff", 3])
def test_given_names_must_be_seen_and_written(tmp_path, read, name):
    with pytest.raises(
        DataError, match="classes: expected names, texts that can be seen"
    ) as caught:
        read(_write(tmp_path, ["x", "y"]), ["x", "y", name])
    assert str(caught.value).endswith(f"received {name!r}")


@pytest.mark.parametrize("read", READERS)
def test_a_label_with_half_a_pair_of_utf_16_is_refused(tmp_path, read):
    with pytest.raises(DataError, match=r"line 2, column 'label': expected a label that UTF-8 can"):
        read(_write(tmp_path, ["x", "y\ud800"]), None)


def test_a_column_with_half_a_pair_of_utf_16_is_not_asked_for(tmp_path):
    path = _write(tmp_path, ["x", "y"], column="l\ud800")
    with pytest.raises(DataError, match=r"expected a column name that UTF-8 can hold; .*'l.ud800'"):
        read_labelled_table(path, text_columns=["text"], label_column="l\ud800")


@pytest.mark.parametrize("read", [_single, _columns, _annotators])
def test_a_given_name_that_the_separator_tears_apart_is_told(tmp_path, read):
    found = read(_write(tmp_path, ["x", "y"]), ["x", "y", "p|q"])
    (told,) = (said for said in found.warnings if "stands between" in said)
    assert told.startswith("The names 'p|q' hold '|'")


def test_messages_show_the_beginning_of_long_labels(tmp_path):
    with pytest.raises(
        DataError, match=r"unknown class 'x{100}'\.\.\.; the known classes"
    ) as caught:
        _single(_write(tmp_path, ["x" * 3000, "y"]), ["y", "z" * 3000])
    assert len(str(caught.value)) < 500 + len(str(tmp_path))


@pytest.mark.parametrize("read", [read_multi_label_table, read_annotated_table])
def test_one_name_is_not_read_as_a_list_of_its_letters(tmp_path, read):
    path = _write(tmp_path, ["x", "y"])
    said = "text_columns: expected a list of names; received 'text', which is one"
    with pytest.raises(DataError, match=said):
        read(path, text_columns="text", label_columns=["label"])
    with pytest.raises(DataError, match=said):
        iter_table_chunks(path, text_columns="text", chunk_rows=2)
    with pytest.raises(DataError, match=r"label_columns: .* received 'label', which is one"):
        read(path, text_columns=["text"], label_columns="label")


@pytest.mark.parametrize("read", [read_multi_label_table, read_annotated_table])
def test_some_column_of_labels_is_needed(tmp_path, read):
    with pytest.raises(DataError, match="label_columns: expected one or more; received none"):
        read(_write(tmp_path, ["x", "y"]), text_columns=["text"], label_columns=[])
