"""Scores of words and spans with the range that other sentences of the kind would give."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

_DRAWS = 500
_LEVEL = 0.95


def band(
    score: Callable[[np.ndarray], np.ndarray], counts: np.ndarray, seed: int = 0
) -> dict[str, float]:
    """A score and the range of it over sentences drawn anew with replacement (Efron 1979).

    Words of a sentence are drawn together, as they err together.

    Args:
      score: of sums [R, ...] of counts over sentences -> [R].
      counts: [n, ...]; what each of n sentences adds to the sums.
      seed: of the draws.
    Returns:
      `value`, and `low` and `high`, between which 95 % of the draws lie; NaN of nothing.
    """
    size = len(counts)
    if not size:
        return {"value": np.nan, "low": np.nan, "high": np.nan}
    times = np.random.default_rng(seed).multinomial(size, np.full(size, 1 / size), _DRAWS)
    flat = counts.reshape(size, -1).astype(float)
    drawn = (times @ flat).reshape(_DRAWS, *counts.shape[1:])
    with np.errstate(invalid="ignore", divide="ignore"):
        value = float(score(counts.sum(axis=0, keepdims=True).astype(float))[0])
        values = score(drawn)
    values = values[np.isfinite(values)]
    if not len(values):
        return {"value": value, "low": np.nan, "high": np.nan}
    low, high = np.quantile(values, [(1 - _LEVEL) / 2, (1 + _LEVEL) / 2])
    return {"value": value, "low": float(low), "high": float(high)}


def per_sentence(sentences: np.ndarray, *columns: np.ndarray) -> np.ndarray:
    """Sums [n, ...] of rows' columns over each of the n sentences that occur."""
    _, place = np.unique(sentences, return_inverse=True)
    sums: list[Any] = []
    for column in columns:
        total = np.zeros((place.max(initial=-1) + 1, *column.shape[1:]))
        np.add.at(total, place, column)
        sums.append(total)
    return np.stack(sums, axis=1)


def ratio(sums: np.ndarray) -> np.ndarray:
    """Of sums [R, 2]: the first by the second."""
    return np.asarray(sums[:, 0] / sums[:, 1])


def mean_f1(sums: np.ndarray) -> np.ndarray:
    """Of numbers [R, 3, G] of right, predicted and given: the mean F1 over what is given."""
    right, predicted, given = sums[:, 0], sums[:, 1], sums[:, 2]
    f1 = 2 * right / np.maximum(predicted + given, 1)
    return np.asarray((f1 * (given > 0)).sum(axis=-1) / (given > 0).sum(axis=-1))


def calibration_error(sums: np.ndarray) -> np.ndarray:
    """Of sums [R, 3, bins] of rows, of right ones and of confidences: the expected error."""
    count, right, confidence = sums[:, 0], sums[:, 1], sums[:, 2]
    return np.asarray(np.abs(right - confidence).sum(axis=-1) / count.sum(axis=-1))
