"""Files of classes: names as they stand, trees, and messages that name the line."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tfp_dgm.data import (
    ClassDefinition,
    ClassDefinitions,
    DataError,
    LabelledTable,
    read_class_definitions,
    read_labelled_columns,
    read_labelled_table,
)

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
        ("- a\n", "expected two or more classes; received 'a'"),
        ("- {name: a\n", "not YAML"),
        ("- a\n- " + "[" * 5000 + "]" * 5000, "line 2: .* lists within lists, too deep"),
        (
            "- a\n- x: " + "{a: " * 5000 + "b" + "}" * 5000,
            "line 2: .* lists within lists, too deep",
        ),
        ("- a\n" + "- " * 5000 + "b", "line 2: .* lists within lists, too deep"),
        ("- a\n- ? [x, y]\n  : b\n", r"line 2: expected name, .*, parent; received a list$"),
        ("- a\n- ? {x: y}\n  : b\n", r"line 2: expected name, .*; received a mapping$"),
        ('["a",\n"b\\ud800"]', r"line 2: expected the name .* that UTF-8 can hold; .*b.ud800"),
        (
            '["a", "b",\n{"name": "c", "examples": ["\\udfff\\ud83d"]}]',
            "line 2: expected a text as an example that UTF-8 can hold",
        ),
        ('["a", "b",\nnull]', "line 2: expected the name of a class; received null"),
        ('["a", "b",\n{"name": null}]', "line 2: expected a `name` of the class; received none"),
        ("- a\n- name: b\n  examples: [c, '']\n", "line 3: expected a text as an example; .*empty"),
        (
            "- a\n- name: b\n  examples: [c, null]\n",
            "line 3: expected a text as an example; .*empty",
        ),
    ],
)
def test_what_is_no_list_of_classes(tmp_path: Path, content: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        _read(tmp_path, content)


@pytest.mark.parametrize("nothing", ["", "~", "null"])
def test_what_is_empty_is_absent(tmp_path: Path, nothing: str) -> None:
    fields = "".join(f"  {name}: {nothing}\n" for name in ("description", "examples", "parent"))
    found = _read(tmp_path, f"- name: a\n{fields}- b\n")
    assert found.definitions == (ClassDefinition("a"), ClassDefinition("b"))
    assert _read(tmp_path, '- name: a\n  parent: "null"\n- b').groups == {"null": ("a",)}


def test_null_in_json_is_nothing(tmp_path: Path) -> None:
    fields = {"name": "a", "description": None, "examples": None, "parent": None}
    found = _read(tmp_path, json.dumps([fields, "b"]))
    assert found.definitions == (ClassDefinition("a"), ClassDefinition("b"))


def test_json_writes_characters_beyond_16_bits_in_two(tmp_path: Path) -> None:
    names = ["a\U0001f600", "b"]
    assert "ud83d" in json.dumps(names)
    assert _read(tmp_path, json.dumps(names)).classes == tuple(names)


def test_deep_trees_and_circles(tmp_path: Path) -> None:
    chain = [f"- {{name: c{i}, parent: c{i + 1}}}\n" for i in range(3000)]
    found = _read(tmp_path, "".join(chain) + "- d\n")
    assert found.classes == ("c0", "d")
    assert found.path("c0") == tuple(f"c{i}" for i in range(3000, -1, -1))
    with pytest.raises(
        DataError, match=r"line 1: .*: 'c0' in 'c1' in .* in 'c9' in \.\.\. in 'c0'$"
    ):
        _read(tmp_path, "".join(chain) + "- {name: c3000, parent: c0}\n- d\n")
    circle = ClassDefinitions((ClassDefinition("a", parent="b"), ClassDefinition("b", parent="a")))
    with pytest.raises(ValueError, match="definitions: 'a' is a part of what is a part of itself"):
        circle.path("a")


@pytest.mark.parametrize(
    "content",
    ["- {0}\n- {0}\n", "- {0}\n", "- name: a\n  parent: {0}\n- name: {0}\n  parent: a\n"],
)
def test_messages_show_the_beginning_of_long_names(tmp_path: Path, content: str) -> None:
    with pytest.raises(DataError, match=r"x{50}'\.\.\.") as caught:
        _read(tmp_path, content.format("x" * 3000))
    assert len(str(caught.value)) < 400 + len(str(tmp_path))


def _warnings(tmp_path: Path, labels: list[str], content: str, separator: str = "|") -> list[str]:
    path = tmp_path / "in.csv"
    path.write_text("text,label\n" + "".join(f"a,{label}\n" for label in labels))
    definitions = _read(tmp_path, content)
    return read_labelled_table(
        path,
        text_columns=["text"],
        label_column="label",
        separator=separator,
        definitions=definitions,
    ).warnings


def test_a_name_that_the_separator_tears_apart_is_told(tmp_path: Path) -> None:
    content = "- a\n- b\n- a|b\n- {name: c, parent: d|e}\n"
    (told,) = (said for said in _warnings(tmp_path, ["a|b"], content) if "stands between" in said)
    assert told.startswith("The names 'a|b', 'd|e' hold '|', which stands between the classes")
    assert not any("stands between" in said for said in _warnings(tmp_path, ["a|b"], content, ";"))


def test_labels_that_name_a_parent_are_told(tmp_path: Path) -> None:
    content = "- a\n- {name: b, parent: a}\n- c\n"
    (told,) = (said for said in _warnings(tmp_path, ["a", "b", "a", "c"], content) if "gro" in said)
    assert told.startswith("2 labels name groups of classes ('a'): each stands for one of")
    assert not any("group" in said for said in _warnings(tmp_path, ["b", "c"], content))


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


def test_columns_have_definitions_each(tmp_path: Path) -> None:
    path = tmp_path / "in.csv"
    path.write_text("text,topic,mood\na,billing,glad\nb,,sad\n", encoding="utf-8")

    def read(**given: Any) -> dict[str, LabelledTable]:
        columns = ["topic", "mood"]
        return read_labelled_columns(path, text_columns=["text"], label_columns=columns, **given)

    found = read(definitions={"topic": _read(tmp_path, TREE)})
    assert found["topic"].classes == ("delivery", "invoice", "refund")
    np.testing.assert_array_equal(found["topic"].allowed, [[0, 1, 1], [1, 1, 1]])
    assert found["mood"].classes == ("glad", "sad")
    with pytest.raises(DataError, match=r"definitions: .*one of 'topic', 'mood'; received 'moood'"):
        read(definitions={"moood": _read(tmp_path, TREE)})
    with pytest.raises(DataError, match="classes: expected none of 'topic', whose `definitions`"):
        read(definitions={"topic": _read(tmp_path, TREE)}, classes={"topic": ["a", "b"]})


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
