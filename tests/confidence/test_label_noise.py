import itertools

import numpy as np

from tests.confidence.calibrated_worlds import slipping_annotators, tempered_world
from tfp_dgm.confidence import (
    Calibration,
    among_copies,
    answer_probability,
    given_label_probability,
)


def _world(share):
    stated, _, truth = tempered_world(2000, 1.0, seed=7, scale=5.0)
    labels, slipped, fitted = slipping_annotators(stated, truth, share)
    calibration = Calibration.fit(stated, labels, np.ones(2000), fitted=fitted)
    return calibration, (stated, labels, fitted), slipped, truth


def test_the_given_label_is_right_as_often_as_it_says():
    calibration, annotations, slipped, _ = _world(0.1)
    probability = given_label_probability(calibration, *annotations)
    assert ((probability >= 0) & (probability <= 1)).all()
    for low, high in ((0, 0.2), (0.2, 0.9), (0.9, 1.01)):
        band = (probability >= low) & (probability < high)
        assert band.sum() >= 30
        # Within three standard errors, and a little for the constants, which are rounded.
        error = np.sqrt(0.25 / band.sum())
        assert abs((~slipped[band]).mean() - probability[band].mean()) < min(3 * error, 0.12)
    suspects = probability < 0.5
    assert slipped[suspects].mean() > 0.85
    assert suspects[slipped].mean() > 0.6


def test_a_class_that_is_known_from_elsewhere_is_believed_as_often_as_it_is_right():
    """A quarter of the rows are of the first class, which the answers do not see at all."""
    stated, _, truth = tempered_world(4000, 1.0, seed=8, scale=5.0)
    rng = np.random.default_rng(8)
    besides = np.zeros(stated.shape)
    besides[:, 0] = rng.beta(0.3, 0.9, 4000)
    truth = np.where(rng.random(4000) < besides[:, 0], 0, truth)
    labels, slipped, fitted = slipping_annotators(stated, truth, 0.1)
    given = {"fitted": fitted, "besides": besides}
    calibration = Calibration.fit(stated, labels, np.ones(4000), **given)
    assert abs(calibration.slips - 0.1) < 0.03
    probability = given_label_probability(calibration, stated, labels, **given)
    found = labels[:, 0] & (stated[:, 0] < 0.05)
    assert found.sum() > 500
    for rows in (found, found & (besides[:, 0] > 0.5), ~found):
        assert abs((~slipped[rows]).mean() - probability[rows].mean()) < 0.03
    assert slipped[probability < 0.5].mean() > 0.8


def test_the_answer_is_right_as_often_as_it_says_of_labels_that_contradict():
    calibration, (stated, labels, fitted), _, truth = _world(0.1)
    probability = answer_probability(calibration, stated, labels, fitted)
    answers = stated.argmax(axis=1)
    contradicted = ~labels[np.arange(2000), answers]
    right = answers == truth
    assert contradicted.sum() > 200
    assert abs(right[contradicted].mean() - probability[contradicted].mean()) < 0.08
    assert probability[~contradicted].min() > 0.8
    assert ((probability >= 0) & (probability <= 1 + 1e-9)).all()


def test_honest_labels_are_hardly_suspected():
    calibration, annotations, _, _ = _world(0.0)
    assert (given_label_probability(calibration, *annotations) < 0.5).mean() < 0.002


def _said(classes, annotation, slips):
    """P(annotation | class) [K] where a slip is any other of the K singletons alike."""
    k = len(classes)
    return np.where(annotation, 1 - slips, slips / (k - 1))


def test_annotations_of_copies_that_differ_are_right_as_enumeration_says():
    """Of one text three annotations, two of them alike; slips are as often as the odds say."""
    p, slips = np.array([0.7, 0.25, 0.05]), 0.1
    eye = np.eye(3, dtype=bool)
    allowed = eye[[0, 1, 1, 2]]
    alone = []
    for annotation in allowed:
        joint = p * _said(p, annotation, slips)
        alone.append(joint[annotation].sum() / joint.sum())
    # The last is of another text: it stays as it is.
    found = among_copies(np.array(alone), np.tile(p, (4, 1)), allowed, np.array([5, 5, 5, 2]))
    joint = {
        k: p[k] * np.prod([_said(p, eye[said], slips)[k] for said in (0, 1)]) for k in range(3)
    }
    expected = np.array([joint[0], joint[1], joint[1]]) / sum(joint.values())
    np.testing.assert_allclose(found, [*expected, alone[3]], rtol=1e-9)
    assert found[0] + found[1] <= 1 < alone[0] + alone[1]


def test_sets_of_copies_that_overlap_support_each_other():
    """a or b, and a: both hold a, which is then surer than by either alone."""
    p = np.array([0.4, 0.3, 0.3])
    allowed = np.array([[1, 1, 0], [1, 0, 0]], bool)
    given = np.array([0.9, 0.8])
    both, one = among_copies(given, np.tile(p, (2, 1)), allowed, np.zeros(2, int))
    assert both > one > 0.8
    for order in itertools.permutations(range(2)):
        rows = list(order)
        again = among_copies(given[rows], np.tile(p, (2, 1)), allowed[rows], np.zeros(2, int))
        np.testing.assert_allclose(again, np.array([both, one])[rows])


def test_copies_that_agree_count_once():
    given = np.array([0.9, 0.9, 0.3])
    allowed = np.array([[1, 0], [1, 0], [0, 1]], bool)
    probabilities = np.full((3, 2), 0.5)
    found = among_copies(given, probabilities, allowed, np.array([0, 0, 1]))
    np.testing.assert_array_equal(found, given)
    assert (
        among_copies(np.zeros(0), np.zeros((0, 2)), np.zeros((0, 2), bool), np.zeros(0)).size == 0
    )
