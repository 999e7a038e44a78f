"""Whether the texts of a file are like those of the training, from what is answered to them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.stats

from tfp_dgm.data.visible_text import beginning

_BINS = 100
_FEWEST_ROWS = 30
# A file is said to have drifted where chance explains it no better than this, and the change is one
# that somebody would notice: in a large file, the least change is no chance.
_SIGNIFICANCE = 0.001
_NOTABLE = 0.1
_LEAST_EXPECTED = 5.0
_MOVED = 3


@dataclass(frozen=True)
class TwoSampleTest:
    """A test of whether two samples are of one distribution.

    Attributes:
      statistic: of the test.
      p_value: how probable one as large is if they are.
      change: how large the difference is, from 0 to 1.
    """

    statistic: float
    p_value: float
    change: float

    @property
    def drifted(self) -> bool:
        return self.p_value < _SIGNIFICANCE and self.change > _NOTABLE


class Drift:
    """Counts what is answered to texts, in memory that does not grow, and compares it.

    Args:
      reference: what `drift_reference` gave of the training.
    """

    def __init__(self, reference: Mapping[str, Any]) -> None:
        self._reference = reference
        self._held_out = int(reference["held_out"])
        self._labels: dict[str, int] = dict(reference["labels"])
        self._novelty = np.zeros(_BINS, np.int64)
        self._counts: Counter[str] = Counter()
        self._texts = 0

    def add(self, labels: Sequence[str], novelty: Sequence[float | None]) -> None:
        """Counts the answers to some texts: `predicted_label` and `novelty`."""
        known = np.array([value for value in novelty if value is not None], float)
        place = np.minimum((known * _BINS).astype(int), _BINS - 1)
        self._novelty += np.bincount(place, minlength=_BINS)
        self._counts.update(labels)
        self._texts += len(labels)

    def empty(self) -> Drift:
        """Another of the same reference that has counted nothing."""
        return Drift(self._reference)

    def counts(self) -> dict[str, Any]:
        """What was counted, as JSON has it, for `merge` of another."""
        counts = dict(self._counts)
        return {"texts": self._texts, "labels": counts, "novelty": self._novelty.tolist()}

    def merge(self, counts: Mapping[str, Any]) -> None:
        """Counts what another has counted."""
        self._texts += counts["texts"]
        self._novelty += np.array(counts["novelty"], np.int64)
        self._counts.update(counts["labels"])

    def of_novelty(self) -> TwoSampleTest | None:
        """Whether texts are farther from the training's than these are from each other.

        The one-sided test of Kolmogorov and Smirnov, on a hundred bins of a novelty that is uniform
        in texts like the training's, as `held_out` of these told. None with fewer than 30 of
        either.
        """
        texts = int(self._novelty.sum())
        if min(texts, self._held_out) < _FEWEST_ROWS:
            return None
        below = self._novelty.cumsum() / texts
        distance = float(max(0.0, (np.arange(1, _BINS + 1) / _BINS - below).max()))
        size = texts * self._held_out / (texts + self._held_out)
        return TwoSampleTest(distance, float(np.exp(-2 * size * distance**2)), distance)

    def of_labels(self) -> TwoSampleTest | None:
        """Whether labels are predicted as often as for the training's rows without annotation.

        Pearson's chi-squared test of two samples; labels that too few have are taken together. The
        change is the total variation. None with fewer than 30 of either.
        """
        first, second = self._table()
        if min(first.sum(), second.sum()) < _FEWEST_ROWS:
            return None
        expected = (first + second) * min(first.sum(), second.sum()) / (first.sum() + second.sum())
        rare = expected < _LEAST_EXPECTED
        table = np.array([[*counts[~rare], counts[rare].sum()] for counts in (first, second)])
        table = table[:, table.sum(axis=0) > 0]
        if table.shape[1] < 2:
            return None
        found = scipy.stats.chi2_contingency(table, correction=False)
        change = 0.5 * np.abs(first / first.sum() - second / second.sum()).sum()
        return TwoSampleTest(float(found.statistic), float(found.pvalue), float(change))

    def warnings(self) -> list[str]:
        """Sentences where the file as a whole has drifted."""
        return [*self._of_novelty(), *self._of_labels()]

    def _of_novelty(self) -> list[str]:
        test = self.of_novelty()
        if test is None or not test.drifted:
            return []
        far = self._novelty[-_BINS // 10 :].sum() / self._novelty.sum()
        return [
            f"The texts are unlike those that the model was trained on: {far:.0%} of them are "
            "farther than nine in ten of the training's (Kolmogorov-Smirnov statistic "
            f"{test.statistic:.2f}, {_chance(test.p_value)}). Probabilities and what is accepted "
            "hold for texts like those of the training; label some of these, and train again."
        ]

    def _of_labels(self) -> list[str]:
        test = self.of_labels()
        if test is None or not test.drifted:
            return []
        first, second = (counts / counts.sum() for counts in self._table())
        names = sorted({*self._labels, *self._counts})
        order = np.argsort(-np.abs(second - first), kind="stable")[:_MOVED]
        moved = ", ".join(
            f"{beginning(names[k])} from {first[k]:.0%} to {second[k]:.0%}" for k in order
        )
        return [
            f"Labels are predicted in other shares than in the training's file: {moved} "
            f"(chi-squared statistic {test.statistic:.1f}, {_chance(test.p_value)}; "
            f"{test.change:.0%} of the texts would have to change). Where classes occur more or "
            "less often, what is accepted may be less precise than asked for."
        ]

    def _table(self) -> tuple[np.ndarray, np.ndarray]:
        names = sorted({*self._labels, *self._counts})
        return (
            np.array([self._labels.get(name, 0) for name in names], float),
            np.array([self._counts.get(name, 0) for name in names], float),
        )


def drift_reference(labels: Sequence[str], held_out: int) -> dict[str, Any]:
    """What `Drift` compares with, ready for JSON.

    Args:
      labels: predicted for the training's rows without annotation.
      held_out: how many texts of the training the novelty was learned from.
    """
    return {"labels": dict(sorted(Counter(labels).items())), "held_out": held_out}


def _chance(p_value: float) -> str:
    return "p < 0.0001" if p_value < 0.0001 else f"p = {p_value:.4f}"
