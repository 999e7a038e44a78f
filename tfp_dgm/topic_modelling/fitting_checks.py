"""What the fitting of topics and of clusters refuses."""

from collections.abc import Sequence

import numpy as np
import scipy.sparse
from numpy.typing import NDArray


def require_counts(owner: str, counts: scipy.sparse.csr_matrix) -> scipy.sparse.csr_matrix:
    """Counts as float32 [N, V], each word once a row.

    Raises:
      ValueError: if they are not finite, below 0, or none at all.
    """
    found = scipy.sparse.csr_matrix(counts, dtype=np.float32, copy=True)
    found.sum_duplicates()
    found.eliminate_zeros()
    if found.nnz == 0 or found.data.min() < 0 or not np.all(np.isfinite(found.data)):
        raise ValueError(
            f"{owner}: `counts` must be finite, >= 0, and not all of them 0; received "
            f"{found.shape[0]} rows of {found.shape[1]} words with {found.nnz} counts"
        )
    return found


def require_topics(
    owner: str,
    argument: str,
    counts: scipy.sparse.csr_matrix,
    num_topics: int,
    seeds: Sequence[Sequence[int]] | None,
    seeded_documents: NDArray[np.integer] | None,
) -> None:
    """Raises a ValueError, which names the argument, unless they fit the counts and each other."""
    if num_topics < 1:
        raise ValueError(f"{owner}: `{argument}` must be >= 1; received {num_topics}")
    if seeds is not None:
        if len(seeds) != num_topics:
            raise ValueError(
                f"{owner}: `seeds` must be words of {num_topics} topics, `{argument}`; received "
                f"{len(seeds)}"
            )
        ids = [int(word) for words in seeds for word in words]
        if ids and not 0 <= min(ids) <= max(ids) < counts.shape[1]:
            raise ValueError(
                f"{owner}: `seeds` must be ids of words, from 0 to {counts.shape[1] - 1}; "
                f"received {min(ids)} to {max(ids)}"
            )
    if seeded_documents is not None:
        seeded = np.asarray(seeded_documents)
        if seeded.shape != (counts.shape[0],):
            raise ValueError(
                f"{owner}: `seeded_documents` must be of {counts.shape[0]} documents; received "
                f"shape {seeded.shape}"
            )
        if not np.all((seeded >= -1) & (seeded < num_topics)):
            raise ValueError(
                f"{owner}: `seeded_documents` must be from 0 to {num_topics - 1}, or -1; received "
                f"{seeded.min()} to {seeded.max()}"
            )
