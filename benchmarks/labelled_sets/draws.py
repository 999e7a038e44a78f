"""Draws of labels."""

import numpy as np


def drawn_rows(truth: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    """Rows of so many labels of each class of `truth` [N], class by class; all of a rarer class."""
    return np.concatenate(
        [rng.permutation(np.flatnonzero(truth == k))[:count] for k in np.unique(truth)]
    )
