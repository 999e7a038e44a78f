"""Distances from classes: closed forms, honest scores of hidden rows, and the same in the graph."""

import numpy as np
import pytest
from scipy.spatial.distance import mahalanobis
from scipy.special import entr
from sklearn.covariance import LedoitWolf
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from tfp_dgm.labelling import class_distance
from tfp_dgm.labelling.class_distance import ClassDistance, ViewDistance, gaussian
from tfp_dgm.labelling.novelty_layers import NoClassProbability

FOLDS = 5


def _world(rows=300, classes=4, size=6, strangers=0, seed=0):
    """Gaussian classes around corners, and strangers around others."""
    rng = np.random.default_rng(seed)
    corners = 2.5 * rng.normal(size=(classes + 3, size))
    truth = np.append(rng.integers(0, classes, rows), classes + rng.integers(0, 3, strangers))
    return (corners[truth] + rng.normal(size=(len(truth), size))).astype(np.float32), truth


def test_of_many_rows_the_gaussian_is_estimated_from_some(monkeypatch):
    monkeypatch.setattr(class_distance, "_MOST_ROWS", 30)
    view, _ = _world(80, classes=3)
    center, precision = gaussian(view)
    some = LedoitWolf().fit(view[::3].astype(float))
    np.testing.assert_allclose(center, some.location_, rtol=1e-5)
    np.testing.assert_allclose(precision, some.get_precision(), rtol=1e-3)


def test_the_distance_is_that_of_two_gaussians():
    view, truth = _world(80, classes=3)
    rows = np.arange(30)
    allowed = np.eye(3, dtype=bool)[truth[rows]]
    found = ViewDistance.fit(view, rows, allowed).measures(view)[:, 0]

    means = [view[rows][truth[rows] == k].mean(axis=0) for k in range(3)]
    residuals = []
    for k, mean in enumerate(means):
        theirs = view[rows][truth[rows] == k]
        residuals += list((theirs - mean) * np.sqrt(len(theirs) / (len(theirs) - 1)))
    within = LedoitWolf(assume_centered=True).fit(np.array(residuals, float)).get_precision()
    everything = LedoitWolf().fit(view.astype(float))
    for row in range(0, 80, 7):
        near = min(mahalanobis(view[row], mean, within) for mean in means)
        far = mahalanobis(view[row], everything.location_, everything.get_precision())
        assert found[row] == pytest.approx(near**2 - far**2, rel=1e-3, abs=1e-2)


def test_rows_near_a_class_have_low_energy():
    view, truth = _world(300, size=10, strangers=100, seed=1)
    view /= np.linalg.norm(view, axis=1, keepdims=True)  # As the features of texts are.
    rows = np.arange(60)
    energy = ViewDistance.fit(view, rows, np.eye(4, dtype=bool)[truth[rows]]).measures(view)[:, 1]
    assert roc_auc_score(truth[60:] >= 4, energy[60:]) > 0.8


def _scores(view, truth, rows):
    """Scores [N] by the model of all annotations; answers tell nothing."""
    allowed = np.eye(truth[rows].max() + 1, dtype=bool)[truth[rows]]
    everything = np.ones((len(view), 1))
    seen = np.ones((len(rows), 1), bool)
    return ClassDistance.fit([view], everything, rows, allowed, seen, rows).scores[:, 0]


def test_what_rows_of_no_class_have_in_common_is_learned(monkeypatch):
    """Half of them are too near to a class for a distance, but lean the same way as the others."""
    areas: dict[float, list[float]] = {0.0: [], class_distance._DIRECTION_WEIGHT: []}
    for seed in range(4):
        view, truth = _world(600, size=30, seed=seed)
        strange = np.arange(600) >= 400
        lean = np.random.default_rng(seed).normal(size=30)
        view[strange] += lean / np.linalg.norm(lean) * np.resize([[4], [8]], (200, 1))
        view /= np.linalg.norm(view, axis=1, keepdims=True)
        for weight, found in areas.items():
            monkeypatch.setattr(class_distance, "_DIRECTION_WEIGHT", weight)
            scores = _scores(view, truth, np.arange(100))
            found.append(roc_auc_score(strange[100:], scores[100:]))
    without, learned = areas.values()
    assert np.mean(learned) > np.mean(without) + 0.03


def test_the_direction_is_that_of_a_balanced_logistic_regression():
    random = np.random.default_rng(3)
    views = [random.normal(size=(200, size)).astype(np.float32) for size in (4, 3)]
    near = random.normal(size=200) + views[1][:, 0]
    annotated = np.arange(0, 60)
    found = class_distance._directions(views, near, annotated)
    far = 60 + np.argsort(-near[60:])[:28]  # A fifth of 140.
    both = np.concatenate([annotated, far])
    x = np.hstack([views[0][both], views[1][both], np.ones((88, 1))])
    # The ridge of two heads, 0.01 each and of opposite sign, is half of it for their difference.
    exact = LogisticRegression(C=1 / 0.005, fit_intercept=False, tol=1e-8).fit(
        x, np.repeat([0, 1], [60, 28]), 0.003 * np.repeat([44 / 60, 44 / 28], [60, 28])
    )
    np.testing.assert_allclose(np.concatenate(found), exact.coef_[0, :-1], atol=1e-4)


@pytest.mark.parametrize("labels", [40, 120])
def test_rows_that_a_model_did_not_see_are_as_far_as_those_without_annotation(labels):
    """Else rows of the classes would be taken for others, or others for them."""
    areas = []
    for seed in range(4):
        view, truth = _world(600, size=20, seed=seed)
        rng = np.random.default_rng(seed)
        rows = np.sort(rng.permutation(600)[:labels])
        fold = rng.permutation(labels) % FOLDS
        visible = fold[:, np.newaxis] != np.arange(-1, FOLDS)
        entropy = np.ones((600, FOLDS + 1))
        allowed = np.eye(4, dtype=bool)[truth[rows]]
        judged = np.arange(600)
        scores = ClassDistance.fit([view], entropy, rows, allowed, visible, judged).scores
        others = np.delete(scores, rows, axis=0)[:, 1:]
        for model in range(FOLDS):
            hidden = scores[rows[fold == model], 1 + model]
            known = np.repeat([1, 0], [len(hidden), len(others)])
            areas.append(roc_auc_score(known, np.append(hidden, others[:, model])))
    assert abs(np.mean(areas) - 0.5) < 0.06  # Three standard errors of 160 labels.


def test_models_of_folds_know_the_rows_that_they_answer_alone():
    view, truth = _world(200)
    rows = np.arange(0, 200, 5)
    fold = np.arange(40) % FOLDS
    visible = fold[:, np.newaxis] != np.arange(-1, FOLDS)
    allowed = np.eye(4, dtype=bool)[truth[rows]]
    entropy = np.random.default_rng(0).random((200, FOLDS + 1))
    judged = np.unique(np.append(rows, np.arange(1, 200, 3)))
    found = ClassDistance.fit([view], entropy, rows, allowed, visible, judged).scores
    everything = ClassDistance.fit([view], entropy, rows, allowed, visible, np.arange(200)).scores
    np.testing.assert_array_equal(found[:, 0], everything[:, 0])
    rest = np.setdiff1d(np.arange(200), judged)
    assert np.isnan(found[rest, 1:]).all()
    entropy[rest, 1:] = np.nan  # Nobody asks for it.
    again = ClassDistance.fit([view], entropy, rows, allowed, visible, judged).scores
    np.testing.assert_array_equal(again, found)
    others = found[np.setdiff1d(judged, rows), 1:]
    np.testing.assert_allclose(others.mean(axis=0), 0, atol=1e-6)
    np.testing.assert_allclose(others.std(axis=0), 1, atol=1e-6)


def test_the_layer_gives_the_score_of_the_model_of_all_annotations():
    first, truth = _world(120)
    second = first[:, :3] ** 2
    answers = np.random.default_rng(0).dirichlet(np.ones(4), 120).astype(np.float32)
    entropy = np.repeat(entr(answers).sum(axis=1)[:, np.newaxis], 3, axis=1)
    rows = np.arange(0, 120, 3)
    visible = np.stack([rows >= 0, rows % 2 == 0, rows % 2 == 1], axis=1)
    allowed = np.eye(4, dtype=bool)[truth[rows]]
    allowed[0] = [True, True, False, False]
    judged = np.arange(120)
    fitted = ClassDistance.fit([first, second], entropy, rows, allowed, visible, judged)
    others = np.delete(fitted.scores, rows, axis=0)
    np.testing.assert_allclose(others.mean(axis=0), 0, atol=1e-6)
    np.testing.assert_allclose(others.std(axis=0), 1, atol=1e-6)
    layer = NoClassProbability(
        4,
        [6, 3],
        measure_weights=fitted.weights,
        constant=fitted.constant,
        scores=[-1.0, 0.0, 2.0],
        probabilities=[0.1, 0.3, 0.9],
    )
    layer.set_weights([array for view in fitted.views for array in view.arrays()])
    score = layer.score([first, second], answers).numpy()
    np.testing.assert_allclose(score, fitted.scores[:, 0], atol=2e-3)
    found = layer([first, second], answers).numpy()
    np.testing.assert_allclose(found, np.interp(score, [-1, 0, 2], [0.1, 0.3, 0.9]), atol=1e-5)


def test_a_class_without_labels_and_one_of_a_single_label():
    view, truth = _world(60, classes=3)
    rows = np.append(np.flatnonzero(truth == 0)[:1], np.flatnonzero(truth == 1)[:1])
    fitted = ViewDistance.fit(view, rows, np.eye(3, dtype=bool)[[0, 1]])
    assert np.isfinite(fitted.measures(view)).all()
