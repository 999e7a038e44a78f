import numpy as np
import pytest
from sklearn.metrics import f1_score

from tfp_dgm.evaluation import expected_calibration_error
from tfp_dgm.tagging.resampling import band, calibration_error, mean_f1, per_sentence, ratio


def test_the_range_of_a_share_of_single_rows_is_that_of_the_binomial():
    rng = np.random.default_rng(0)
    right = rng.random(400) < 0.8
    found = band(ratio, per_sentence(np.arange(400), right, np.ones(400)))
    deviation = np.sqrt(right.mean() * (1 - right.mean()) / 400)
    assert found["value"] == pytest.approx(right.mean())
    assert found["low"] == pytest.approx(right.mean() - 1.96 * deviation, abs=0.008)
    assert found["high"] == pytest.approx(right.mean() + 1.96 * deviation, abs=0.008)


def test_rows_that_come_together_make_the_range_wider():
    rng = np.random.default_rng(0)
    right = np.repeat(rng.random(50) < 0.8, 8)
    together = band(ratio, per_sentence(np.repeat(np.arange(50), 8), right, np.ones(400)))
    alone = band(ratio, per_sentence(np.arange(400), right, np.ones(400)))
    assert together["high"] - together["low"] > 2 * (alone["high"] - alone["low"])


def test_nothing_has_no_score():
    found = band(ratio, np.zeros((0, 2)))
    assert np.isnan([found["value"], found["low"], found["high"]]).all()


def test_mean_f1_is_that_of_scikit_learn():
    rng = np.random.default_rng(1)
    given, predicted = rng.integers(0, 4, (2, 60))
    predicted[given == 2] = 1  # A tag that is never found, and one that is never given.
    predicted[:3] = 4
    one_hot = np.eye(5)
    rows = per_sentence(
        np.arange(60) // 6,
        one_hot[given] * (given == predicted)[:, np.newaxis],
        one_hot[predicted],
        one_hot[given],
    )
    expected = f1_score(given, predicted, labels=range(4), average="macro", zero_division=0)
    assert band(mean_f1, rows)["value"] == pytest.approx(expected)


def test_the_calibration_error_is_that_of_all_rows():
    rng = np.random.default_rng(2)
    confidence = rng.uniform(0.3, 1, 200)
    right = rng.random(200) < confidence**2
    bins = np.eye(15)[np.ceil(confidence * 15).astype(int) - 1]
    rows = per_sentence(
        np.arange(200) // 5, bins, bins * right[:, np.newaxis], bins * confidence[:, np.newaxis]
    )
    both = np.stack([1 - confidence, confidence], axis=1)
    sure = confidence >= 0.5
    expected = expected_calibration_error(both[sure], right[sure].astype(int))
    of_sure = per_sentence(
        (np.arange(200) // 5)[sure],
        bins[sure],
        bins[sure] * right[sure][:, np.newaxis],
        bins[sure] * confidence[sure][:, np.newaxis],
    )
    assert band(calibration_error, of_sure)["value"] == pytest.approx(expected)
    assert 0 < band(calibration_error, rows)["value"] < 1
