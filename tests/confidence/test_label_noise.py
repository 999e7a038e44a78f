import numpy as np

from tests.confidence.calibrated_worlds import slipping_annotators, tempered_world
from tfp_dgm.confidence import Calibration, answer_probability, given_label_probability


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
