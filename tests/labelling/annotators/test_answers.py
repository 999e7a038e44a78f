import numpy as np
import pytest

from tests.labelling.annotators.crowds import of_triples
from tfp_dgm.labelling.annotators import Answers


def test_agreement_is_the_share_of_others_who_say_the_same():
    answers = of_triples(
        *[(0, 0, 1), (0, 1, 1), (0, 2, 0), (1, 0, 0), (1, 1, 1), (2, 3, 1)],
        num_rows=3,
        names="abcd",
    )
    # Of row 0, a has one of two on its side; of row 1 none of one. Nobody met d.
    np.testing.assert_allclose(answers.agreement(), [0.25, 0.25, 0, np.nan])


def test_votes_and_given_are_counts_of_the_answers():
    answers = of_triples((0, 0, 1), (0, 1, 1), (2, 1, 0), num_rows=3)
    np.testing.assert_array_equal(answers.votes, [[0, 2], [0, 0], [1, 0]])
    np.testing.assert_array_equal(answers.given, [[0, 1], [1, 1]])
    np.testing.assert_array_equal(answers.answered, [True, False, True])
    np.testing.assert_array_equal(answers.one_hot.toarray()[0], [0, 1, 0, 1])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"label": np.array([0, 2])}, "label: expected numbers from 0 to 1; received 0 to 2"),
        ({"row": np.array([-1, 0])}, "row: expected numbers from 0 to 2; received -1 to 0"),
        ({"annotator": np.array([0])}, r"annotator: expected shape \(2,\), for each answer"),
    ],
)
def test_what_is_no_answer_is_refused(changes, message):
    fields = {"row": np.array([0, 1]), "annotator": np.array([0, 1]), "label": np.array([0, 1])}
    with pytest.raises(ValueError, match=message):
        Answers(**(fields | changes), num_rows=3, num_classes=2, names=["a", "b"])
