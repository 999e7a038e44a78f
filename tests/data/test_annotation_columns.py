"""What a labelling is asked for, before any file is read."""

import pytest

from tfp_dgm.data import AnnotationColumns, DataError


def test_what_was_asked_for_is_told_apart():
    assert AnnotationColumns.of("topic").labels == ("topic",)
    assert AnnotationColumns.of(["topic", "mood"]).labels == ("topic", "mood")
    wide = AnnotationColumns.of(None, ["ann", "bob"])
    assert (wide.labels, wide.answers) == ((), ("ann", "bob"))
    assert AnnotationColumns.of(["said"], [], "who").annotator == "who"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((None,), "label_column: expected a column of labels, or two or more of `answer_columns`"),
        (([],), "label_column: .*received none"),
        (("a", ["ann", "bob"]), "answer_columns: expected in place .* 'ann', 'bob' and 'a'"),
        ((None, ["ann"]), "answer_columns: expected two or more, .*'ann' alone"),
        ((["a", "b", "a"],), "label_column: expected each column once; received 'a' again"),
        ((None, ["a", "a"]), "answer_columns: expected each column once"),
        ((["a", "b"], None, "who"), "annotator_column: expected one `label_column` .* 'a', 'b'"),
        ((None, ["a", "b"], "who"), "annotator_column: expected one `label_column` beside it"),
    ],
)
def test_contradictions_are_refused(arguments, message):
    with pytest.raises(DataError, match=message):
        AnnotationColumns.of(*arguments)
