"""How probable it is that all classes that a row gets are right, and no other applies."""

from dataclasses import replace

import numpy as np
from scipy.special import expit

from tfp_dgm.labelling.multi_label.annotated import Annotated
from tfp_dgm.labelling.multi_label.class_calibrations import calibrated, class_calibrations
from tfp_dgm.labelling.multi_label.stacking import CrossFittedStacking
from tfp_dgm.labelling.multi_label.yes_thresholds import yes_thresholds

_DEVIATIONS = (1.0, 1.0)
_TINY = 1e-7
_ROUNDING = 1e-4  # By more than that no float32 graph is off.


class RowAnswers:
    """The probability that a row's predicted classes are right, and all of them.

    What the classes' joint distribution says is stacked and calibrated as if "all right" were one
    class, on the rows that are annotated in full.

    Attributes:
      stacking: of the log-odds.
      calibration: of what it gives.
      probability: float [N]; of annotated rows by models that did not see them.
    """

    def __init__(
        self, log_probability: np.ndarray, predicted: np.ndarray, annotated: Annotated
    ) -> None:
        """Fits them.

        Args:
          log_probability: float [N]; log p(predicted | x); see `ClassAnswers.log_probability`.
          predicted: bool [N, K].
          annotated: the annotated rows.
        """
        rows = annotated.rows
        complete = np.all(annotated.marks >= 0, axis=1)
        right = np.all(predicted[rows] == annotated.marks, axis=1)
        self._marks = np.where(complete, right, -1).astype(np.int8)[:, np.newaxis]
        answered = replace(annotated, marks=self._marks)
        odds = log_odds(log_probability)[:, np.newaxis, np.newaxis]  # [N, 1, 1]
        self.stacking = CrossFittedStacking(odds, odds[rows], answered, complete, _DEVIATIONS)
        self._annotated = annotated
        self._raw, self._unseen = expit(self.stacking.logits), expit(self.stacking.unseen)
        (self.calibration,) = class_calibrations(self._unseen, self._marks, annotated.counts)
        self.probability = calibrated([self.calibration], self._raw)[:, 0]
        self.probability[rows] = calibrated([self.calibration], self._unseen)[:, 0]

    def acceptance(self, min_precision: float) -> float | None:
        """The probability from which on a whole row is safe to accept; see `yes_thresholds`."""
        raw = yes_thresholds(
            np.delete(self._raw, self._annotated.rows, axis=0),
            min_precision,
            cross_fitted=self._unseen,
            marks=self._marks,
            counts=self._annotated.counts,
        )
        found = calibrated([self.calibration], raw[np.newaxis])[0, 0] - _ROUNDING
        return None if np.isnan(found) else float(found)


def log_odds(log_probability: np.ndarray) -> np.ndarray:
    """The logit of exp(log p)."""
    kept = np.minimum(log_probability, -_TINY)
    return np.asarray(kept - np.log(-np.expm1(kept)))
