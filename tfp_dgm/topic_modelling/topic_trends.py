"""Topics over time, and by the classes that people gave."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_MOST_PERIODS = 24
_MOST_CLASSES = 30
# From the shortest: what a period is called, NumPy's unit, how many of them it has, and how many
# before 1970 one began, which a Thursday did.
_PERIODS = (
    ("day", "D", 1, 0),
    ("week", "D", 7, 3),
    ("month", "M", 1, 0),
    ("quarter", "M", 3, 0),
    ("year", "Y", 1, 0),
)


@dataclass(frozen=True)
class Trend:
    """The share of topics in consecutive periods.

    Attributes:
      period: "day", "week", "month", "quarter" or "year".
      starts: [P], the first day of each.
      documents: int64 [P].
      shares: float64 [P, K]; NaN where a period has no document.
    """

    period: str
    starts: tuple[str, ...]
    documents: NDArray[np.int64]
    shares: NDArray[np.float64]


def topic_trend(
    mixtures: NDArray[np.floating], dates: NDArray[np.datetime64], *, most: int = _MOST_PERIODS
) -> Trend | None:
    """The mean mixture of each period, the shortest of which there are not too many.

    Args:
      mixtures: [N, K].
      dates: datetime64[s] [N]; NaT rows are left out.
      most: periods; where even years are more, they are put together.
    Returns:
      None where all dates are in one period.
    """
    dated = ~np.isnat(dates)
    if not dated.any():
        return None
    period, unit, size, offset = next(
        (kind for kind in _PERIODS if np.ptp(_numbers(dates[dated], *kind[1:])) < most),
        _PERIODS[-1],
    )
    number = _numbers(dates[dated], unit, size, offset)
    if np.ptp(number) >= most:
        size, offset = int(np.ptp(number)) // most + 1, -int(number.min())
        period, number = f"{size} years", (number + offset) // size
    first = int(number.min())
    place = number - first
    count = int(place.max()) + 1
    if count < 2:
        return None
    documents = np.bincount(place, minlength=count)
    totals = np.zeros((count, mixtures.shape[1]))
    np.add.at(totals, place, mixtures[dated])
    shares = np.where(
        documents[:, np.newaxis] > 0, totals / np.maximum(documents, 1)[:, np.newaxis], np.nan
    )
    starts = ((first + np.arange(count)) * size - offset).astype(f"datetime64[{unit}]")
    return Trend(
        period, tuple(str(start) for start in starts.astype("datetime64[D]")), documents, shares
    )


def _numbers(dates: NDArray[np.datetime64], unit: str, size: int, offset: int) -> NDArray[np.int64]:
    """The number of the period that each date is in."""
    return (dates.astype(f"datetime64[{unit}]").astype(np.int64) + offset) // size


@dataclass(frozen=True)
class ClassTopics:
    """The share of topics in the texts of each class.

    Attributes:
      classes: [C], the commonest first.
      documents: int64 [C].
      shares: float64 [C, K].
    """

    classes: tuple[str, ...]
    documents: NDArray[np.int64]
    shares: NDArray[np.float64]


def topics_of_classes(
    mixtures: NDArray[np.floating], labels: Sequence[str | None], *, most: int = _MOST_CLASSES
) -> ClassTopics:
    """The mean mixture of the texts of each class, of the commonest classes.

    Args:
      mixtures: [N, K].
      labels: [N]; None where a text has no class.
      most: classes.
    """
    counts = Counter(label for label in labels if label is not None)
    classes = [name for name, _ in sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))]
    classes = classes[:most]
    given = np.array(["" if label is None else label for label in labels], object)
    there = np.array([label is not None for label in labels])
    shares = np.array([mixtures[there & (given == name)].mean(axis=0) for name in classes])
    return ClassTopics(tuple(classes), np.array([counts[name] for name in classes]), shares)
