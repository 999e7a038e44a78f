"""Folds of rows with several labels each, in which every class is as well spread as can be."""

import numpy as np
from numpy.typing import NDArray


def stratified_folds(
    marks: NDArray[np.int8], group: NDArray[np.int64], num_folds: int, seed: int
) -> NDArray[np.int64]:
    """The fold [n] of each annotated row.

    Iterative stratification [1]: of the marks that are left, the rarest kind first (a class that
    applies, or one that does not), each of its rows goes to the fold that wants this kind most,
    of equals to the one that wants most rows.

    Args:
      marks: int8 [n, K]; 1 = applies, 0 = does not, -1 = unknown.
      group: int [n]; copies of one text share a group, and a fold.
      num_folds: F.
      seed: of the order of rows, and of what is left to chance.
    References:
      [1] Sechidis, Tsoumakas and Vlahavas. On the Stratification of Multi-Label Data. ECML PKDD
        2011.
    """
    rng = np.random.default_rng(seed)
    first = np.unique(group, return_index=True)[1]
    has = np.hstack([marks[first] == 1, marks[first] == 0])  # [groups, 2 K]
    wanted = np.tile(has.sum(axis=0) / num_folds, (num_folds, 1))  # [F, 2 K]
    rows_wanted = np.full(num_folds, len(first) / num_folds)
    fold = np.full(len(first), -1)
    left = has.sum(axis=0)
    while left.any():
        kind = int(np.where(left > 0, left, len(first) + 1).argmin())
        for row in rng.permutation(np.flatnonzero(has[:, kind] & (fold < 0))):
            keys = (rng.random(num_folds), rows_wanted, wanted[:, kind])
            best = np.lexsort(keys)[-1]
            fold[row] = best
            wanted[best, has[row]] -= 1
            rows_wanted[best] -= 1
            left = left - has[row]
    return fold[group]
