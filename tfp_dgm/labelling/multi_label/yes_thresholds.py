"""From which probability on the answer "yes" is safe to accept."""

import numpy as np

from tfp_dgm.confidence import Calibration, acceptance_threshold
from tfp_dgm.labelling.multi_label.class_calibrations import class_calibrations, two_classes

_YES = 0.5


def yes_thresholds(
    probabilities: np.ndarray,
    min_precision: float,
    *,
    cross_fitted: np.ndarray,
    marks: np.ndarray,
    counts: np.ndarray,
) -> np.ndarray:
    """The judge of `acceptance_threshold` on the rows of each question that are answered "yes".

    "No" is the safe answer to most rows of a rare class. It would fill what is accepted, and tell
    a calibration that confident answers are right; so it is left out: what is promised is promised
    of the rows that get the class.

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
    calibrations = class_calibrations(cross_fitted, checked, counts)
    return np.array(
        [
            _threshold(
                calibration,
                probabilities[probabilities[:, k] >= _YES, k],
                min_precision,
                cross_fitted[checked[:, k] >= 0, k],
                checked[checked[:, k] >= 0, k] == 1,
                counts[checked[:, k] >= 0],
            )
            for k, calibration in enumerate(calibrations)
        ]
    )


def _threshold(
    calibration: Calibration,
    yes: np.ndarray,
    min_precision: float,
    cross_fitted: np.ndarray,
    right: np.ndarray,
    counts: np.ndarray,
) -> float:
    if not len(yes) or not len(right):
        return np.nan
    threshold = acceptance_threshold(
        calibration,
        two_classes(yes),
        min_precision,
        cross_fitted=two_classes(cross_fitted),
        allowed=np.stack([~right, right], axis=1),
        counts=counts,
    )
    if threshold is None:
        return np.nan
    return float(yes[calibration(two_classes(yes))[:, 1] >= threshold].min())
