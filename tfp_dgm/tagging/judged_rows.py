"""What annotated words and spans say of the answers of models that did not see them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tfp_dgm.confidence import Calibration, acceptance_threshold
from tfp_dgm.tagging.clustering import design_effect

_ROUNDING = 1e-5  # By more than that no float32 graph is off.
# The largest set that passes has been lucky among those that were tried: rows that choose it tell
# less of it. Of 95 runs on English parts of speech (50 and 100 sentences out of 1,500 that a tagger
# had not seen) 91 % were kept without this, 93 % with it, at 2 % less coverage.
_CHOSEN = 1.5
_MOST_ROWS = 20_000  # Of more the grids of a calibration take long, and nothing is left to learn.


@dataclass(frozen=True)
class AnnotatedRows:
    """Answers to n words, or spans, of which something is known.

    Attributes:
      cross_fitted: [n, K]; by models that did not see them, uncalibrated.
      allowed: bool [n, K]; what is known.
      fitted: [n, K]; by the model that was trained on them; None for spans.
      sentences: int [n]; the number of the sentence that each is in.
    """

    cross_fitted: np.ndarray
    allowed: np.ndarray
    sentences: np.ndarray
    fitted: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.sentences)

    def of(self, rows: np.ndarray) -> AnnotatedRows:
        """Some of them."""
        fitted = None if self.fitted is None else self.fitted[rows]
        return AnnotatedRows(
            self.cross_fitted[rows], self.allowed[rows], self.sentences[rows], fitted
        )

    def fewer(self, seed: int) -> AnnotatedRows:
        """All of them, or those of as many sentences as a calibration takes."""
        if len(self) <= _MOST_ROWS:
            return self
        numbers, sizes = np.unique(self.sentences, return_counts=True)
        order = np.random.default_rng(seed).permutation(len(numbers))
        kept = numbers[order[: np.searchsorted(np.cumsum(sizes[order]), _MOST_ROWS)]]
        return self.of(np.isin(self.sentences, kept))


@dataclass(frozen=True)
class Judge:
    """Calibrated probabilities of answers, and which of them may be accepted.

    Attributes:
      rows: the annotated rows that it learned from.
      calibration: of the answers.
      effect: how many rows of one sentence count as one; see `design_effect`.
    """

    rows: AnnotatedRows
    calibration: Calibration
    effect: float

    @classmethod
    def of(cls, rows: AnnotatedRows, *, seed: int = 0) -> Judge:
        """Calibrates by annotated rows; those of a sentence err together, so they count for less.

        How much less is seen from errors that a first calibration leaves.
        """
        rows = rows.fewer(seed)
        calibration, effect = _calibrated(rows, 1.0), 1.0
        single = rows.allowed.sum(axis=1) == 1
        if single.any():
            own = rows.of(single)
            answers = calibration(own.cross_fitted)
            right = own.allowed[np.arange(len(own)), answers.argmax(axis=1)]
            effect = design_effect(right - answers.max(axis=1), own.sentences)
            calibration = _calibrated(rows, effect)
        return cls(rows, calibration, effect)

    def threshold(
        self, answers: np.ndarray, min_precision: float, *, of: Sequence[int] | None = None
    ) -> float | None:
        """The least calibrated probability of an answer that is safe to accept.

        Args:
          answers: [N, K]; uncalibrated, of the rows to accept from.
          min_precision: the share of accepted rows that must be right.
          of: the classes that are accepted; None: all. They are judged by a calibration of their
            own, so that rows of other classes neither lend them trust nor take it away.
        """
        rows, calibration = self.rows, self.calibration
        if of is not None:
            answers = answers[np.isin(answers.argmax(axis=1), of)]
            rows = rows.of(np.isin(rows.cross_fitted.argmax(axis=1), of))
            if len(rows):
                calibration = _calibrated(rows, self.effect)
        if not len(answers) or not len(rows):
            return None
        threshold = acceptance_threshold(
            calibration,
            answers,
            min_precision,
            cross_fitted=rows.cross_fitted,
            allowed=rows.allowed,
            fitted=rows.fitted,
            counts=np.full(len(rows), 1 / (_CHOSEN * self.effect)),
        )
        if threshold is None or of is None:
            return threshold
        accepted = calibration(answers).max(axis=1) >= threshold
        return float(self.calibration(answers[accepted]).max(axis=1).min()) - _ROUNDING


def _calibrated(rows: AnnotatedRows, effect: float) -> Calibration:
    weights = np.full(len(rows), 1 / effect)
    return Calibration.fit(rows.cross_fitted, rows.allowed, weights, fitted=rows.fitted)


def two_classes(probability: np.ndarray) -> np.ndarray:
    """The probabilities [N, 2] of "wrong" and "right" of answers that are right with these [N]."""
    return np.stack([1 - probability, probability], axis=1)
