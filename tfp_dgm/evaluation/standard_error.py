"""How far a mean over examples may be off."""

import math

import numpy as np
from numpy.typing import NDArray


def standard_error(values: NDArray[np.float64]) -> float | None:
    """Of the mean of values [N]; None of one value, which shows no spread."""
    return float(values.std(ddof=1) / math.sqrt(len(values))) if len(values) > 1 else None
