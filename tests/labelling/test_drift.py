"""Whether a file is like the training's: tests against SciPy, and what is said."""

import json

import numpy as np
import pytest
import scipy.stats

from tfp_dgm.labelling.drift import Drift, drift_reference


def _drift(labels, novelty, reference=None, chunks=1):
    found = Drift(reference or drift_reference(["a"] * 300 + ["b"] * 200, 500))
    for part in range(chunks):
        other = found.empty()  # As of a worker, whose counts travel as JSON.
        other.add(labels[part::chunks], novelty[part::chunks])
        found.merge(json.loads(json.dumps(other.counts())))
    return found


def _labels(a, b, c=0):
    return ["a"] * a + ["b"] * b + ["c"] * c


def test_texts_like_those_of_the_training_are_not_warned_of():
    said = 0
    for seed in range(40):
        rng = np.random.default_rng(seed)
        labels = rng.choice(["a", "b"], 400, p=[0.6, 0.4]).tolist()
        said += len(_drift(labels, rng.random(400).tolist()).warnings())
    assert said == 0


def test_the_statistic_is_that_of_kolmogorov_and_smirnov():
    novelty = np.random.default_rng(0).beta(3, 1, 600)
    test = _drift(_labels(600, 0), novelty.tolist(), chunks=7).of_novelty()
    # Against the uniform distribution, in bins of a hundredth; `held_out` makes it two samples.
    exact = scipy.stats.kstest(novelty, "uniform", alternative="less")
    assert test.statistic == pytest.approx(exact.statistic, abs=0.01)
    reference = (np.arange(500) + 0.5) / 500
    two = scipy.stats.ks_2samp(novelty, reference, alternative="less", method="asymp")
    assert np.log(test.p_value) == pytest.approx(np.log(two.pvalue), rel=0.1)


def test_nearer_texts_are_no_drift():
    novelty = np.random.default_rng(0).beta(1, 3, 600)
    assert _drift(_labels(360, 240), novelty.tolist()).warnings() == []


def test_the_shares_are_compared_by_chi_squared():
    test = _drift(_labels(100, 250, 50), [0.5] * 400, chunks=3).of_labels()
    exact = scipy.stats.chi2_contingency([[300, 200, 0], [100, 250, 50]], correction=False)
    assert test.statistic == pytest.approx(exact.statistic)
    assert test.p_value == pytest.approx(exact.pvalue)
    assert test.change == pytest.approx(0.35)  # From 60, 40 and 0 % to 25, 62.5 and 12.5 %.


def test_rare_labels_are_taken_together():
    reference = drift_reference(["a"] * 96 + ["b", "c", "d", "e"], 100)
    test = _drift(["a"] * 95 + [*"bcdef"], [0.5] * 100, reference).of_labels()
    exact = scipy.stats.chi2_contingency([[96, 4], [95, 5]], correction=False)
    assert test.statistic == pytest.approx(exact.statistic)


def test_what_is_said_has_figures():
    novelty = np.append(np.full(300, 1.0), np.linspace(0, 1, 100))
    far, moved = _drift(_labels(100, 300), novelty.tolist()).warnings()
    assert "78% of them are farther than nine in ten" in far
    assert "statistic 0." in far
    assert "p < 0.0001" in far
    assert "a from 60% to 25%, b from 40% to 75%" in moved
    assert "chi-squared statistic" in moved


@pytest.mark.parametrize(
    ("labels", "novelty"), [([], []), (["a"], [1.0]), (["(none)"] * 20, [1.0] * 20)]
)
def test_few_texts_tell_nothing(labels, novelty):
    assert _drift(labels, novelty).warnings() == []


def test_a_model_without_novelty_or_rows_to_compare_with():
    drift = _drift(_labels(100, 300), [None] * 400, drift_reference([], 0))
    assert drift.of_novelty() is None
    assert drift.of_labels() is None
    assert drift.warnings() == []


def test_a_large_file_with_a_small_change_is_not_warned_of():
    rng = np.random.default_rng(0)
    reference = drift_reference(_labels(60_000, 40_000), 100_000)
    labels = rng.choice(["a", "b"], 100_000, p=[0.57, 0.43])
    drift = _drift(labels.tolist(), (rng.random(100_000) ** 0.9).tolist(), reference)
    assert drift.of_labels().p_value < 1e-6
    assert drift.warnings() == []
