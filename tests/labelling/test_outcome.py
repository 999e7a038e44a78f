"""What the record of a labelled data set derives from its fields."""

import numpy as np
import pytest

from tests.labelling.outcomes import hand_made, one_hot
from tfp_dgm.confidence import Calibration
from tfp_dgm.labelling.class_levels import JudgedLevel, Level
from tfp_dgm.labelling.labelled_file import LabelledFile
from tfp_dgm.labelling.outcome import Outcome


def _sets() -> Outcome:
    """Three classes; row 0 is observed, row 1 allows two, row 2 allows all."""
    return Outcome(
        classes=("a", "b", "c"),
        texts=["x", "y", "z"],
        allowed=np.array([[0, 0, 1], [1, 1, 0], [1, 1, 1]], bool),
        probabilities=np.array(
            [[0.7, 0.27, 0.03], [0.03, 0.01, 0.96], [0.1, 0.45, 0.45]], np.float32
        ),
        weights=np.array([1, 0, 0], np.float32),
        given_probability=np.array([0.1, 0.1, np.nan], np.float32),
        class_shares=np.full((1, 3), 1 / 3),
        min_precision=0.9,
        threshold=0.74,
    )


def test_observed_and_unannotated() -> None:
    assert _sets().observed.tolist() == [2, -1, -1]
    assert _sets().unannotated.tolist() == [False, False, True]


def test_a_set_constrains_and_a_label_does_not() -> None:
    np.testing.assert_allclose(
        _sets().constrained,
        [[0.7, 0.27, 0.03], [0.75, 0.25, 0], [0.1, 0.45, 0.45]],
        rtol=1e-6,
    )


def test_a_set_that_the_model_does_not_believe_is_answered_at_no_level() -> None:
    """Both rows are known to be of a or b, of which the model believes 0.3 and 0.6."""
    level = Level(("ab", "c"), np.array([0, 0, 1]))
    calibration = Calibration.fit(np.zeros((0, 2)), np.zeros((0, 2), bool), np.zeros(0))
    outcome = hand_made(
        classes=("a", "b", "c"),
        texts=["x", "y"],
        allowed=np.array([[1, 1, 0]] * 2, bool),
        probabilities=np.array([[0.15, 0.15, 0.7], [0.3, 0.3, 0.4]], np.float32),
        weights=np.zeros(2, np.float32),
        threshold=0.9,
        levels=[JudgedLevel(level, calibration, 0.8, (), 0.0)],
    )
    assert (outcome.of_groups(1)[:, 0] > 0.8).all()
    assert outcome.safe_level.tolist() == [-1, 1]


def test_a_text_of_another_world_is_accepted_at_no_level() -> None:
    level = Level(("all",), np.array([0, 0]))
    calibration = Calibration.fit(np.zeros((0, 2)), np.zeros((0, 2), bool), np.zeros(0))
    levels = [JudgedLevel(level, calibration, 0.6, (), 0.0)]
    near = hand_made(levels=levels)
    assert near.accepted.tolist() == [False] * 4 + [True, False, False, False]
    assert near.safe_level.tolist() == [-1] * 4 + [0, 1, 1, 1]
    far = hand_made(levels=levels, far=np.array([False] * 4 + [True, True, False, False]))
    assert not far.accepted.any()
    assert far.safe_level.tolist() == [-1] * 6 + [1, 1]


def test_a_set_without_probability_leaves_the_prediction() -> None:
    outcome = hand_made(
        classes=("a", "b", "c"),
        texts=["x"],
        allowed=np.array([[1, 1, 0]], bool),
        probabilities=np.array([[0, 0, 1]], np.float32),
        weights=np.zeros(1, np.float32),
    )
    assert outcome.constrained.tolist() == [[0, 0, 1]]
    assert outcome.suspects.tolist() == [True]


def test_ranking_takes_the_first_of_equals() -> None:
    assert _sets().ranking.tolist() == [[0, 1, 2], [0, 1, 2], [1, 2, 0]]
    assert _sets().predicted.tolist() == [0, 0, 1]
    np.testing.assert_allclose(_sets().confidence, [0.7, 0.75, 0.45], rtol=1e-6)


def test_accepted_are_the_confident_rows_without_label() -> None:
    assert np.flatnonzero(hand_made().accepted).tolist() == [4]
    assert not hand_made(threshold=None).accepted.any()


def test_a_set_is_accepted_only_where_the_model_believes_it() -> None:
    assert _sets().confidence[1] >= _sets().threshold
    assert not _sets().accepted.any()
    believed = hand_made(
        classes=("a", "b", "c"),
        texts=["x", "y"],
        allowed=np.array([[1, 1, 0], [1, 1, 0]], bool),
        probabilities=np.array([[0.7, 0.1, 0.2], [0.3, 0.1, 0.6]], np.float32),
        weights=np.zeros(2, np.float32),
        threshold=0.74,
    )
    assert believed.accepted.tolist() == [True, False]


def test_suspects_are_annotations_against_the_odds() -> None:
    assert _sets().suspects.tolist() == [True, True, False]
    assert np.flatnonzero(hand_made().suspects).tolist() == [3]


def _with_rows_of_no_class(classes: tuple[str, ...]) -> Outcome:
    """The classes' first may be "(none)". Rows 0 to 3 are sets, row 4 has no annotation."""
    return hand_made(
        classes=classes,
        texts=[*"uvwxyz"],
        allowed=np.array([[0, 1, 1], [1, 0, 1], [1, 1, 0], [0, 1, 1], [1, 1, 1], [1, 0, 0]], bool),
        probabilities=np.array(
            [
                [0.2, 0.5, 0.3],
                [0.2, 0.5, 0.3],
                [0.02, 0.9, 0.08],
                [0.02, 0.9, 0.08],
                [0.2, 0.5, 0.3],
                [0.01, 0.98, 0.01],
            ],
            np.float32,
        ),
        none=np.array([0.2, 0.4, 0.1, 0.6, 0.4, 0.9], np.float32),
        weights=np.zeros(6, np.float32),
        threshold=0.8,
    )


@pytest.mark.parametrize("first", ["(none)", "a"])
def test_rows_of_no_class_given_a_set_are_counted_world_by_world(first: str) -> None:
    """Of 3000 rows like each, those that the set does not contradict are counted."""
    outcome = _with_rows_of_no_class((first, "b", "c"))
    for row in range(5):
        strange = round(3000 * float(outcome.none[row]))
        counts = {name: 0.0 for name in outcome.labels}
        for k, name in enumerate(outcome.classes):
            if outcome.allowed[row, k]:
                counts[name] += (3000 - strange) * float(outcome.probabilities[row, k])
        left = strange if row == 4 or (first == "(none)" and outcome.allowed[row, 0]) else 0
        counts["(none)"] += left
        total = sum(counts.values())
        assert outcome.none_probability[row] == pytest.approx(left / total, rel=1e-5)
        found = dict(zip(outcome.labels, outcome.label_probabilities[row], strict=True))
        assert found == pytest.approx({k: v / total for k, v in counts.items()}, rel=1e-5)
    assert outcome.none_probability[5] == np.float32(0.9)  # By models that did not see the label.


def test_a_set_that_is_likelier_of_no_class_than_of_its_classes_is_not_accepted() -> None:
    """Both rows are of b or c, surely b; but 1 and 6 in 10 rows like them are of neither."""
    outcome = _with_rows_of_no_class(("a", "b", "c"))
    assert outcome.confidence[[2, 3]] == pytest.approx([0.9 / 0.92, 0.9 / 0.98], rel=1e-5)
    assert outcome.accepted[[2, 3]].tolist() == [True, False]


def test_rows_of_no_class_are_no_suspects_where_that_is_their_label() -> None:
    """Models that did not see the label say "no class" of the last row with 0.9."""
    assert not _with_rows_of_no_class(("(none)", "b", "c")).suspects[5]
    assert _with_rows_of_no_class(("a", "b", "c")).suspects[5]


def test_no_rows() -> None:
    outcome = hand_made(
        texts=[],
        allowed=one_hot([], 2),
        probabilities=np.zeros((0, 2), np.float32),
        weights=np.zeros(0, np.float32),
    )
    assert outcome.predicted.tolist() == []
    assert outcome.accepted.tolist() == []


def test_the_summary_names_the_precision_that_was_asked_for(tmp_path):
    outcome = hand_made(min_precision=0.999, threshold=None)
    said = LabelledFile(tmp_path / "out.csv", tmp_path, {"label": outcome}, ()).summary()
    assert "none of them accepted at 99.9% precision" in said
