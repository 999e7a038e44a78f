"""Calibrations of many two-class problems, of which each is told by the others what to expect."""

import numpy as np
from scipy.special import expit, logit

from tfp_dgm.confidence import FLOORS, SLIPS, TEMPERATURES, Calibration

_PRIOR_CLASSES = 2.0  # What the general prior weighs beside the classes.
_ITERATIONS = 30
_BINS = np.arange(-16.0, 16.05, 0.1)
_TINY = 1e-7


def class_calibrations(
    probabilities: np.ndarray, marks: np.ndarray, weights: np.ndarray
) -> list[Calibration]:
    """The posterior over calibration maps of each of K classes.

    Rare classes have too few positive rows to be calibrated alone. So the prior of the maps is
    itself estimated: for each class the mean of the others' posteriors and of the general prior of
    `Calibration`, which counts as two classes, until it no longer changes. Its own posterior is no
    part of it: a class would be told what it knows already, and be surer than its rows allow. Slips
    of annotators are not looked for.

    Args:
      probabilities: float [n, K]; cross-fitted, that each class applies.
      marks: int8 [n, K]; 1 = it applies, 0 = it does not, -1 = unknown.
      weights: [n]; what each row counts.
    """
    log_likelihood = np.stack(
        [_log_likelihood(probabilities[:, k], marks[:, k], weights) for k in range(marks.shape[1])]
    )  # [K, T, F]
    general = Calibration.fit(np.zeros((0, 2)), np.zeros((0, 2), bool), np.zeros(0)).maps
    flat = _told_by_others(log_likelihood.reshape(len(log_likelihood), -1), general.ravel())
    posteriors = flat.reshape(-1, *general.shape)
    maps = np.zeros((len(posteriors), len(TEMPERATURES), len(FLOORS), len(SLIPS)))
    maps[..., 0] = posteriors
    return [Calibration(posterior) for posterior in maps]


def _told_by_others(log_likelihood: np.ndarray, general: np.ndarray) -> np.ndarray:
    """The posterior [K, M] of each of K classes over M maps, whose prior the other classes tell.

    It is the mean of their posteriors and of a general prior; see `class_calibrations`.

    Args:
      log_likelihood: [K, M].
      general: [M]; sums to 1.
    """
    likelihood = np.exp(log_likelihood - log_likelihood.max(axis=1, keepdims=True))
    posteriors = np.zeros((0, len(general)))
    prior = general[np.newaxis]
    for _ in range(_ITERATIONS):
        posteriors = likelihood * prior
        posteriors /= posteriors.sum(axis=1, keepdims=True)
        prior = posteriors.sum(axis=0) - posteriors + _PRIOR_CLASSES * general
        prior /= prior.sum(axis=1, keepdims=True)
    return posteriors


def calibrated(calibrations: list[Calibration], probabilities: np.ndarray) -> np.ndarray:
    """The posterior means float [N, K] of calibrated probabilities [N, K]."""
    columns = [
        calibration(two_classes(probabilities[:, k]))[:, 1]
        for k, calibration in enumerate(calibrations)
    ]
    return np.stack(columns, axis=1)


def two_classes(probability: np.ndarray) -> np.ndarray:
    """The probabilities [N, 2] that a class does not apply, and that it does [N]."""
    return np.stack([1 - probability, probability], axis=1)


def _log_likelihood(probability: np.ndarray, marks: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Of each map, [T, F]; logits are rounded to a twentieth."""
    z = logit(np.clip(probability, _TINY, 1 - _TINY))
    found = np.zeros((len(TEMPERATURES), len(FLOORS)))
    for mark, sign in ((1, 1), (0, -1)):
        known = marks == mark
        place = np.searchsorted(_BINS, sign * z[known] - 0.05).clip(0, len(_BINS) - 1)
        counts = np.bincount(place, weights[known], minlength=len(_BINS))  # [bins]
        tempered = expit(_BINS / TEMPERATURES[:, np.newaxis])[:, np.newaxis]  # [T, 1, bins]
        floors = FLOORS[:, np.newaxis]
        found += np.log((1 - floors) * tempered + floors / 2) @ counts
    return found
