"""Minimisation of smooth convex functions whose curvature is bounded by a known matrix."""

from collections.abc import Callable

import numpy as np


def accelerated_descent(
    gradient: Callable[[np.ndarray], np.ndarray],
    inverse: np.ndarray,
    start: np.ndarray,
    *,
    steps: int,
) -> np.ndarray:
    """Nesterov's accelerated gradient descent, begun anew where it goes uphill.

    Args:
      gradient: of what is minimised, [D, ...] -> [D, ...].
      inverse: [D, D]; of an upper bound on the Hessian, the same for each column.
      start: [D, ...].
      steps: iterations.
    Returns:
      [D, ...], of the start's type.
    """
    current = ahead = start
    momentum = 1.0
    for _ in range(steps):
        slope = gradient(ahead)
        step = (inverse @ slope.reshape(len(slope), -1)).reshape(ahead.shape)
        new = ahead - step
        if np.vdot(step, new - current) > 0:  # Uphill: start the acceleration anew.
            momentum, ahead = 1.0, new
        else:
            following = 0.5 * (1 + np.sqrt(1 + 4 * momentum**2))
            ahead = new + np.float32((momentum - 1) / following) * (new - current)
            momentum = following
        current = new
    return np.ascontiguousarray(current)
