"""Shares of the classes: against hand-made numbers, and against the shares that made the rows."""

import dataclasses

import numpy as np
import pytest

from tests.labelling.outcomes import one_hot
from tfp_dgm.labelling.class_shares import ClassShares

FOLDS = 5
# Recall falls with the labels a class had, as a model's does; what is lost goes to the first class.
CONFUSION = {
    2: np.array([[0.97, 0.03], [0.55, 0.45]]),
    4: np.array(
        [
            [0.96, 0.02, 0.01, 0.01],
            [0.15, 0.80, 0.04, 0.01],
            [0.30, 0.10, 0.58, 0.02],
            [0.45, 0.15, 0.05, 0.35],
        ]
    ),
}


def _shares(labels, group=None, fold=None, num_classes=None, start=0):
    """Of labelled rows that begin at `start`; all different texts, folds in turn."""
    labels = np.asarray(labels)
    rows = start + np.arange(len(labels))
    return ClassShares(
        rows,
        one_hot(labels.tolist(), num_classes or labels.max() + 1),
        np.arange(len(rows)) % FOLDS if fold is None else np.asarray(fold),
        np.arange(len(rows)) if group is None else np.asarray(group),
        seed=0,
    )


def _answers(truth, confusion, rng):
    """Answers [N, K, 1 + FOLDS], sure and drawn from the confusion matrix."""
    num_classes = len(confusion)
    drawn = [rng.choice(num_classes, 1 + FOLDS, p=confusion[k]) for k in truth]
    return np.eye(num_classes)[np.array(drawn)].transpose(0, 2, 1)


def _world(labels_per_class, shares, confusion, rows=2000):
    """A `ClassShares` and the answers for its rows, and for others that have the shares."""
    rng = np.random.default_rng(4)
    labels = np.repeat(np.arange(len(shares)), labels_per_class)
    hidden = rng.permutation(np.repeat(np.arange(len(shares)), np.round(rows * shares).astype(int)))
    answers = _answers(np.concatenate([labels, hidden]), confusion, rng)
    return _shares(labels, num_classes=len(shares)), answers


def test_weights_by_hand():
    # The first two rows are copies: 2 texts of class 0, 1 of class 1.
    shares = _shares([0, 0, 0, 1], group=[0, 0, 1, 2])
    np.testing.assert_allclose(shares.drawn, [2 / 3, 1 / 3])
    # As often as the classes occur: texts of weights 3/4, 3/4 and 3/2, which sum to the
    # effective number 3^2 / (9/16 + 9/16 + 9/4) = 8/3.
    expected = np.array([3 / 8, 3 / 8, 3 / 4, 3 / 2]) * (8 / 3) / 3
    np.testing.assert_allclose(shares.weights(np.array([0.5, 0.5])), expected)
    # Uncorrected, each text counts 1.
    uncorrected = shares.weights(np.array([0.5, 0.5]), power=0.0)
    np.testing.assert_allclose(uncorrected, [1 / 2, 1 / 2, 1, 1])
    # Several draws at once.
    both = shares.weights(np.array([[2 / 3, 1 / 3], [0.5, 0.5]]))
    np.testing.assert_allclose(both, [[1 / 2, 1 / 2, 1, 1], expected])


def test_copies_add_nothing_to_the_effective_number():
    labels, shares = np.repeat([0, 1], [10, 10]), np.array([0.9, 0.1])
    once = _shares(labels).weights(shares)
    # By hand: (10 * 1.8 + 10 * 0.2)^2 / (10 * 3.24 + 10 * 0.04).
    np.testing.assert_allclose(once.sum(), 400 / 32.8)
    np.testing.assert_allclose(once[:10].sum() / once.sum(), 0.9)
    five = _shares(labels.repeat(5), group=np.arange(20).repeat(5)).weights(shares)
    np.testing.assert_allclose(five.reshape(20, 5).sum(axis=1), once)


def test_sets_count_as_their_classes_do_and_are_no_draw_of_them():
    allowed = np.array([[1, 0, 0], [1, 0, 0], [1, 1, 0], [0, 0, 1], [0, 1, 1]], bool)
    shares = ClassShares(np.arange(5), allowed, np.zeros(5, int), np.arange(5), seed=0)
    np.testing.assert_allclose(shares.drawn, [2 / 3, 0, 1 / 3])
    # Ratios 1/2, 1 (no label tells) and 1; sets have the means of their classes.
    ratios = np.array([1 / 2, 1 / 2, 3 / 4, 1, 1])
    expected = ratios * ratios.sum() / np.square(ratios).sum()
    np.testing.assert_allclose(shares.weights(np.full(3, 1 / 3)), expected)
    assert shares.unknown.all()


def test_rows_known_not_to_be_of_a_class_do_not_make_it_rare():
    labels = np.eye(3, dtype=bool)[np.arange(30) % 3]
    denied = np.tile([False, True, True], (400, 1))
    allowed = np.concatenate([labels, denied])
    rows = np.arange(len(allowed))
    shares = ClassShares(rows, allowed, np.zeros(len(rows), int), rows, seed=0)
    assert shares.unevenness == 0
    only = ClassShares(rows[30:], denied, np.zeros(400, int), np.arange(400), seed=0)
    np.testing.assert_allclose(only.drawn, [0, 1 / 2, 1 / 2])


@pytest.mark.parametrize(
    ("labels", "shares"),
    [
        ([2400, 300], [0.5, 0.5]),
        ([2400, 300], [0.2, 0.8]),
        ([1920, 800, 320, 160], [0.25, 0.25, 0.25, 0.25]),
        ([1920, 800, 320, 160], [0.1, 0.2, 0.3, 0.4]),
        ([160, 1920, 320, 800], [0.6, 0.25, 0.1, 0.05]),
    ],
)
def test_shares_that_made_the_rows_are_recovered(labels, shares):
    shares = np.array(shares)
    world, answers = _world(labels, shares, CONFUSION[len(shares)])
    draws = world.draws(answers)
    np.testing.assert_allclose(draws.sum(axis=1), 1)
    np.testing.assert_allclose(draws.mean(axis=0), shares, atol=0.05)
    # What the model says by itself is farther off.
    own = answers[world.rows.size :, :, 1:].mean(axis=(0, 2))
    assert np.abs(own - shares).max() > 0.07


def test_rows_that_the_models_of_the_folds_did_not_answer_tell_them_nothing():
    shares = np.array([0.2, 0.8])
    world, answers = _world([2400, 300], shares, CONFUSION[2])
    judged = np.append(world.rows, np.arange(2700, len(answers), 2))
    rest = np.setdiff1d(np.arange(len(answers)), judged)
    answers[rest, :, 1:] = np.array([1, 0])[:, np.newaxis]
    np.testing.assert_allclose(world.draws(answers, judged=judged).mean(axis=0), shares, atol=0.05)
    assert np.abs(world.draws(answers).mean(axis=0) - shares).max() > 0.2


def test_few_labels_leave_the_shares_open():
    equal = np.full(3, 1 / 3)
    confusion = np.array([[0.9, 0.05, 0.05], [0.05, 0.9, 0.05], [0.3, 0.3, 0.4]])
    many, few = (
        world.draws(answers).std(axis=0)[2]
        for world, answers in (
            _world([3000, 3000, 150], equal, confusion),
            _world([30, 30, 1], equal, confusion),
        )
    )
    assert many < 0.04
    assert few > 0.1


def test_a_class_that_is_never_predicted_may_still_be_frequent():
    # Two of three equal classes are all that the model says, which had one label of the third.
    blind = np.array([[0.95, 0.05, 0], [0.05, 0.95, 0], [0.5, 0.5, 0]])
    world, answers = _world([30, 30, 1], np.full(3, 1 / 3), blind)
    assert world.unknown.tolist() == [False, False, True]
    # Of all rows a fifth may be of it, for what one label tells.
    assert np.quantile(world.draws(answers)[:, 2], 0.9) > 0.15


@pytest.mark.parametrize("size", range(1, 13))
def test_fewer_than_three_labels_are_unknown_and_copies_are_one(size):
    labels = np.repeat([0, 1, 3], [3, 2, 4])
    shares = _shares(labels.repeat(size), group=np.arange(9).repeat(size), num_classes=4)
    assert shares.unknown.tolist() == [False, True, True, False]


@pytest.mark.parametrize(
    ("labels", "unevenness"),
    [
        ([20, 20, 20, 20], 0),
        ([23, 20, 19, 18], 0),  # As even as chance draws.
        ([40, 20, 20, 10], 0),
        # 1 - entropy / log 4 is 0.1286, by hand; even up to 0.1, uneven from 0.2 on.
        ([50, 25, 15, 10], 0.286),
        ([60, 25, 10, 5], 1),
        ([50, 50, 0], 1),
    ],
)
def test_unevenness(labels, unevenness):
    shares = _shares(np.repeat(np.arange(len(labels)), labels), num_classes=len(labels))
    assert shares.unevenness == pytest.approx(unevenness, abs=1e-3)


def test_the_target_follows_the_answers_where_labels_are_even():
    world, answers = _world([50, 50], np.array([0.8, 0.2]), CONFUSION[2])
    own = answers[100:, :, 0].mean(axis=0)  # Of the rows without a label.
    target = world.target(answers)
    assert target.shape == (2, 1 + FOLDS)
    np.testing.assert_allclose(target[:, 0], own, rtol=1e-5)
    shares = np.array([0.25, 0.25, 0.25, 0.25])
    world, answers = _world([480, 200, 80, 40], shares, CONFUSION[4])
    np.testing.assert_allclose(world.target(answers)[:, 0], shares, atol=0.08)
    assert np.abs(answers.mean(axis=(0, 2)) - shares).max() > 0.2


def test_the_target_of_a_model_knows_no_label_that_it_does_not_see():
    equal = np.full(4, 0.25)
    world, answers = _world([96, 40, 16, 8], equal, CONFUSION[4])
    allowed = world.allowed.copy()
    hidden = world.fold == 2
    allowed[hidden] = np.roll(allowed[hidden], 1, axis=1)
    lied = dataclasses.replace(world, allowed=allowed).target(answers)
    honest = world.target(answers)
    assert world.unevenness == 1
    np.testing.assert_array_equal(lied[:, 3], honest[:, 3])  # The first is the model of all.
    assert np.abs(lied - honest)[:, [0, 1, 2, 4, 5]].max(axis=0).min() > 0.005


def test_annotations_of_a_class_that_has_too_few_count_more_and_none_counts_less():
    shares = _shares(np.repeat([0, 1, 2], [6, 3, 1]))
    raised = shares.raised(np.array([[0.3], [0.45], [0.25]]))
    np.testing.assert_allclose(raised[[0, 6, 9], 0], [1, 1.5, 2.5])
    assert shares.raised(np.array([[0.1], [0.1], [0.8]])).max() == pytest.approx(5)


def test_without_rows_to_label_the_shares_are_those_of_the_labels():
    shares = _shares([0, 0, 0, 1], group=[0, 0, 1, 2])
    draws = shares.draws(np.full((4, 2, 1 + FOLDS), 0.5), num_draws=3)
    np.testing.assert_allclose(draws, [[2 / 3, 1 / 3]] * 3, atol=1e-6)


@pytest.mark.parametrize("same_fold", [True, False])
def test_a_class_that_no_other_fold_holds_says_nothing_of_its_recall(same_fold):
    labels = np.repeat([0, 1], [20, 4])
    fold = np.arange(24) % FOLDS
    if same_fold:
        fold[20:] = 2
    shares = _shares(labels, fold=fold)
    wrong = _answers(np.repeat([0, 1], [224, 100]), CONFUSION[2], np.random.default_rng(0))
    wrong[20:24] = np.array([1, 0])[:, np.newaxis]
    right = wrong.copy()
    right[20:24] = np.array([0, 1])[:, np.newaxis]
    difference = np.abs(shares.draws(wrong) - shares.draws(right)).max()
    assert (difference == 0) == same_fold
