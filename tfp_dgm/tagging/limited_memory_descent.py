"""The least of a smooth function of very many weights, by quasi-Newton steps in float32."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

import numpy as np

_PAIRS = 6  # Of the last steps and what they changed in the slope.
_ENOUGH = 1e-4  # Of what the slope promises (Armijo).
_SHRINKS = 20

# The value at weights [W], and the slope [W] there.
Smooth = Callable[[np.ndarray], tuple[float, np.ndarray]]


def descend(smooth: Smooth, start: np.ndarray, *, steps: int, tolerance: float) -> np.ndarray:
    """Weights [W] where a function is least, by limited-memory BFGS.

    Nocedal and Wright, Numerical Optimization (2006), algorithms 7.4 and 3.5 with the first of
    Wolfe's conditions; pairs that would not keep the curvature positive are left out. SciPy's
    takes bounds, too, and float64, which for a million weights costs more than a chain's sums.

    Args:
      smooth: gives the value and its slope, float32 [W].
      start: float32 [W].
      steps: at most so many are taken.
      tolerance: it ends after a step that changed the value by a smaller share than this.
    """
    weights: np.ndarray = start.astype(np.float32)
    value, slope = smooth(weights)
    pairs: deque[tuple[np.ndarray, np.ndarray, float]] = deque(maxlen=_PAIRS)
    for _ in range(steps):
        direction = _direction(slope, pairs)
        steep = float(direction @ slope)
        if not steep < 0:
            break
        size = 1.0 if pairs else min(1.0, 1.0 / float(np.sqrt(slope @ slope)))
        for _ in range(_SHRINKS):
            moved = weights + np.float32(size) * direction
            new, new_slope = smooth(moved)
            if new <= value + _ENOUGH * size * steep:
                break
            # The least of the parabola through what is known.
            size *= float(np.clip(-steep * size / (2 * (new - value - size * steep)), 0.1, 0.5))
        else:
            break
        change = new_slope - slope
        curvature = float(change @ direction) * size
        if curvature > 1e-10 * float(change @ change):
            pairs.append((moved - weights, change, 1 / curvature))
        gained = value - new
        weights, value, slope = moved, new, new_slope
        if gained <= tolerance * max(abs(value), abs(value + gained), 1.0):
            break
    return weights


def _direction(slope: np.ndarray, pairs: deque[tuple[np.ndarray, np.ndarray, float]]) -> np.ndarray:
    """Down the slope, as the last steps' curvature bends it (the two-loop recursion)."""
    direction = -slope
    shares = []
    for step, change, scale in reversed(pairs):
        share = np.float32(scale * float(step @ direction))
        direction -= share * change
        shares.append(share)
    if pairs:
        _, change, scale = pairs[-1]
        direction *= np.float32(1 / (scale * float(change @ change)))
    for (step, change, scale), share in zip(pairs, reversed(shares), strict=True):
        direction += (share - np.float32(scale * float(change @ direction))) * step
    return direction
