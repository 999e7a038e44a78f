"""Whether classes depend on each other so that it pays to know it, judged by rows not seen."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from scipy.special import logit

from tfp_dgm.confidence import TEMPERATURES
from tfp_dgm.labelling.multi_label.label_mixture import LabelMixture

_COMPONENTS = (8, 24, 64)
_KEPT = (0.5, 0.75, 1.0)
_ROWS_FOR_A_COMPONENT = 4
_STANDARD_ERRORS = 2.0
_TINY = 1e-6


@dataclass(frozen=True)
class Dependence:
    """The mixture that was chosen, and what it is worth on rows that it was not fitted to.

    Attributes:
      mixture: fitted to all rows; of one component where no other was better beyond doubt.
      of_folds: those that did not see the rows of a fold, by its number.
      gain: nats a row, of all marks of a row together and of each by itself, over independence.
    """

    mixture: LabelMixture
    of_folds: Mapping[int, LabelMixture]
    gain: float = 0.0

    def cross_fitted(
        self, logits: np.ndarray, marks: np.ndarray, fold: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """`LabelMixture.condition` [n] by mixtures that did not see the row of each."""
        probabilities, log_likelihood = np.zeros(marks.shape), np.zeros(len(marks))
        for number, mixture in self.of_folds.items():
            hidden = fold == number
            found = mixture.condition(logits[hidden], marks[hidden])
            probabilities[hidden], log_likelihood[hidden] = found
        return probabilities, log_likelihood


def choose_dependence(
    logits: np.ndarray,
    marks: np.ndarray,
    weights: np.ndarray,
    fold: np.ndarray,
    *,
    num_folds: int,
    seed: int,
) -> Dependence:
    """Fits mixtures of several sizes, and compares them on the rows of folds that they did not see.

    What is compared is a composite likelihood: of a row's marks together, and of each mark by
    itself, the latter after one temperature for all, since evidence that classes share is counted
    for each of them. A mixture must be better by two standard errors.

    Args:
      logits: float [n, K]; of the annotated rows, each by itself, cross-fitted.
      marks: int8 [n, K]; 1 = the class applies, 0 = it does not, -1 = unknown.
      weights: [n]; what each row counts.
      fold: int [n]; that each is hidden in.
      num_folds: how many there are; some may have none of these rows.
      seed: of the mixtures.
    """
    fit = partial(_fit, marks, weights, fold, num_folds, seed)
    best = fit(None)
    base = _composite(best, logits, marks, weights, fold)
    least = 0.0
    for components in _COMPONENTS:
        if components * _ROWS_FOR_A_COMPONENT > len(marks):
            continue
        for kept in _KEPT:
            found = fit((components, kept))
            gains = _composite(found, logits, marks, weights, fold) - base
            gain = float(np.average(gains, weights=weights))
            spread = np.average(np.square(gains - gain), weights=weights) / weights.sum()
            if gain > max(least, _STANDARD_ERRORS * np.sqrt(spread)):
                best, least = replace(found, gain=gain), gain
    return best


def _fit(
    marks: np.ndarray,
    weights: np.ndarray,
    fold: np.ndarray,
    num_folds: int,
    seed: int,
    plan: tuple[int, float] | None,
) -> Dependence:
    """Mixtures of a number of components, kept at a distance; None for independence."""

    def fitted(rows: np.ndarray) -> LabelMixture:
        if plan is None:
            return LabelMixture.independent(marks.shape[1])
        components, kept = plan
        mixture = LabelMixture.fit(marks[rows], weights[rows], components, seed)
        return mixture.towards_independence(kept)

    of_folds = {number: fitted(fold != number) for number in range(num_folds)}
    return Dependence(fitted(fold >= 0), of_folds)


def _composite(
    dependence: Dependence,
    logits: np.ndarray,
    marks: np.ndarray,
    weights: np.ndarray,
    fold: np.ndarray,
) -> np.ndarray:
    """What a row [n] adds to the composite log-likelihood."""
    together = dependence.cross_fitted(logits, marks, fold)[1]
    probabilities = dependence.cross_fitted(logits, np.full_like(marks, -1), fold)[0]
    z = logit(np.clip(probabilities, _TINY, 1 - _TINY))
    each = [_each(z / t, marks) for t in TEMPERATURES[(TEMPERATURES >= 0.8) & (TEMPERATURES <= 3)]]
    return together + max(each, key=lambda rows: float(rows @ weights))


def _each(z: np.ndarray, marks: np.ndarray) -> np.ndarray:
    likelihood = -np.logaddexp(0, -z) * (marks == 1) - np.logaddexp(0, z) * (marks == 0)
    return np.asarray(likelihood.sum(axis=1))
