"""From which probability on the answer "yes" is safe to accept."""

import numpy as np
import scipy.special
import scipy.stats

from tfp_dgm.confidence import MIN_ACCEPTED
from tfp_dgm.labelling.multi_label.yes_maps import YesMaps

_YES = 0.5
# Belief that may hold the accepted set to be too imprecise: the maps', the marks'. The fewer the
# rows, the less they have tested what both suppose. On captions of Flickr30k a doubt of 0.1 kept
# the promise in 87 % of 94 classes with 60 annotated rows and in 98 % of 87 with 600; one of 0.07
# in 93 % of 44 and in all of 72.
_ROWS, _DOUBTS = (200, 600), (0.07, 0.1)
_PRIOR_ROWS = 5
_ROUNDING = 1e-4  # Rows that are nearer to each other are accepted together.
_MOST_SETS = 300  # That are tried.


def yes_thresholds(
    probabilities: np.ndarray,
    min_precision: float,
    *,
    cross_fitted: np.ndarray,
    marks: np.ndarray,
    counts: np.ndarray,
) -> np.ndarray:
    """The least probability of a "yes" that is safe to accept, of each question.

    "No" is the safe answer to most rows of a rare class. It would fill what is accepted, and tell
    a calibration that confident answers are right; so it is left out: what is promised is promised
    of the rows that get the class.

    Of the sets of most probable rows, the largest of at least 10 that two judges hold to be as
    precise as asked for, each with a probability that falls from 0.93 with 200 annotated rows to
    0.9 with 600: the posterior over maps (`YesMaps`), with the chance of a finite set; and the
    cross-fitted marks from the same probability on, counted onto a Beta prior of 5 rows that
    expects what the maps say, which guards against maps that this family does not hold.

    Args:
      probabilities: [N, K]; uncalibrated, that the answer is yes, of the rows to accept from.
      min_precision: the share of accepted rows that must be right.
      cross_fitted: [n, K]; uncalibrated, of annotated rows by models that did not see them.
      marks: int8 [n, K]; 1 = it is so, 0 = it is not, -1 = unknown.
      counts: [n]; what each annotated row counts.
    Returns:
      The least of these probabilities [K] that is accepted, at least 1/2; NaN where too few labels
      tell.
    """
    checked = np.where(cross_fitted >= _YES, marks, -1)
    found = np.full(marks.shape[1], np.nan)
    belief = 1 - np.interp(counts.sum(), _ROWS, _DOUBTS)
    for k, maps in enumerate(YesMaps.fit(cross_fitted, checked, counts)):
        known = checked[:, k] >= 0
        yes = -np.sort(-probabilities[probabilities[:, k] >= _YES, k])
        if not known.any() or len(yes) < MIN_ACCEPTED:
            continue
        sizes = np.unique(np.searchsorted(-yes, -(yes - _ROUNDING), side="right"))
        sizes = sizes[sizes >= MIN_ACCEPTED]
        tried = np.linspace(0, len(sizes) - 1, min(len(sizes), _MOST_SETS)).astype(int)
        sizes = sizes[tried]
        believed, expected = _believed(maps, yes, sizes, min_precision)
        seen = _seen(
            cross_fitted[known, k],
            checked[known, k] == 1,
            maps.worth * counts[known],
            least=yes[sizes - 1] - _ROUNDING,
            expected=expected,
            min_precision=min_precision,
        )
        safe = np.flatnonzero((believed >= belief) & (seen >= belief))
        if len(safe):
            found[k] = yes[sizes[safe[-1]] - 1]
    return found


def _believed(
    maps: YesMaps, yes: np.ndarray, sizes: np.ndarray, min_precision: float
) -> tuple[np.ndarray, np.ndarray]:
    """The belief that the first rows are as precise as asked for, and the precision expected.

    A finite set is right by chance more or less often than its probabilities say: a normal
    approximation of that. Rows that come into a set together are taken to be as probable as their
    mean.
    """
    starts = np.concatenate([[0], sizes[:-1]])
    added = np.diff(sizes, prepend=0)
    means = np.add.reduceat(yes[: sizes[-1]], starts) / added
    precision = np.cumsum(maps(means) * added, axis=1) / sizes  # [M, sets]
    deviation = np.sqrt(np.maximum(precision * (1 - precision), 1e-9) / sizes)
    kept = scipy.special.ndtr((precision - min_precision) / deviation)
    return maps.beliefs @ kept, maps.beliefs @ precision


def _seen(
    cross_fitted: np.ndarray,
    right: np.ndarray,
    counts: np.ndarray,
    *,
    least: np.ndarray,
    expected: np.ndarray,
    min_precision: float,
) -> np.ndarray:
    """The belief [sets] of the marks of rows from the `least` probability of each set on."""
    best = np.argsort(-cross_fitted, kind="stable")
    above = np.searchsorted(-cross_fitted[best], -least, side="right")
    hits = np.concatenate([[0], np.cumsum((counts * right)[best])])[above]
    misses = np.concatenate([[0], np.cumsum((counts * ~right)[best])])[above]
    return np.asarray(
        scipy.stats.beta.sf(
            min_precision, _PRIOR_ROWS * expected + hits, _PRIOR_ROWS * (1 - expected) + misses
        )
    )
