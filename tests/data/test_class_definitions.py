"""Files of classes: names as they stand, trees, and messages that name the line."""

from pathlib import Path

import numpy as np
import pytest

from tfp_dgm.data import DataError, read_class_definitions, read_labelled_table

TREE = """\
- name: refund
  description: The customer wants money back.
  examples:
    - I was charged twice
    - "return: the second payment"
  parent: billing
- name: invoice
  parent: billing
- delivery
"""


def _read(tmp_path: Path, content: str):
    path = tmp_path / "classes.yaml"
    path.write_text(content, encoding="utf-8")
    return read_class_definitions(path)


def test_a_tree_of_classes(tmp_path: Path) -> None:
    found = _read(tmp_path, TREE)
    assert found.classes == ("delivery", "invoice", "refund")
    assert found.groups == {"billing": ("invoice", "refund")}
    assert found.path("refund") == ("billing", "refund")
    assert found.path("delivery") == ("delivery",)
    refund = found.definitions[0]
    assert refund.description == "The customer wants money back."
    assert refund.examples == ("I was charged twice", "return: the second payment")


def test_names_that_yaml_reads_as_other_than_text_are_text(tmp_path: Path) -> None:
    assert _read(tmp_path, "- yes\n- 1\n- 1.0\n- null\n").classes == ("1", "1.0", "null", "yes")


def test_json_is_yaml(tmp_path: Path) -> None:
    assert _read(tmp_path, '[{"name": "a", "parent": "c"}, "b"]').groups == {"c": ("a",)}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("name: a\n", "expected a list of classes"),
        ("- a\n- a\n", r"line 2: the class 'a' stands in line 1, too"),
        ("- a\n- b: c\n", r"line 2: expected name, description, .*; received 'b'"),
        ("- a\n- nam: c\n", r"line 2: .*; did you mean 'name'\?"),
        ("- a\n- description: c\n", "line 2: expected a `name` of the class; received none"),
        ("- a\n- ''\n", "line 2: expected the name of a class; received an empty one"),
        ("- a\n- [b]\n", "line 2: expected a name, or a mapping"),
        ("- a\n- name: b\n  examples: c\n", "line 3: examples: expected a list of texts"),
        ("- a\n- name: b\n  name: c\n", "line 3: 'name' stands twice in one class"),
        (
            "- name: a\n  parent: b\n- name: b\n  parent: a\n- c\n- d\n",
            r"line 1: a class cannot be a part of itself: 'a' in 'b' in 'a'",
        ),
        ("- name: a\n  parent: a\n", "line 1: a class cannot be a part of itself: 'a' in 'a'"),
        ("- a\n", "expected two or more classes; received a"),
        ("- {name: a\n", "not YAML"),
    ],
)
def test_what_is_no_list_of_classes(tmp_path: Path, content: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        _read(tmp_path, content)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"none\.yaml: expected a file of classes: No such file"):
        read_class_definitions(tmp_path / "none.yaml")


def test_labels_name_classes_or_groups(tmp_path: Path) -> None:
    path = tmp_path / "in.csv"
    path.write_text("text,label\na,refund\nb,billing\nc,\nd,delivery|invoice\n", encoding="utf-8")
    table = read_labelled_table(
        path,
        text_columns=["text"],
        label_column="label",
        definitions=_read(tmp_path, TREE),
    )
    assert table.classes == ("delivery", "invoice", "refund")
    expected = [[0, 0, 1], [0, 1, 1], [1, 1, 1], [1, 1, 0]]
    np.testing.assert_array_equal(table.allowed, np.array(expected, bool))


def test_there_need_be_no_labels_where_classes_are_defined(tmp_path: Path) -> None:
    path = tmp_path / "in.csv"
    path.write_text("text,label\na,\nb,\n", encoding="utf-8")
    for column in ("label", None):
        table = read_labelled_table(
            path,
            text_columns=["text"],
            label_column=column,
            definitions=_read(tmp_path, TREE),
        )
        assert table.allowed.all()
        assert table.allowed.shape == (2, 3)


@pytest.mark.parametrize(("label", "meant"), [("refunds", "refund"), ("biling", "billing")])
def test_a_label_that_is_not_defined_is_refused(tmp_path: Path, label: str, meant: str) -> None:
    path = tmp_path / "in.csv"
    path.write_text(f"text,label\na,{label}\n", encoding="utf-8")
    said = (
        f"line 2.*unknown class '{label}'; the known classes are 'delivery', 'invoice', 'refund', "
        f"'billing'; did you mean '{meant}'"
    )
    with pytest.raises(DataError, match=said):
        read_labelled_table(
            path,
            text_columns=["text"],
            label_column="label",
            definitions=_read(tmp_path, TREE),
        )
