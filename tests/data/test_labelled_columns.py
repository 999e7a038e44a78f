"""Tables with several columns of labels, each with classes of its own."""

import numpy as np
import pytest

from tfp_dgm.data import DataError, columns_alike, read_labelled_columns

TABLE = "text,topic,mood\none,x,good\ntwo,y,\nthree,,bad\nfour,x|y,bad\n"


def _read(folder, content=TABLE, **options):
    path = folder / "in.csv"
    path.write_text(content)
    given = {"text_columns": ["text"], "label_columns": ["topic", "mood"], **options}
    return read_labelled_columns(path, **given)


def test_each_column_has_its_classes_and_all_the_same_texts(tmp_path):
    tables = _read(tmp_path)
    topic, mood = tables["topic"], tables["mood"]
    assert (topic.classes, mood.classes) == (("x", "y"), ("bad", "good"))
    np.testing.assert_array_equal(topic.allowed, [[1, 0], [0, 1], [1, 1], [1, 1]])
    np.testing.assert_array_equal(mood.allowed, [[0, 1], [1, 1], [1, 0], [1, 0]])
    assert topic.texts is mood.texts
    assert topic.frame is mood.frame
    assert topic.texts == ["one", "two", "three", "four"]
    assert any("'good' (1)" in warning for warning in mood.warnings)
    assert not any("'good'" in warning for warning in topic.warnings)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"classes": {"mode": ["a"]}}, "classes: .*'topic', 'mood'; received 'mode'"),
        ({"classes": {"mood": ["good"]}}, "column 'mood': unknown class 'bad'"),
        ({"label_columns": ["topic", "mode"]}, "no such column 'mode'.*did you mean 'mood'"),
        ({"text_columns": ["text"] * 2}, "expected each column once; received 'text' 2 times"),
        ({"label_columns": ["topic", "text"]}, "column 'text': the label column is a text column"),
        ({"content": "text,topic,mood\na,x,\nb,y,\n"}, "column 'mood': there are no labels at all"),
        ({"content": "text,topic,mood\na,x,m\nb,y,m\n"}, "column 'mood': .*received only 'm'"),
    ],
)
def test_what_is_wrong_names_the_column(tmp_path, options, message):
    with pytest.raises(DataError, match=message):
        _read(tmp_path, **options)


def test_columns_of_the_same_classes_are_told():
    same = {"ann": ["x", "y", "z"], "topic": ["p", "q"], "bob": ["x", "y"], "eve": ["x", "y", "z"]}
    (said,) = columns_alike(same)
    assert said.startswith("The columns 'ann', 'bob', 'eve' hold the same classes")
    assert "`answer_columns`" in said
    # Two of five classes are no reason.
    assert list(columns_alike({"ann": ["x", "y", "z"], "bob": ["x", "y", "v", "w"]})) == []
