import numpy as np
import pytest
import scipy.stats

from tests.confidence.calibrated_worlds import slipping_annotators, tempered_world
from tfp_dgm.confidence import FLOORS, SLIPS, TEMPERATURES, Calibration, acceptance_threshold


def _as_stated():
    """A calibration that is sure that the stated probabilities are right."""
    posterior = np.zeros((len(TEMPERATURES), len(FLOORS), len(SLIPS)))
    posterior[12, 0, 0] = 1
    assert TEMPERATURES[12] == 1
    return Calibration(posterior)


def _run(stated, truth, labels, min_precision, fitted=None):
    """Calibrates on the first rows and accepts from the others: how many, and the share right."""
    n = len(labels)
    calibration = Calibration.fit(stated[:n], labels, np.ones(n), fitted=fitted)
    threshold = acceptance_threshold(
        calibration,
        stated[n:],
        min_precision,
        cross_fitted=stated[:n],
        allowed=labels,
        fitted=fitted,
    )
    if threshold is None:
        return 0, np.nan
    answers = calibration(stated[n:])
    accepted = answers.max(axis=1) >= threshold
    return accepted.sum(), (answers.argmax(axis=1) == truth[n:])[accepted].mean()


def test_where_it_accepts_the_promise_is_kept_in_nine_runs_of_ten():
    kept = []
    for labels, temperature in ((40, 1.0), (80, 2.0), (200, 1.4)):
        for seed in range(16):
            stated, _, truth = tempered_world(labels + 500, temperature, seed=seed, scale=4.0)
            given = np.eye(4, dtype=bool)[truth[:labels]]
            accepted, right = _run(stated, truth, given, 0.9)
            if accepted:
                kept.append(right >= 0.9)
    assert len(kept) >= 36
    # Fewer would happen with a chance of 2 % if nine in ten are kept.
    assert sum(kept) >= scipy.stats.binom.ppf(0.02, len(kept), 0.9)


def test_what_cannot_be_reached_is_seldom_accepted():
    # However sure the model is, one answer in ten is wrong: no set of rows is right at 95 %.
    runs = []
    for seed in range(20):
        stated, _, truth = tempered_world(700, 1.0, floor=0.133, seed=seed, scale=6.0)
        runs.append(_run(stated, truth, np.eye(4, dtype=bool)[truth[:200]], 0.95)[0] > 0)
    assert np.mean(runs) <= 0.1


def test_slips_of_the_annotators_do_not_stop_acceptance():
    stated, _, truth = tempered_world(1300, 1.0, seed=1, scale=5.0)
    labels, slipped, fitted = slipping_annotators(stated[:300], truth[:300], 0.1, seed=1)
    assert 20 < slipped.sum() < 40
    accepted, right = _run(stated, truth, labels, 0.95, fitted)
    assert accepted > 400
    assert right >= 0.95
    # Taken for the model's doubt, they would.
    assert _run(stated, truth, labels, 0.95)[0] < accepted / 2


def test_copies_judge_as_one():
    # 30 annotated rows, all right, are enough to tell 95 %; ten copies of each of three are not.
    stated = np.tile([[0.97, 0.03]], (500, 1))
    answers = {"cross_fitted": stated[:30], "allowed": np.tile([[True, False]], (30, 1))}
    each, copies = (
        acceptance_threshold(_as_stated(), stated, 0.95, counts=counts, **answers)
        for counts in (np.ones(30), np.full(30, 0.1))
    )
    assert scipy.stats.beta.sf(0.95, 20 * 0.97 + 30, 20 * 0.03) > 0.9
    assert each is not None
    assert scipy.stats.beta.sf(0.95, 20 * 0.97 + 3, 20 * 0.03) < 0.9
    assert copies is None


def test_rows_of_no_class_among_the_accepted_count_as_wrong():
    """300 rows that are right for sure, and after them 100 of which as many are of no class."""
    stated = np.tile([[0.9999, 0.0001]], (400, 1))
    answers = {"cross_fitted": stated[:200], "allowed": np.tile([[True, False]], (200, 1))}

    def accepted(none):
        draws = np.stack([np.append(np.zeros(300), np.full(100, share)) for share in none])
        threshold = acceptance_threshold(
            _as_stated(), stated, 0.95, none=draws, cross_fitted_none=np.zeros(200), **answers
        )
        confidence = 0.9999 * (1 - draws.mean(axis=0))
        return 0 if threshold is None else (confidence >= threshold).sum()

    assert accepted([0.0]) == 400
    assert accepted([0.1]) == 400  # 10 of 400 are wrong.
    assert accepted([0.3]) == 300  # 30 would be.
    assert accepted([0.1] * 8 + [0.6] * 2) == 300  # In a fifth of the draws, 60.


def test_annotated_rows_judge_by_their_confidence_of_being_of_a_class():
    stated = np.tile([[0.97, 0.03]], (500, 1))
    answers = {"cross_fitted": stated[:60], "allowed": np.tile([[True, False]], (60, 1))}
    answers["allowed"][:12] = [False, True]
    unlike = np.append(np.full(12, 0.9), np.zeros(48))
    found = [
        acceptance_threshold(
            _as_stated(), stated, 0.95, none=np.zeros((1, 500)), cross_fitted_none=none, **answers
        )
        for none in (np.zeros(60), unlike)
    ]
    assert found[0] is None
    assert found[1] is not None  # The twelve that are wrong would not be accepted.


def test_too_few_labels_to_tell():
    rng = np.random.default_rng(0)
    stated = rng.dirichlet(np.ones(4), 500)
    allowed = np.eye(4, dtype=bool)[
        rng.integers(0, 4, 12)
    ]  # Labels that have nothing to do with it.
    calibration = Calibration.fit(stated[:12], allowed, np.ones(12))
    answers = {"cross_fitted": stated[:12], "allowed": allowed}
    assert acceptance_threshold(calibration, stated, 0.95, **answers) is None


def test_few_rows_to_accept_are_not_enough():
    stated, _, truth = tempered_world(500, 1.0)
    allowed = np.eye(4, dtype=bool)[truth]
    calibration = Calibration.fit(stated, allowed, np.ones(500))
    answers = {"cross_fitted": stated, "allowed": allowed}
    assert acceptance_threshold(calibration, stated[:9], 0.5, **answers) is None
    assert acceptance_threshold(calibration, stated[:50], 0.5, **answers) is not None


@pytest.mark.parametrize("noise", [0, 1e-7])
def test_rows_that_tie_are_judged_together(noise):
    # 600 rows at 0.99 and 400 copies at 0.8. 600 and 150 of the copies would be right at 0.952 by
    # what they say, but no threshold parts copies, and all 1,000 would be right at 0.914.
    stated = np.repeat([0.99, 0.8], [600, 400])
    stated += noise * np.random.default_rng(0).random(1000)
    stated = np.stack([stated, 1 - stated], axis=1)
    calibration = _as_stated()
    np.testing.assert_allclose(calibration(stated), stated, atol=0.005)
    every_label_right = np.repeat([[True, False]], 1000, axis=0)
    answers = {"cross_fitted": stated, "allowed": every_label_right}
    threshold = acceptance_threshold(calibration, stated, 0.95, **answers)
    assert (calibration(stated).max(axis=1) >= threshold).tolist() == [True] * 600 + [False] * 400
    everything = acceptance_threshold(calibration, stated, 0.9, **answers)
    assert (calibration(stated).max(axis=1) >= everything).all()


def test_labels_overrule_a_calibration_that_is_wrong_about_the_confident():
    # Right nine times in ten wherever the model says 0.999 or 0.6: no map of the family says so.
    rng = np.random.default_rng(0)
    stated = np.where(rng.random((3000, 1)) < 0.5, [[0.999, 0.001]], [[0.6, 0.4]])
    truth = (rng.random(3000) >= 0.9).astype(int)
    allowed = np.eye(2, dtype=bool)[truth[:600]]
    calibration = _as_stated()
    answers = {"cross_fitted": stated[:600], "allowed": allowed}
    assert calibration(stated).max() > 0.99
    assert acceptance_threshold(calibration, stated[600:], 0.95, **answers) is None
    assert acceptance_threshold(calibration, stated[600:], 0.8, **answers) is not None


def test_annotations_of_several_classes_alone_do_not_fail():
    stated, _, truth = tempered_world(600, 1.0, scale=5.0)
    sets = np.eye(4, dtype=bool)[truth[:300]] | np.eye(4, dtype=bool)[(truth[:300] + 1) % 4]
    accepted, right = _run(stated, truth, sets, 0.8, fitted=stated[:300])
    assert accepted > 100
    assert right >= 0.8
