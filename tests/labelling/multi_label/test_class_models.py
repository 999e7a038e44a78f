import numpy as np
import pytest
import scipy.optimize
from scipy.special import expit
from sklearn.linear_model import LogisticRegression

from tfp_dgm.confidence import Calibration
from tfp_dgm.labelling.multi_label.class_calibrations import calibrated, class_calibrations
from tfp_dgm.labelling.multi_label.expected_f1 import LEAST, MOST, f1_thresholds
from tfp_dgm.labelling.multi_label.sigmoid_heads import fit_sigmoid_heads
from tfp_dgm.labelling.multi_label.stacking import Stacking
from tfp_dgm.labelling.multi_label.stratified_folds import stratified_folds
from tfp_dgm.labelling.multi_label.yes_thresholds import yes_thresholds


def test_heads_are_ridge_logistic_regressions_of_what_is_known():
    rng = np.random.default_rng(1)
    x = rng.normal(size=(80, 4)).astype(np.float32)
    x[:, -1] = 1
    targets = (rng.random((80, 3)) < 0.4).astype(np.float32)
    weights = (rng.random((80, 3)) < 0.7).astype(np.float32)
    found = fit_sigmoid_heads(x, targets, weights, ridge=0.5)
    for c in range(3):
        known = weights[:, c] > 0
        other = LogisticRegression(C=2.0, fit_intercept=False, tol=1e-8)
        other.fit(x[known], targets[known, c])
        np.testing.assert_allclose(found[:, c], other.coef_[0], atol=2e-3)


def test_a_class_is_stacked_as_the_posterior_mode():
    rng = np.random.default_rng(2)
    logits, marks = rng.normal(size=(50, 2, 2)), rng.integers(-1, 2, (50, 2)).astype(np.int8)
    weights = rng.uniform(0.5, 1, 50)
    found = Stacking.fit(logits, marks, weights, (0.8, 0.4)).coefficients
    known = (marks >= 0) * weights[:, None]
    pooled = LogisticRegression(C=1.0, tol=1e-8).fit(
        logits[known > 0], marks[known > 0] == 1, known[known > 0]
    )
    mean = np.array([pooled.intercept_[0], *pooled.coef_[0]])
    for k in range(2):

        def loss(c, k=k):
            z = c[0] + logits[:, k] @ c[1:]
            fit = known[:, k] @ (np.log1p(np.exp(z)) - (marks[:, k] == 1) * z)
            return fit + 0.5 * np.sum(((c - mean) / [0.8, 0.4, 0.4]) ** 2)

        np.testing.assert_allclose(found[k], scipy.optimize.minimize(loss, mean).x, atol=2e-3)


def test_every_class_is_in_every_fold_and_copies_are_together():
    rng = np.random.default_rng(0)
    marks = (rng.random((200, 8)) < [0.5, 0.3, 0.1, 0.05, 0.05, 0.9, 0.2, 0.1]).astype(np.int8)
    group = np.arange(200) // 2  # Pairs of copies.
    marks[1::2] = marks[::2]
    fold = stratified_folds(marks, group, 5, seed=0)
    assert (fold[1::2] == fold[::2]).all()
    sizes = np.bincount(fold, minlength=5)
    assert sizes.max() - sizes.min() <= 6
    for k in range(8):
        for mark in (0, 1):
            counts = np.bincount(fold[marks[:, k] == mark], minlength=5)
            assert counts.max() - counts.min() <= 0.2 * counts.sum() / 5 + 6, (k, mark)


def test_the_threshold_is_the_one_of_the_best_expected_f1():
    p = np.random.default_rng(4).beta(0.6, 1.5, size=(300, 1))
    ranked = np.sort(p[:, 0])[::-1]
    best = max(range(1, 301), key=lambda m: 2 * ranked[:m].sum() / (m + ranked.sum()))
    threshold = f1_thresholds(p)[0]
    assert LEAST < threshold < MOST
    assert (p >= threshold).sum() == best


def test_a_class_of_which_nothing_is_known_is_not_given_to_every_row():
    assert not (np.full((50, 1), 0.05) >= f1_thresholds(np.full((50, 1), 0.05))).any()


def _world(rows, seed, temperature):
    """Answers whose log-odds are `temperature` times too large, of ten classes."""
    rng = np.random.default_rng(seed)
    true = 1 / (1 + np.exp(-rng.normal(-1, 2, size=(rows, 10))))
    marks = (rng.random(true.shape) < true).astype(np.int8)
    odds = np.log(true / (1 - true)) * temperature
    return 1 / (1 + np.exp(-odds)), true, marks


@pytest.mark.parametrize("temperature", [0.6, 1.0, 2.0])
def test_calibration_undoes_what_is_wrong_with_all_classes(temperature):
    answers, _, marks = _world(300, 0, temperature)
    calibrations = class_calibrations(answers, marks, np.ones(300))
    fresh, true, _ = _world(300, 1, temperature)
    assert np.abs(calibrated(calibrations, fresh) - true).mean() < 0.03


def test_a_class_with_few_marks_is_calibrated_as_the_others_are():
    answers, _, marks = _world(300, 0, 2.5)
    marks[6:, 9] = -1
    fresh, true, _ = _world(300, 1, 2.5)
    together = calibrated(class_calibrations(answers, marks, np.ones(300)), fresh)[:, 9]
    alone = calibrated(
        class_calibrations(answers[:, 9:], marks[:, 9:], np.ones(300)), fresh[:, 9:]
    )[:, 0]
    assert np.abs(together - true[:, 9]).mean() < 0.6 * np.abs(alone - true[:, 9]).mean()


def test_a_class_by_itself_is_as_sure_as_its_marks_allow():
    """Bayes' rule on the general prior, once: nothing else tells of it."""
    rng = np.random.default_rng(4)
    logits = np.round(rng.normal(0.5, 1.5, 120), 1)
    marks = (rng.random(120) < expit(logits / 1.7)).astype(np.int8)
    p = expit(logits)
    (found,) = class_calibrations(p[:, np.newaxis], marks[:, np.newaxis], np.ones(120))
    allowed = np.stack([marks == 0, marks == 1], axis=1)
    alone = Calibration.fit(np.stack([1 - p, p], axis=1), allowed, np.ones(120))
    np.testing.assert_allclose(found.maps, alone.maps, atol=1e-3)


def test_accepted_classes_keep_the_promise_in_nine_of_ten():
    kept = []
    for seed in range(12):
        answers, _, marks = _world(400, seed, 1.5)
        fresh, true, _ = _world(4000, 100 + seed, 1.5)
        least = yes_thresholds(fresh, 0.9, cross_fitted=answers, marks=marks, counts=np.ones(400))
        for k in np.flatnonzero(~np.isnan(least)):
            kept.append(true[fresh[:, k] >= least[k], k].mean() >= 0.9)
    assert len(kept) > 40
    assert np.mean(kept) > 0.85


def test_nothing_is_accepted_without_marks_that_tell():
    answers, _, marks = _world(400, 0, 1.0)
    marks[:] = -1
    assert np.isnan(
        yes_thresholds(answers, 0.9, cross_fitted=answers, marks=marks, counts=np.ones(400))
    ).all()
