"""What to annotate next: in doubt, typical, unlike each other, of every kind."""

import numpy as np
import pytest

from tests.labelling.outcomes import drawn, hand_made, one_hot
from tfp_dgm.labelling.annotate_next import annotate_next
from tfp_dgm.labelling.outcome import Outcome


def _unlabelled(
    texts: list[str], probabilities: list[list[float]], unlike: tuple[int, ...] = ()
) -> Outcome:
    num_classes = len(probabilities[0])
    return Outcome(
        classes=tuple("abcdef"[:num_classes]),
        texts=texts,
        allowed=np.ones((len(texts), num_classes), bool),
        probabilities=np.array(probabilities, np.float32),
        weights=np.zeros(len(texts), np.float32),
        given_probability=np.full(len(texts), np.nan, np.float32),
        class_shares=np.full((1, num_classes), 1 / num_classes),
        min_precision=0.9,
        threshold=0.9,
        unlike_labelled=np.array(unlike, np.int64),
    )


def test_only_rows_without_label_and_no_copies() -> None:
    picked = annotate_next(hand_made()).tolist()
    assert set(picked) <= {4, 5, 6, 7}
    assert len({6, 7} & set(picked)) == 1
    assert picked[-1] == 4  # The surest.


def test_the_more_doubtful_of_two_goes_first() -> None:
    outcome = _unlabelled(["red one", "two blue"], [[0.9, 0.1], [0.6, 0.4]])
    assert annotate_next(outcome).tolist() == [1, 0]


def test_the_more_typical_of_two_goes_first() -> None:
    texts = ["odd thing", "big ship", "ship at sea", "ship in port"]
    outcome = _unlabelled(texts, [[0.6, 0.4], [0.6, 0.4], [1, 0], [1, 0]])
    assert annotate_next(outcome).tolist() == [1, 0]


def test_predicted_classes_take_turns() -> None:
    texts = [f"word{i} common" for i in range(8)]
    outcome = _unlabelled(texts, [[0.55, 0.45]] * 6 + [[0.4, 0.6]] * 2)
    assert sorted(outcome.predicted[annotate_next(outcome, 2)].tolist()) == [0, 1]


def test_rows_unlike_the_labelled_ones_are_half_of_the_picks_at_most() -> None:
    texts = [f"word{i} common" for i in range(24)]
    doubtful, surer = [[0.5, 0.5]] * 12, [[0.99, 0.01], [0.01, 0.99]] * 6
    plain = _unlabelled(texts, [*doubtful, *surer])
    assert sum(annotate_next(plain, 8) < 12) > 6
    unlike = _unlabelled(texts, [*doubtful, *surer], tuple(range(12)))
    assert sum(annotate_next(unlike, 8) < 12) == 4
    assert len(annotate_next(unlike, 8)) == 8


def test_copies_are_picked_once() -> None:
    outcome = _unlabelled(["the same words"] * 50 + ["other ones"], [[0.5, 0.5]] * 51)
    assert sorted(annotate_next(outcome).tolist()) == [0, 50]


@pytest.mark.parametrize(
    "outcome",
    [
        _unlabelled(["", " ", "?!"], [[0.5, 0.5]] * 3),
        _unlabelled(["certain", "sure"], [[1, 0], [0, 1]]),
        hand_made(allowed=one_hot([0] * 8, 2)),
    ],
    ids=["no words", "no doubt", "no rows"],
)
def test_nothing_to_pick(outcome: Outcome) -> None:
    assert annotate_next(outcome).tolist() == []


def test_deterministic_distinct_and_as_many_as_asked() -> None:
    outcome = drawn(9000, 5)
    picked = annotate_next(outcome, 30)
    np.testing.assert_array_equal(picked, annotate_next(outcome, 30))
    assert len(set(picked.tolist())) == 30
    assert np.bincount(outcome.predicted[picked], minlength=5).min() >= 3
    assert annotate_next(outcome, 0).tolist() == []
