"""Labels that look alike, and cells in which nothing can be seen."""

import json

import pytest

from tfp_dgm.data import DataError, read_labelled_table
from tfp_dgm.data.visible_text import appearance, is_blank, spelling

ALIKE = {
    "composed": ("caf\u00e9", "cafe\u0301"),
    "zero-width space": ("billing", "bil\u200bling"),
    "byte order mark": ("billing", "\ufeffbilling"),
    "soft hyphen": ("billing", "bill\u00ading"),
    "full width": ("billing", "\uff42\uff49\uff4c\uff4c\uff49\uff4e\uff47"),
    "ligature": ("office", "o\ufb03ce"),
    "dash": ("e-mail", "e\u2013mail"),
    "apostrophe": ("don't", "don\u2019t"),
    "no-break space": ("a b", "a\u00a0b"),
    "number": ("1", "1.0"),
    "padded number": ("7", "007"),
}


def _warnings(path, labels):
    rows = [f"t{n}\t{label}\n" for n, label in enumerate(labels * 3)]
    path.write_text("text\tlabel\n" + "".join(rows), encoding="utf-8")
    return read_labelled_table(path, text_columns=["text"], label_column="label").warnings


@pytest.mark.parametrize("case", ALIKE)
def test_labels_that_look_alike_are_told(tmp_path, case):
    (warning,) = _warnings(tmp_path / "in.tsv", ALIKE[case])
    assert warning.startswith("The labels ")
    assert warning.endswith(" only; they are taken for different classes.")
    for label in ALIKE[case]:  # Each so that one sees which is which.
        assert spelling(label) in warning
    assert len({spelling(label) for label in ALIKE[case]}) == 2


@pytest.mark.parametrize("labels", [("a", "b"), ("1", "2"), ("v1", "v1.0"), ("\u0430", "a")])
def test_other_labels_are_not(tmp_path, labels):
    assert _warnings(tmp_path / "in.tsv", labels) == []


@pytest.mark.parametrize(
    "text", ["", " \t", "\u200b", "\ufeff \u200d", "\u00ad", "\u3164", "\ufe0f"]
)
def test_what_cannot_be_seen_is_blank(text):
    assert is_blank(text)
    assert appearance(text) == ""


def test_what_can_be_seen_is_not_blank():
    assert not any(map(is_blank, ["a", "\u0301", "\N{PILE OF POO}", "\u200bx", "0"]))


def test_a_blank_label_is_none_and_a_blank_text_is_empty(tmp_path):
    rows = [("a", "x"), ("b", "y"), ("c", "\u200b"), ("\u200b", ""), ("e", "x|y")]
    path = tmp_path / "in.jsonl"
    path.write_text("".join(json.dumps({"text": t, "label": c}) + "\n" for t, c in rows))
    table = read_labelled_table(path, text_columns=["text"], label_column="label")
    assert table.classes == ("x", "y")
    assert table.observed.tolist() == [0, 1, -1, -1, -1]
    assert table.frame["label"][2] == "\u200b"
    assert "1 empty text: line 4." in table.warnings


def test_one_number_is_one_class_in_json(tmp_path):
    path = tmp_path / "in.jsonl"
    numbers = ["1", "1.0", "-0.0", "0", "2.5", "1e42", str(2**63), "1e300"]
    path.write_text("".join(f'{{"text": "a", "label": {number}}}\n' for number in numbers))
    table = read_labelled_table(path, text_columns=["text"], label_column="label")
    assert table.classes == ("0", "1", "1e+300", "1e+42", "2.5", str(2**63))


def test_names_that_look_right_are_spelt_out_where_they_are_refused(tmp_path):
    path = tmp_path / "in.csv"
    path.write_text("cafe\u0301,label\na,r\u00e9sum\u00e9\nb,y\n", encoding="utf-8")
    with pytest.raises(DataError) as caught:
        read_labelled_table(path, text_columns=["caf\u00e9"], label_column="label")
    assert "no such column 'caf\u00e9'" in str(caught.value)
    assert str(caught.value).endswith(r"; did you mean 'cafe\u0301'?")
    classes = ["re\u0301sume\u0301", "y"]
    with pytest.raises(DataError) as caught:
        read_labelled_table(
            path, text_columns=["cafe\u0301"], label_column="label", classes=classes
        )
    assert "unknown class 'r\u00e9sum\u00e9'; the known classes are " in str(caught.value)
    assert str(caught.value).endswith(r"; did you mean 're\u0301sume\u0301'?")
