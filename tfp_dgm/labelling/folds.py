"""Which annotated rows are left out together: those of one fold of five."""

import numpy as np

FOLDS = 5


def folds(allowed: np.ndarray, group: np.ndarray, seed: int) -> np.ndarray:
    """The fold [n] of each annotated row: stratified by class, copies of one text together."""
    rng = np.random.default_rng(seed)
    first = np.unique(group, return_index=True)[1]  # A row for each distinct text.
    fold = np.zeros(len(first), int)
    # Set-valued rows form strata of their own.
    strata = allowed.argmax(axis=1) + allowed.shape[1] * (allowed.sum(axis=1) > 1)
    strata = strata[first]
    start = 0
    for stratum in np.unique(strata):
        members = rng.permutation(np.flatnonzero(strata == stratum))
        fold[members] = (start + np.arange(len(members))) % FOLDS
        start += len(members)
    return fold[group]
