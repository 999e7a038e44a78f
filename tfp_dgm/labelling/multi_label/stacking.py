"""One logit of each class from those of its members, as classes with many labels teach it."""

from dataclasses import dataclass

import numpy as np
from scipy.special import expit
from sklearn.linear_model import LogisticRegression

from tfp_dgm.labelling.multi_label.annotated import Annotated

_MOST_MARKS = 300_000
_STEPS, _HALVINGS = 25, 6


@dataclass(frozen=True)
class Stacking:
    """z[n, k] = bias[k] + sum_m weight[k, m] logit[n, k, m].

    Each class's coefficients are those of highest posterior density: under a normal prior around
    coefficients that are fitted to all classes together, so that a class with few labels is told
    how far the members are to be believed by the others.

    Attributes:
      coefficients: float [K, 1 + M]; the bias, and the weights.
    """

    coefficients: np.ndarray

    @classmethod
    def fit(
        cls,
        logits: np.ndarray,
        marks: np.ndarray,
        weights: np.ndarray,
        deviations: tuple[float, float],
    ) -> "Stacking":
        """Fits to cross-fitted logits.

        Args:
          logits: float [n, K, M].
          marks: int8 [n, K]; 1 = the class applies, 0 = it does not, -1 = unknown.
          weights: [n]; what each row counts.
          deviations: of the prior: of biases, and of the weights.
        """
        known = (marks >= 0) * weights[:, np.newaxis]  # [n, K]
        applies = marks == 1
        pooled = _pooled(logits, applies, known)  # [1 + M]
        num_members = logits.shape[2]
        precision = np.diag([deviations[0] ** -2, *[deviations[1] ** -2] * num_members])
        x = np.concatenate([np.ones((*marks.shape, 1)), logits], axis=2)  # [n, K, 1 + M]
        return cls(_maximum_posterior(x, applies, known, pooled, precision))

    def __call__(self, logits: np.ndarray) -> np.ndarray:
        """The logits float [N, K] of members' [N, K, M]."""
        combined = np.einsum("nkm,km->nk", logits, self.coefficients[:, 1:])
        return np.asarray(combined + self.coefficients[:, 0])


class CrossFittedStacking:
    """A `Stacking` of all judging rows, and for each fold one that did not see its rows.

    Attributes:
      final: the former.
      logits: float [N, K]; of all rows by it.
      unseen: float [n, K]; of the annotated rows, by the others.
    """

    def __init__(
        self,
        logits: np.ndarray,
        cross_fitted: np.ndarray,
        annotated: Annotated,
        judges: np.ndarray,
        deviations: tuple[float, float],
    ) -> None:
        """Fits them.

        Args:
          logits: float [N, K, M]; of all rows.
          cross_fitted: float [n, K, M]; of the annotated rows, by members that did not see them.
          annotated: these rows.
          judges: bool [n]; those that coefficients are fitted to.
          deviations: as for `Stacking.fit`.
        """

        def fitted(rows: np.ndarray) -> Stacking:
            used = cross_fitted[rows], annotated.marks[rows], annotated.counts[rows]
            return Stacking.fit(*used, deviations)

        self.final = fitted(judges)
        self.logits = self.final(logits)
        self.unseen = np.zeros(annotated.marks.shape)
        for number in range(annotated.num_folds):
            hidden = annotated.fold == number
            self.unseen[hidden] = fitted(judges & ~hidden)(cross_fitted[hidden])


def _pooled(logits: np.ndarray, applies: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Coefficients [1 + M] of all classes together."""
    used = np.flatnonzero(known.ravel())
    if not len(used):
        return np.array([0.0, *np.full(logits.shape[2], 1 / logits.shape[2])])
    used = used[:: -(-len(used) // _MOST_MARKS)]
    x, y = logits.reshape(-1, logits.shape[2])[used], applies.ravel()[used]
    if y.min() == y.max():
        return np.array([0.0, *np.full(x.shape[1], 1 / x.shape[1])])
    fitted = LogisticRegression(C=1.0, max_iter=1000).fit(x, y, known.ravel()[used])
    return np.concatenate([fitted.intercept_, fitted.coef_[0]])


def _maximum_posterior(
    x: np.ndarray, applies: np.ndarray, known: np.ndarray, mean: np.ndarray, precision: np.ndarray
) -> np.ndarray:
    """Newton's method for all classes at once, each step halved until it does not go uphill."""
    current = np.tile(mean, (x.shape[1], 1))  # [K, 1 + M]

    def loss(coefficients: np.ndarray) -> np.ndarray:
        z = np.einsum("nkm,km->nk", x, coefficients)
        fit = (known * (np.logaddexp(0, z) - applies * z)).sum(axis=0)
        away = coefficients - mean
        return np.asarray(fit + 0.5 * np.einsum("ki,ij,kj->k", away, precision, away))

    value = loss(current)
    for _ in range(_STEPS):
        p = expit(np.einsum("nkm,km->nk", x, current))
        gradient = np.einsum("nkm,nk->km", x, known * (p - applies))
        gradient += (current - mean) @ precision
        hessian = np.einsum("nkm,nk,nkj->kmj", x, known * p * (1 - p), x, optimize=True) + precision
        step = np.linalg.solve(hessian, gradient[..., np.newaxis])[..., 0]
        for _ in range(_HALVINGS):
            new = loss(current - step)
            worse = new > value
            if not worse.any():
                break
            step[worse] /= 2
        better = new < value
        current[better] -= step[better]
        if np.abs(step).max() < 1e-6 or not better.any():
            break
        value = np.where(better, new, value)
    return current
