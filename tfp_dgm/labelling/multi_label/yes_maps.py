"""How often the answer "yes" is right: a posterior over maps from its log-odds."""

import numpy as np
from scipy.special import expit, logit

from tfp_dgm.labelling.multi_label.map_spreads import posteriors_of_maps

# Grid of a map's three parameters; slopes are for the log-odds beyond _PIVOT.
_PIVOT = 1.5
_SHIFTS = np.linspace(-3, 2, 21)
_SLOPES = np.exp2(np.linspace(-3, 1.5, 13))
_CEILINGS = 1 - np.array([0, 0.005, 0.01, 0.02, 0.04, 0.07, 0.12, 0.2])
_RARE, _OFTEN = (0.8, 0.01), (0.2, 0.1)  # Prior of 1 - ceiling, as of `Calibration`'s floor.
# Cross-fitted answers lean on each other's annotations, so that hits among them stray further from
# what is hit later on than those of as many independent rows [1]: on four public sets by 1.1 to
# 1.4 standard errors. Each counts as this many independent ones.
_WORTH = 0.5
# The model of all annotations has seen a quarter more of them and is surer than it is better: its
# log-odds were too large by 0.1, in the mean, for a map of cross-fitted ones (0 to 0.3).
_SURER = 0.1
_BINS = np.arange(0, 16.05, 0.1)
_TINY = 1e-7
_LEAST_BELIEF = 1e-3  # Maps that are believed less are left out, as a part of the most believed.


class YesMaps:
    """A posterior over p(right | z) = ceiling expit(pivot + shift + slope (z - pivot)).

    Unlike `Calibration`, whose maps treat "yes" and "no" alike, these can say that every "yes" is
    too sure, as it is where classes that go together count the same evidence twice.

    Attributes:
      beliefs: float [M]; they sum to 1.
      parameters: float [3, M]; shift, slope and ceiling.
      worth: how many independent rows an annotated one counts as.

    References:
      [1] Bates, Hastie and Tibshirani. Cross-Validation: What Does It Estimate and How Well Does It
        Do It? JASA 2024. arXiv:2104.00673
    """

    def __init__(self, beliefs: np.ndarray) -> None:
        kept = beliefs >= _LEAST_BELIEF * beliefs.max()
        self.beliefs = beliefs[kept] / beliefs[kept].sum()
        self.parameters = _grid()[:, kept]
        self.worth = _WORTH

    @classmethod
    def fit(
        cls, probabilities: np.ndarray, marks: np.ndarray, counts: np.ndarray
    ) -> list["YesMaps"]:
        """The posterior of each of K questions; the others tell its prior (`posteriors_of_maps`).

        Args:
          probabilities: [n, K], cross-fitted, at least 1/2 where something is marked.
          marks: int8 [n, K]; 1 = right, 0 = wrong, -1 = unknown, or not a "yes".
          counts: [n]; what each row counts.
        """
        right = _right(_BINS, _grid())  # [M, bins]
        log_right, log_wrong = (
            np.log(np.maximum(right, _TINY)),
            np.log(np.maximum(1 - right, _TINY)),
        )
        place = np.searchsorted(_BINS, _log_odds(probabilities) - 0.05).clip(0, len(_BINS) - 1)
        log_likelihood = np.zeros((marks.shape[1], len(right)))
        for k in range(marks.shape[1]):
            for mark, each in ((1, log_right), (0, log_wrong)):
                known = marks[:, k] == mark
                log_likelihood[k] += each @ np.bincount(
                    place[known, k], _WORTH * counts[known], minlength=len(_BINS)
                )
        axes = len(_SLOPES), len(_SHIFTS), len(_CEILINGS)  # As `_grid` has them.
        posteriors = posteriors_of_maps(
            log_likelihood.reshape(-1, *axes), _SHIFTS, _SLOPES, _prior_of_ceilings()
        )
        return [cls(beliefs.ravel()) for beliefs in posteriors]

    def __call__(self, probabilities: np.ndarray) -> np.ndarray:
        """How often each map [M, N] says that answers of the final model [N] are right."""
        return _right(_log_odds(probabilities) - _SURER, self.parameters)


def _right(z: np.ndarray, parameters: np.ndarray) -> np.ndarray:
    shift, slope, ceiling = parameters[:, :, np.newaxis]
    return np.asarray(ceiling * expit(_PIVOT + shift + slope * (z - _PIVOT)))


def _grid() -> np.ndarray:
    return np.stack([axis.ravel() for axis in np.meshgrid(_SHIFTS, _SLOPES, _CEILINGS)])


def _prior_of_ceilings() -> np.ndarray:
    errors = 1 - _CEILINGS
    edges = np.concatenate([[0], (errors[1:] + errors[:-1]) / 2, [1]])
    beyond = sum(weight * np.exp(-edges / mean) for weight, mean in (_RARE, _OFTEN))
    mass = -np.diff(np.asarray(beyond))
    return np.asarray(mass / mass.sum())


def _log_odds(probabilities: np.ndarray) -> np.ndarray:
    return np.asarray(logit(np.clip(probabilities, _TINY, 1 - _TINY)))
