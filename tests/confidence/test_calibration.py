import itertools

import numpy as np
import pytest

from tests.confidence.calibrated_worlds import slipping_annotators, tempered_world
from tfp_dgm.confidence import (
    FLOORS,
    SLIPS,
    Calibration,
    annotation_likelihood,
    fit_temperature,
    mixture_weights,
    temper,
)


def test_temper_is_the_power_renormalised():
    answer = temper(np.array([[0.8, 0.2]]), 2.0)
    np.testing.assert_allclose(answer, [[2 / 3, 1 / 3]], atol=1e-6)


@pytest.mark.parametrize("temperature", [0.7, 1.5, 3.0])
def test_finds_the_temperature_that_made_the_labels(temperature):
    stated, _, truth = tempered_world(4000, temperature)
    found = fit_temperature(stated, np.eye(4, dtype=bool)[truth], np.ones(4000))
    assert abs(np.log(found / temperature)) < 0.12


def test_calibrated_probabilities_are_those_that_made_the_labels():
    stated, _, truth = tempered_world(4000, 2.0, floor=0.05)
    calibration = Calibration.fit(stated, np.eye(4, dtype=bool)[truth], np.ones(4000))
    fresh, fresh_true, _ = tempered_world(1000, 2.0, floor=0.05, seed=1)
    assert np.abs(fresh - fresh_true).max() > 0.2  # What was stated is far off.
    np.testing.assert_allclose(calibration(fresh), fresh_true, atol=0.03)


def test_set_valued_annotations_calibrate_too():
    stated, _, truth = tempered_world(4000, 2.0)
    allowed = np.eye(4, dtype=bool)[truth]
    allowed[np.arange(4000), (truth + 1) % 4] = True
    assert abs(np.log(fit_temperature(stated, allowed, np.ones(4000)) / 2.0)) < 0.2


def test_weights_count_like_repetition():
    stated, _, truth = tempered_world(50, 2.0)
    allowed = np.eye(4, dtype=bool)[truth]
    times = np.random.default_rng(0).integers(0, 4, 50)
    weighted = Calibration.fit(stated, allowed, times)
    repeated = Calibration.fit(
        stated.repeat(times, 0), allowed.repeat(times, 0), np.ones(times.sum())
    )
    np.testing.assert_allclose(weighted.posterior, repeated.posterior, atol=1e-9)


def test_mixture_weights_find_the_member_that_knows():
    stated, _, truth = tempered_world(2000, 1.0)
    noise = np.random.default_rng(5).dirichlet(np.ones(4), 2000)
    weights = mixture_weights(
        [stated, noise], np.eye(4, dtype=bool)[truth], np.ones(2000), np.ones(2)
    )
    assert weights[0] > 0.95
    np.testing.assert_allclose(weights.sum(), 1)


def test_draws_of_the_weights_are_averaged_over():
    stated, _, truth = tempered_world(30, 2.0)
    allowed = np.eye(4, dtype=bool)[truth]
    # One draw that counts every row twice, and one that counts only the last ten.
    weights = np.array([[2] * 30, [0] * 20 + [1] * 10])
    expected = [
        Calibration.fit(stated.repeat(2, 0), allowed.repeat(2, 0), np.ones(60)).posterior,
        Calibration.fit(stated[20:], allowed[20:], np.ones(10)).posterior,
    ]
    assert np.abs(expected[0] - expected[1]).max() > 1e-3
    averaged = Calibration.fit(stated, allowed, weights).posterior
    np.testing.assert_allclose(averaged, np.mean(expected, axis=0), atol=1e-9)


@pytest.mark.parametrize("annotation", [[0], [2], [1, 3]])
def test_the_likelihood_sums_over_truth_and_slips(annotation):
    probabilities = np.array([[0.7, 0.15, 0.1, 0.05]])
    allowed = np.isin(np.arange(4), annotation)[np.newaxis]
    right, slip = annotation_likelihood(probabilities, allowed, None, 1.0)
    assert right.shape == (1, len(FLOORS), len(SLIPS))
    # The annotator names a set of this size: one that holds the truth, or, slipping, one that does
    # not; all such sets are as likely. Relative to the first kind, as sizes say nothing of classes.
    sets = list(itertools.combinations(range(4), len(annotation)))
    for share_index, share in enumerate(SLIPS):
        holding = missing = 0.0
        for k in range(4):
            hold = [s for s in sets if k in s]
            miss = [s for s in sets if k not in s]
            holding += (tuple(annotation) in hold) * probabilities[0, k] * (1 - share) / len(hold)
            missing += (tuple(annotation) in miss) * probabilities[0, k] * share / len(miss)
        per_set = len([s for s in sets if annotation[0] in s])
        np.testing.assert_allclose(right[0, 0, share_index], holding * per_set, atol=1e-12)
        np.testing.assert_allclose(slip[0, 0, share_index], missing * per_set, atol=1e-12)


def test_answers_of_the_floor_are_a_distribution_over_classes():
    probabilities = np.random.default_rng(0).dirichlet(np.ones(5), 20)
    total = sum(
        annotation_likelihood(probabilities, np.eye(5, dtype=bool)[[k] * 20], None, 2.0)[0]
        for k in range(5)
    )
    np.testing.assert_allclose(total, np.broadcast_to(1 - SLIPS, total.shape))


def test_slips_are_not_taken_for_doubt():
    stated, _, truth = tempered_world(600, 1.0, seed=2, scale=5.0)
    labels, _, fitted = slipping_annotators(stated, truth, 0.1)
    fresh, true, _ = tempered_world(1000, 1.0, seed=3, scale=5.0)
    told_apart = Calibration.fit(stated, labels, np.ones(600), fitted=fitted)
    assert abs(told_apart.slips - 0.1) < 0.03
    sure = true.max(axis=1) > 0.99
    assert told_apart(fresh)[sure].max(axis=1).mean() > 0.98
    # Nothing tells slips apart without the answers of the model that saw the labels.
    doubting = Calibration.fit(stated, labels, np.ones(600))
    assert doubting.slips == 0
    assert doubting(fresh)[sure].max(axis=1).mean() < 0.93


def test_no_slips_are_seen_where_there_are_none():
    stated, _, truth = tempered_world(600, 1.0, seed=4)
    labels, _, fitted = slipping_annotators(stated, truth, 0.0)
    assert Calibration.fit(stated, labels, np.ones(600), fitted=fitted).slips < 0.015


def test_of_two_classes_slips_are_told_by_whether_the_model_follows_them():
    # Where there is one other class, errors and slips go to the same.
    stated, _, truth = tempered_world(600, 1.0, seed=5, scale=5.0, num_classes=2)
    labels, _, fitted = slipping_annotators(stated, truth, 0.12)
    assert abs(Calibration.fit(stated, labels, np.ones(600), fitted=fitted).slips - 0.12) < 0.04
    # Had the model followed every one of them, they would be its own errors.
    assert Calibration.fit(stated, labels, np.ones(600), fitted=labels.astype(float)).slips < 0.02
