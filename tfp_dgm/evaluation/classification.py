"""How good predicted classes and their confidences are, as plain numbers.

Everything takes NumPy arrays and loads no TensorFlow. A number that no row says anything about
(the accuracy of nothing) is NaN. `weights` say what each row counts: a row of weight 2 counts as
two rows in every estimate. Intervals do not shrink by it; they take the effective number of rows,
sum(w)^2 / sum(w^2) (Kish 1965), because weighing a row twice tells nothing new.
"""

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats
from sklearn import metrics as sklearn_metrics

_LEVEL = 0.95


def accuracy(predicted: ArrayLike, truth: ArrayLike, *, weights: ArrayLike | None = None) -> float:
    """The share of rows whose predicted class [N] is the true one [N]."""
    predicted, truth = np.asarray(predicted), np.asarray(truth)
    _check_lengths(truth=truth, predicted=predicted)
    return _mean(predicted == truth, _weights(weights, len(truth)))


def macro_f1(predicted: ArrayLike, truth: ArrayLike, *, weights: ArrayLike | None = None) -> float:
    """The mean F1 over the classes that occur in the truth.

    A class that is predicted but never true lowers the F1 of the classes it was taken from; it has
    no F1 of its own. A true class that is never predicted has F1 = 0.

    Args:
      predicted: [N], the predicted classes.
      truth: [N], the true classes.
      weights: [N], what each row counts; None = the same.
    """
    predicted, truth = np.asarray(predicted), np.asarray(truth)
    _check_lengths(truth=truth, predicted=predicted)
    weights = _weights(weights, len(truth))
    occurring = np.unique(truth[weights > 0])
    if not len(occurring):
        return math.nan
    scores = sklearn_metrics.f1_score(
        truth,
        predicted,
        labels=occurring,
        average="macro",
        sample_weight=weights,
        zero_division=0,
    )
    return float(scores)


def expected_calibration_error(
    probabilities: ArrayLike,
    truth: ArrayLike,
    *,
    weights: ArrayLike | None = None,
    num_bins: int = 15,
) -> float:
    """How far confidence lies from accuracy, on average over bins of equal width.

        ECE = sum_b share_b * |accuracy_b - confidence_b|

    Only the probability of the predicted (most probable) class is looked at.

    Args:
      probabilities: [N, K].
      truth: int [N], the true classes.
      weights: [N], what each row counts; None = the same.
      num_bins: bins over (0, 1], open on the left.
    References:
      [1] Guo et al. On Calibration of Modern Neural Networks. ICML 2017. arXiv:1706.04599
    """
    bins = reliability_bins(probabilities, truth, weights=weights, num_bins=num_bins)
    total = sum(row["weight"] for row in bins)
    if total == 0:
        return math.nan
    gaps = (row["weight"] * abs(row["accuracy"] - row["confidence"]) for row in bins)
    return float(sum(gaps) / total)


def reliability_bins(
    probabilities: ArrayLike,
    truth: ArrayLike,
    *,
    weights: ArrayLike | None = None,
    num_bins: int = 15,
) -> list[dict[str, float]]:
    """What a reliability diagram shows: confidence and accuracy, bin by bin.

    Args:
      probabilities: [N, K].
      truth: int [N], the true classes.
      weights: [N], what each row counts; None = the same.
      num_bins: bins over (0, 1], open on the left.
    Returns:
      For each bin that has rows of positive weight, in order: its edges `left` and `right`, the
      `count` of rows, their `weight`, mean `confidence`, `accuracy`, and the ends `low` and `high`
      of the accuracy's Wilson interval (95 %).
    """
    probabilities, truth = np.asarray(probabilities, np.float64), np.asarray(truth)
    _check_lengths(truth=truth, probabilities=probabilities)
    if probabilities.ndim != 2:
        raise ValueError(f"probabilities: expected [N, K]; received shape {probabilities.shape}")
    if num_bins < 1:
        raise ValueError(f"num_bins: expected at least 1; received {num_bins}")
    if not len(truth):
        return []
    all_weights = _weights(weights, len(truth))
    confidence = probabilities.max(axis=1)
    correct = probabilities.argmax(axis=1) == truth
    edges = np.linspace(0, 1, num_bins + 1)
    places = np.clip(np.searchsorted(edges, confidence, side="left") - 1, 0, num_bins - 1)
    bins = []
    for place in np.unique(places[all_weights > 0]):
        rows = (places == place) & (all_weights > 0)
        share, row_weights = _mean(correct[rows], all_weights[rows]), all_weights[rows]
        low, high = wilson_interval(share, _effective(row_weights))
        bins.append(
            {
                "left": float(edges[place]),
                "right": float(edges[place + 1]),
                "count": int(rows.sum()),
                "weight": float(row_weights.sum()),
                "confidence": _mean(confidence[rows], row_weights),
                "accuracy": share,
                "low": low,
                "high": high,
            }
        )
    return bins


def coverage_precision_curve(
    confidence: ArrayLike, correct: ArrayLike, weights: ArrayLike | None = None
) -> dict[str, list[float]]:
    """What accepting everything from some confidence upwards would give, for each confidence.

    Args:
      confidence: [N], by which rows are accepted; equal ones are accepted together.
      correct: [N], whether each prediction is right; or how probable that is, which makes
        `precision` the expected one.
      weights: [N], what each row counts; None = the same.
    Returns:
      Lists of equal length, one entry per distinct confidence, from the highest down:
      `threshold`, `coverage` (the accepted share), `precision` (the share of the accepted that is
      right), and its Wilson interval (95 %), `low` and `high`.
    """
    confidence, correct = np.asarray(confidence), np.asarray(correct, np.float64)
    _check_lengths(confidence=confidence, correct=correct)
    all_weights = _weights(weights, len(confidence))
    kept = np.flatnonzero(all_weights > 0)
    order = kept[np.argsort(-confidence[kept], kind="stable")]
    confidence, correct, all_weights = confidence[order], correct[order], all_weights[order]
    last = np.flatnonzero(np.append(confidence[1:] != confidence[:-1], True)[: len(order)])
    total = np.cumsum(all_weights)[last]
    precision = np.minimum(np.cumsum(all_weights * correct)[last] / total, 1)
    low, high = _wilson(precision, total**2 / np.cumsum(all_weights**2)[last])
    return {
        "threshold": confidence[last].tolist(),
        "coverage": (total / all_weights.sum()).tolist(),
        "precision": precision.tolist(),
        "low": low.tolist(),
        "high": high.tolist(),
    }


def accepted_precision(
    accepted: ArrayLike, correct: ArrayLike, weights: ArrayLike | None = None
) -> dict[str, float]:
    """How many rows were accepted, and how many of these are right.

    The interval is the exact one of Clopper and Pearson (95 %): a promise of precision should
    rather look too uncertain than too certain.

    Args:
      accepted: bool [N].
      correct: bool [N], whether each prediction is right.
      weights: [N], what each row counts; None = the same.
    Returns:
      The `count` of accepted rows, `coverage` (their share), `precision` (the share of them that
      is right), and the ends of its interval, `low` and `high`; NaN where nothing was accepted.
    """
    accepted, correct = np.asarray(accepted, bool), np.asarray(correct, bool)
    _check_lengths(accepted=accepted, correct=correct)
    all_weights = _weights(weights, len(accepted))
    rows = accepted & (all_weights > 0)
    precision = _mean(correct[rows], all_weights[rows])
    low, high = clopper_pearson_interval(precision, _effective(all_weights[rows]))
    return {
        "count": int(accepted.sum()),
        "coverage": _mean(accepted, all_weights),
        "precision": precision,
        "low": low,
        "high": high,
    }


def wilson_interval(share: float, count: float, level: float = _LEVEL) -> tuple[float, float]:
    """Wilson's interval for a share that was seen in `count` rows (which may be a fraction)."""
    low, high = _wilson(np.asarray(share), np.asarray(count), level)
    return float(low), float(high)


def clopper_pearson_interval(
    share: float, count: float, level: float = _LEVEL
) -> tuple[float, float]:
    """The exact interval for a share that was seen in `count` rows (which may be a fraction)."""
    if not count > 0:
        return math.nan, math.nan
    right, wrong, tail = share * count, (1 - share) * count, (1 - level) / 2
    low = stats.beta.ppf(tail, right, wrong + 1) if right > 0 else 0.0
    high = stats.beta.ppf(1 - tail, right + 1, wrong) if wrong > 0 else 1.0
    return float(low), float(high)


def _wilson(
    share: NDArray[Any], count: NDArray[Any], level: float = _LEVEL
) -> tuple[NDArray[Any], NDArray[Any]]:
    z2 = stats.norm.ppf((1 + level) / 2) ** 2
    count = np.where(count > 0, count, np.nan)
    middle = (share + z2 / (2 * count)) / (1 + z2 / count)
    half = np.sqrt(z2 * (share * (1 - share) / count + z2 / (4 * count**2))) / (1 + z2 / count)
    return np.maximum(middle - half, 0), np.minimum(middle + half, 1)


def _mean(values: NDArray[Any], weights: NDArray[np.float64]) -> float:
    total = weights.sum()
    return float((values * weights).sum() / total) if total > 0 else math.nan


def _effective(weights: NDArray[np.float64]) -> float:
    squares = (weights**2).sum()
    return float(weights.sum() ** 2 / squares) if squares > 0 else 0.0


def _weights(weights: ArrayLike | None, length: int) -> NDArray[np.float64]:
    if weights is None:
        return np.ones(length)
    array = np.asarray(weights, np.float64)
    if array.shape != (length,) or not np.all(array >= 0) or not np.isfinite(array).all():
        raise ValueError(
            f"weights: expected {length} finite numbers, none negative; received shape "
            f"{array.shape}" + (f" and least {array.min()}" if array.size else "")
        )
    return array


def _check_lengths(**arrays: NDArray[Any]) -> None:
    (first, reference), (name, array) = arrays.items()
    if reference.ndim != 1:
        raise ValueError(f"{first}: expected [N]; received shape {reference.shape}")
    if array.ndim == 0 or len(array) != len(reference):
        raise ValueError(
            f"{name}: expected {len(reference)} rows as in {first}; received shape {array.shape}"
        )
