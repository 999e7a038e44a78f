"""What the members say of each class made one answer: stacked, conditioned, calibrated."""

import numpy as np

from tfp_dgm.labelling.multi_label.annotated import Annotated
from tfp_dgm.labelling.multi_label.class_calibrations import calibrated, class_calibrations
from tfp_dgm.labelling.multi_label.dependence import choose_dependence
from tfp_dgm.labelling.multi_label.linear_members import LinearMembers
from tfp_dgm.labelling.multi_label.stacking import CrossFittedStacking
from tfp_dgm.labelling.multi_label.yes_thresholds import yes_thresholds

# Deviations of a class's coefficients from those of all classes: of the bias, and of the weights.
_DEVIATIONS = (1.0, 0.3)
_ROUNDING = 1e-4  # By more than that no float32 graph is off.


class ClassAnswers:
    """The probability that each class applies, to all rows and, cross-fitted, to annotated ones.

    Attributes:
      stacking: logits of each class by itself.
      dependence: what the classes say of each other.
      calibrations: K of them.
      probabilities: float [N, K]; calibrated, of annotated rows by models that did not see them.
    """

    def __init__(
        self, members: LinearMembers, annotated: Annotated, judges: np.ndarray, seed: int
    ) -> None:
        self._annotated, self._judges = annotated, judges
        self.stacking = CrossFittedStacking(
            members.logits, members.cross_fitted, annotated, judges, _DEVIATIONS
        )
        self.dependence = choose_dependence(
            self.stacking.unseen[judges],
            annotated.marks[judges],
            annotated.counts[judges],
            annotated.fold[judges],
            num_folds=annotated.num_folds,
            seed=seed,
        )
        unknown = np.full(self.stacking.logits.shape, -1, np.int8)
        self._raw = self.dependence.mixture.condition(self.stacking.logits, unknown)[0]
        self._unseen = self._condition(unknown[annotated.rows])[0]
        self.calibrations = class_calibrations(
            self._unseen[judges], annotated.marks[judges], annotated.counts[judges]
        )
        self.probabilities = calibrated(self.calibrations, self._raw)
        self.probabilities[annotated.rows] = calibrated(self.calibrations, self._unseen)

    def constrained(self) -> np.ndarray:
        """The probabilities [N, K], of rows that are annotated in part given what is known."""
        marks = self._annotated.marks
        partial = (marks < 0).any(axis=1)
        given = calibrated(self.calibrations, self._condition(marks)[0])
        found = self.probabilities.copy()
        found[self._annotated.rows[partial]] = np.where(marks >= 0, marks, given)[partial]
        return found

    def log_probability(self, labels: np.ndarray) -> np.ndarray:
        """log p(labels | x, what is known of a row annotated in part) [N] of sets [N, K]; nats."""
        rows, marks = self._annotated.rows, self._annotated.marks
        labels = labels.astype(np.int8)
        found = self.dependence.mixture.condition(self.stacking.logits, labels)[1]
        found[rows] = self._condition(labels[rows])[1]
        partial = (marks < 0).any(axis=1)
        found[rows[partial]] -= self._condition(marks)[1][partial]
        return np.asarray(found)

    def acceptance(self, min_precision: float) -> np.ndarray:
        """The probability [K] from which on a class is safe to accept; see `yes_thresholds`."""
        raw = yes_thresholds(
            np.delete(self._raw, self._annotated.rows, axis=0),
            min_precision,
            cross_fitted=self._unseen[self._judges],
            marks=self._annotated.marks[self._judges],
            counts=self._annotated.counts[self._judges],
        )
        return calibrated(self.calibrations, raw[np.newaxis])[0] - _ROUNDING

    def _condition(self, marks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The annotated rows' answers given marks [n, K], by models that did not see the rows."""
        return self.dependence.cross_fitted(self.stacking.unseen, marks, self._annotated.fold)
