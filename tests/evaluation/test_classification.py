"""Numbers on predictions: hand-computed, against SciPy and sklearn, and at the edges."""

import math
import subprocess
import sys

import numpy as np
import pytest
from scipy import stats
from sklearn import metrics as sklearn_metrics

from tfp_dgm import evaluation


@pytest.fixture
def drawn():
    """Probabilities [200, 4], truth [200] and whole weights [200], some of them zero."""
    rng = np.random.default_rng(7)
    probabilities = rng.dirichlet(np.full(4, 0.5), 200)
    truth = np.array([rng.choice(4, p=row) for row in probabilities])
    return probabilities, truth, rng.integers(0, 4, 200)


def test_accuracy_and_macro_f1_by_hand() -> None:
    truth = [0, 0, 0, 1, 1]
    predicted = [0, 0, 1, 1, 2]
    assert evaluation.accuracy(predicted, truth) == pytest.approx(3 / 5)
    # F1 of class 0 = 2*2/(3+2), of class 1 = 2*1/(2+2); class 2 is never true.
    assert evaluation.macro_f1(predicted, truth) == pytest.approx((4 / 5 + 1 / 2) / 2)
    assert evaluation.accuracy(predicted, truth, weights=[1, 1, 0, 0, 2]) == pytest.approx(1 / 2)


def test_macro_f1_counts_a_class_that_is_never_predicted() -> None:
    assert evaluation.macro_f1([0, 0], [0, 1]) == pytest.approx((2 / 3 + 0) / 2)


def test_scores_agree_with_sklearn(drawn) -> None:
    probabilities, truth, weights = drawn
    predicted = probabilities.argmax(axis=1)
    assert evaluation.accuracy(predicted, truth, weights=weights) == pytest.approx(
        sklearn_metrics.accuracy_score(truth, predicted, sample_weight=weights)
    )
    assert evaluation.macro_f1(predicted, truth) == pytest.approx(
        np.mean(sklearn_metrics.f1_score(truth, predicted, average=None))
    )


def test_names_may_be_strings() -> None:
    assert evaluation.accuracy(["a", "b"], ["a", "a"]) == 0.5
    assert evaluation.macro_f1(["a", "b"], ["a", "a"]) == pytest.approx(2 / 3)


def test_calibration_error_by_hand() -> None:
    probabilities = [[0.9, 0.1], [0.8, 0.2], [0.3, 0.7], [0.4, 0.6]]
    truth = [0, 1, 1, 1]
    # Two bins: all four lie in (0.5, 1]: confidence 0.75, accuracy 0.75.
    assert evaluation.expected_calibration_error(probabilities, truth, num_bins=2) == pytest.approx(
        0
    )
    # Five: (0.8, 1] 0.9 vs 1; (0.6, 0.8] (0.8 + 0.7) / 2 vs 1/2; (0.4, 0.6] 0.6 vs 1.
    expected = (1 * 0.1 + 2 * 0.25 + 1 * 0.4) / 4
    assert evaluation.expected_calibration_error(probabilities, truth, num_bins=5) == pytest.approx(
        expected
    )


def test_calibration_error_agrees_with_a_loop(drawn) -> None:
    probabilities, truth, weights = drawn
    error, total = 0.0, weights.sum()
    for b in range(15):
        weight = confidence = right = 0.0
        for row, label, w in zip(probabilities, truth, weights, strict=True):
            if b / 15 < max(row) <= (b + 1) / 15:
                weight += w
                confidence += w * max(row)
                right += w * (list(row).index(max(row)) == label)
        error += abs(confidence - right) / total if weight else 0
    assert evaluation.expected_calibration_error(
        probabilities, truth, weights=weights
    ) == pytest.approx(error)


def test_bins_by_hand() -> None:
    probabilities = [[0.95, 0.05], [0.85, 0.15], [0.45, 0.55]]
    low_bin, high_bin = evaluation.reliability_bins(
        probabilities, [0, 1, 1], weights=[3, 1, 5], num_bins=4
    )
    assert (low_bin["left"], low_bin["right"], low_bin["count"]) == (0.5, 0.75, 1)
    assert low_bin["accuracy"] == 1
    assert (high_bin["count"], high_bin["weight"]) == (2, 4)
    assert high_bin["confidence"] == pytest.approx((3 * 0.95 + 0.85) / 4)
    assert high_bin["accuracy"] == pytest.approx(3 / 4)
    assert (high_bin["low"], high_bin["high"]) == pytest.approx(
        evaluation.wilson_interval(3 / 4, 16 / 10)
    )


def test_bin_edges_belong_to_the_bin_on_their_left() -> None:
    (only,) = evaluation.reliability_bins([[0.5, 0.5], [1.0, 0.0]], [0, 0], num_bins=1)
    assert only["count"] == 2
    half, one = evaluation.reliability_bins([[0.5, 0.5], [1.0, 0.0]], [0, 0], num_bins=2)
    assert (half["left"], half["right"], one["right"]) == (0, 0.5, 1)


def test_curve_by_hand() -> None:
    curve = evaluation.coverage_precision_curve([0.6, 0.9, 0.9, 0.7], [1, 1, 0, 1])
    assert curve["threshold"] == [0.9, 0.7, 0.6]
    assert curve["coverage"] == pytest.approx([0.5, 0.75, 1])
    assert curve["precision"] == pytest.approx([1 / 2, 2 / 3, 3 / 4])
    assert (curve["low"][0], curve["high"][0]) == pytest.approx(
        evaluation.wilson_interval(1 / 2, 2)
    )


def test_curve_of_probabilities_is_the_expected_precision() -> None:
    curve = evaluation.coverage_precision_curve([0.5, 0.9], [0.5, 0.9])
    assert curve["precision"] == pytest.approx([0.9, 0.7])


@pytest.mark.parametrize(("right", "count"), [(0, 1), (1, 1), (3, 7), (50, 50), (0, 9)])
def test_intervals_agree_with_scipy(right: int, count: int) -> None:
    test = stats.binomtest(right, count)
    assert evaluation.wilson_interval(right / count, count) == pytest.approx(
        tuple(test.proportion_ci(method="wilson")), abs=1e-9
    )
    assert evaluation.clopper_pearson_interval(right / count, count) == pytest.approx(
        tuple(test.proportion_ci(method="exact")), abs=1e-9
    )


def test_accepted_precision_by_hand() -> None:
    result = evaluation.accepted_precision([1, 1, 1, 0], [1, 1, 0, 1])
    exact = stats.binomtest(2, 3).proportion_ci(method="exact")
    assert result == pytest.approx(
        {"count": 3, "coverage": 3 / 4, "precision": 2 / 3, "low": exact.low, "high": exact.high}
    )


def test_weights_equal_repetition(drawn) -> None:
    probabilities, truth, weights = drawn
    confidence, predicted = probabilities.max(axis=1), probabilities.argmax(axis=1)
    correct, accepted = predicted == truth, confidence > 0.7
    again = np.repeat(np.arange(len(truth)), weights)

    assert evaluation.macro_f1(predicted, truth, weights=weights) == pytest.approx(
        evaluation.macro_f1(predicted[again], truth[again])
    )
    assert evaluation.expected_calibration_error(
        probabilities, truth, weights=weights
    ) == pytest.approx(evaluation.expected_calibration_error(probabilities[again], truth[again]))
    weighted = evaluation.coverage_precision_curve(confidence, correct, weights)
    repeated = evaluation.coverage_precision_curve(confidence[again], correct[again])
    for name in ("threshold", "coverage", "precision"):
        assert weighted[name] == pytest.approx(repeated[name])
    weighted = evaluation.accepted_precision(accepted, correct, weights)
    repeated = evaluation.accepted_precision(accepted[again], correct[again])
    for name in ("coverage", "precision"):
        assert weighted[name] == pytest.approx(repeated[name])


def test_the_scale_of_weights_changes_nothing(drawn) -> None:
    probabilities, truth, _ = drawn
    plain = evaluation.reliability_bins(probabilities, truth)
    scaled = evaluation.reliability_bins(probabilities, truth, weights=np.full(len(truth), 0.1))
    for a, b in zip(plain, scaled, strict=True):
        for name in ("confidence", "accuracy", "low", "high"):
            assert a[name] == pytest.approx(b[name])


def test_nothing() -> None:
    assert math.isnan(evaluation.accuracy([], []))
    assert math.isnan(evaluation.macro_f1([], []))
    assert math.isnan(evaluation.macro_f1([1], [1], weights=[0]))
    assert math.isnan(evaluation.expected_calibration_error(np.zeros((0, 3)), []))
    assert evaluation.reliability_bins(np.zeros((0, 3)), []) == []
    assert evaluation.coverage_precision_curve([], [])["coverage"] == []
    assert math.isnan(evaluation.accepted_precision([], [])["precision"])


def test_none_and_all_accepted() -> None:
    nothing = evaluation.accepted_precision([0, 0], [1, 1])
    assert (nothing["count"], nothing["coverage"]) == (0, 0)
    assert all(math.isnan(nothing[name]) for name in ("precision", "low", "high"))
    everything = evaluation.accepted_precision([1, 1], [1, 1])
    assert (everything["coverage"], everything["precision"], everything["high"]) == (1, 1, 1)


def test_one_class() -> None:
    assert evaluation.macro_f1([0, 0], [0, 0]) == 1
    assert evaluation.expected_calibration_error(np.ones((2, 1)), [0, 0]) == 0


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: evaluation.accuracy([1], [1, 2]), "predicted: expected 2 rows as in truth"),
        (
            lambda: evaluation.macro_f1([[1]], [[1]]),
            r"truth: expected \[N\]; received shape \(1, 1\)",
        ),
        (lambda: evaluation.accuracy([1], [1], weights=[-1]), "weights: .* and least -1"),
        (
            lambda: evaluation.accuracy([1], [1], weights=[1, 2]),
            r"weights: .* received shape \(2,\)",
        ),
        (lambda: evaluation.reliability_bins([0.5], [0]), r"probabilities: expected \[N, K\]"),
        (lambda: evaluation.reliability_bins([[1]], [0], num_bins=0), "num_bins: .* received 0"),
    ],
)
def test_errors_name_the_argument(call, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()


def test_no_tensorflow() -> None:
    program = (
        "import sys, tfp_dgm.evaluation\n"
        "assert not {'tensorflow', 'keras'} & set(sys.modules), 'loads TensorFlow'"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
