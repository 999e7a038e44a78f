"""Logistic regressions of many classes at once."""

import numpy as np
from scipy.special import expit

from tfp_dgm.labelling.accelerated_descent import accelerated_descent

_STEPS = 60


def fit_sigmoid_heads(
    features: np.ndarray, targets: np.ndarray, weights: np.ndarray, *, ridge: float
) -> np.ndarray:
    """Fits C ridge logistic regressions.

        minimise  sum_n w[n, c] CE(t[n, c], sigmoid(x[n] W[:, c])) + ridge / 2 |W|^2

    in the metric of Boehning's bound on the Hessian, X' w X / 4 + ridge, of the largest weight of
    each row.

    Args:
      features: float32 [n, D], the last column ones.
      targets: float32 [n, C], from 0 to 1.
      weights: float32 [n, C]; 0 where nothing is known.
    Returns:
      W: float32 [D, C].
    """
    used = np.flatnonzero(weights.any(axis=1))
    x, targets, weights = features[used], targets[used], weights[used]
    bound = (x * (0.25 * weights.max(axis=1, keepdims=True))).T @ x
    bound[np.diag_indices(len(bound))] += ridge
    inverse = np.linalg.inv(bound).astype(np.float32)  # [D, D]

    def gradient(heads: np.ndarray) -> np.ndarray:
        residual = expit(x @ heads)
        residual -= targets
        residual *= weights
        return x.T @ residual + ridge * heads

    start = np.zeros((x.shape[1], targets.shape[1]), np.float32)
    return accelerated_descent(gradient, inverse, start, steps=_STEPS)
