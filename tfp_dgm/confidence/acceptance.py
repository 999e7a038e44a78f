"""Which answers are safe to accept: the largest set that is precise enough in nine runs of ten."""

import numbers

import numpy as np
import scipy.special
import scipy.stats

from tfp_dgm.confidence.calibration import FLOORS, TEMPERATURES, Calibration, temper
from tfp_dgm.confidence.label_noise import answer_probability
from tfp_dgm.data import DataError

MIN_ACCEPTED = 10

# Belief that may hold the accepted set to be too imprecise: the maps' and that of the labels. The
# fewer the labels, the less they have tested the family of maps that both start from: the labels
# may doubt in full from 100 on, and a fifth of that with 20 and fewer.
_MAPS_DOUBT, _LABELS_DOUBT, _LEAST_DOUBT = 0.12, 0.1, 0.02
_ENOUGH_LABELS = 100
_PRIOR_ROWS = 5
_ROUNDING = 1e-5
_STRANGERS = 0.9  # The share of draws that rows of no class among the accepted may not exceed.
_MAX_SETS = 2000  # Accepted sets that are tried, at most.


def check_min_precision(min_precision: float) -> None:
    """Refuses what is no precision to ask for.

    Raises:
      DataError: if it is not between 0 and 1.
    """
    if not isinstance(min_precision, numbers.Real) or not 0 < min_precision < 1:
        raise DataError(
            f"min_precision: expected a share between 0 and 1; received {min_precision!r}"
        )


def acceptance_threshold(
    calibration: Calibration,
    probabilities: np.ndarray,
    min_precision: float,
    *,
    cross_fitted: np.ndarray,
    allowed: np.ndarray,
    fitted: np.ndarray | None = None,
    counts: np.ndarray | None = None,
    none: np.ndarray | None = None,
    cross_fitted_none: np.ndarray | None = None,
) -> float | None:
    """The least calibrated confidence that is safe to accept.

    Of the sets of most confident rows (all rows above some confidence, ties and all), the largest
    that two judges hold to be as precise as asked for: the posterior over calibration maps, with
    the chance of a finite set, with probability 0.88; and the cross-fitted labels above the same
    confidence, with a probability that falls from 0.98 with 20 labels to 0.9 with 100. The latter
    are counted onto a Beta prior of 5 rows that expects what the calibration says, which guards
    against maps that this family does not hold. A label that contradicts counts as a miss in so
    far as it is believed to be right.

    Args:
      calibration: fitted to the annotations.
      probabilities: [N, K]; uncalibrated, of the rows to accept from.
      min_precision: the share of accepted rows that must be right.
      cross_fitted: [n, K]; uncalibrated, of annotated rows by models that did not see them.
      allowed: bool [n, K]; their annotations; those of several classes are not judged by.
      fitted: [n, K]; uncalibrated, by the model that was trained on them; see `Calibration.fit`.
      counts: [n]; how many rows each stands for (less than 1 for copies); 1 if not given.
      none: [S, N]; draws of the probability that a row to accept from is of no class; 0 if not
        given.
      cross_fitted_none: [n]; that of annotated rows, by models that did not see them.
    Returns:
      The threshold, or None where no set of at least 10 rows qualifies: too few labels to tell.
    """
    draws = np.zeros((1, len(probabilities))) if none is None else none
    of_a_class = 1 - draws.mean(axis=0)  # [N]
    confidence = calibration(probabilities).max(axis=1) * of_a_class
    order = np.argsort(-confidence, kind="stable")
    ranked = confidence[order]
    ranks = np.unique(np.linspace(1, len(order), min(len(order), _MAX_SETS)).astype(int))
    # A little below a row, which a float32 graph may round either way. A set is all that its
    # threshold accepts, however many rows tie there (copies of one text, or empty ones).
    thresholds = ranked[ranks - 1] - _ROUNDING
    sizes = np.searchsorted(-ranked, -thresholds, side="right")
    strangers = np.cumsum(draws[:, order], axis=1)[:, sizes - 1] / sizes  # [S, sets]
    strangers = np.quantile(strangers, _STRANGERS, axis=0)
    asked = min_precision / np.maximum(1 - strangers, min_precision)  # Of the others.
    believed = _believed(calibration, probabilities[order], sizes, asked)

    single = allowed.sum(axis=1) == 1
    counts = np.ones(len(allowed)) if counts is None else counts
    right = answer_probability(
        calibration,
        cross_fitted[single],
        allowed[single],
        None if fitted is None else fitted[single],
    )
    seen_confidence = calibration(cross_fitted[single]).max(axis=1)
    if cross_fitted_none is not None:
        seen_confidence *= 1 - cross_fitted_none[single]
    expected = np.cumsum(ranked)[sizes - 1] / np.cumsum(of_a_class[order])[sizes - 1]
    best = np.argsort(-seen_confidence, kind="stable")
    above = np.searchsorted(-seen_confidence[best], -thresholds, side="right")  # [sets]
    seen_hits = np.concatenate([[0], np.cumsum((counts[single] * right)[best])])[above]
    seen_misses = np.concatenate([[0], np.cumsum((counts[single] * (1 - right))[best])])[above]
    hits = _PRIOR_ROWS * expected + seen_hits
    misses = _PRIOR_ROWS * (1 - expected) + seen_misses
    seen = scipy.stats.beta.sf(asked, hits, misses)

    doubt = _LABELS_DOUBT * min(1, counts[single].sum() / _ENOUGH_LABELS)
    safe = (believed >= 1 - _MAPS_DOUBT) & (seen >= 1 - max(doubt, _LEAST_DOUBT))
    safe = np.flatnonzero(safe & (sizes >= MIN_ACCEPTED))
    return float(thresholds[safe[-1]]) if len(safe) else None


def _believed(
    calibration: Calibration, probabilities: np.ndarray, sizes: np.ndarray, asked: np.ndarray
) -> np.ndarray:
    """The posterior's belief that the first rows are as precise as asked for, for each size.

    A finite set is right by chance more or less often than its confidences say: a normal
    approximation of that.
    """
    every = np.arange(1, len(probabilities) + 1)
    kept = np.zeros(len(sizes))
    for temperature, beliefs in zip(TEMPERATURES, calibration.maps, strict=True):
        if beliefs.sum() <= 1e-5:
            continue
        tempered = np.cumsum(temper(probabilities, temperature).max(axis=1)) / every
        precision = (1 - FLOORS) * tempered[sizes - 1, np.newaxis]  # [sizes, floors]
        precision += FLOORS / probabilities.shape[1]
        deviation = np.sqrt(np.maximum(precision * (1 - precision), 1e-9) / sizes[:, np.newaxis])
        kept += scipy.special.ndtr((precision - asked[:, np.newaxis]) / deviation) @ beliefs
    return kept
