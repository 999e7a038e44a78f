"""Posteriors of documents' mixtures of topics, of sparse counts."""

from collections.abc import Iterator

import numpy as np
import scipy.sparse
from numpy.typing import NDArray
from scipy.special import digamma

# A tensor of so many counts by K topics stands in memory at a time.
_COUNTS_AT_ONCE = 100_000
_TINY = 1e-30


def mixture_posteriors(
    counts: scipy.sparse.csr_matrix,
    topics: NDArray[np.float32],
    concentration: NDArray[np.floating],
    *,
    start: NDArray[np.float32] | None = None,
    steps: int = 50,
) -> NDArray[np.float32]:
    """Dirichlet posteriors of the mixtures of documents by coordinate ascent, float32 [N, K].

        gamma[n, k] = concentration[k] + sum_v counts[n, v] r[n, v, k]
        r[n, v, k] proportional to exp(E[log theta[n, k]]) topics[k, v]

    The time of a step is that of the counts that are not zero.

    Args:
      counts: [N, V].
      topics: [K, V]; exp(E[log phi]), or probabilities.
      concentration: [K], or of each document [N, K].
      start: [N, K]; where the ascent starts; evenly spread counts where None.
      steps: how many.
    """
    num_topics = len(topics)
    concentration = np.asarray(concentration, np.float32)
    prior = np.broadcast_to(concentration, (counts.shape[0], num_topics))
    if start is None:
        spread = np.asarray(counts.sum(axis=1)) / num_topics  # [N, 1]
        found = (prior + spread).astype(np.float32)
    else:
        found = np.array(start, np.float32)
    by_word = np.ascontiguousarray(topics.T, dtype=np.float32)  # [V, K]
    for rows in row_slices(counts):
        part = counts[rows]
        words = by_word[part.indices]  # [n, K], of the counts that are not zero.
        document = np.repeat(np.arange(part.shape[0]), np.diff(part.indptr))
        for _ in range(steps):
            mixture = exp_expected_log(found[rows])  # [B, K]
            ratios = part.data / (np.einsum("nk,nk->n", mixture[document], words) + _TINY)
            ratios = scipy.sparse.csr_matrix((ratios, part.indices, part.indptr), part.shape)
            found[rows] = prior[rows] + mixture * (ratios @ by_word)
    return found


def row_slices(counts: scipy.sparse.csr_matrix) -> Iterator[slice]:
    """Slices of the rows, in order, of a bounded number of counts each (but one row at least)."""
    start, total = 0, counts.shape[0]
    while start < total:
        limit = counts.indptr[start] + _COUNTS_AT_ONCE
        stop = int(np.searchsorted(counts.indptr, limit, side="right")) - 1
        stop = min(max(stop, start + 1), total)
        yield slice(start, stop)
        start = stop


def exp_expected_log(concentration: NDArray[np.floating]) -> NDArray[np.float32]:
    """exp(E[log theta]) of Dirichlet distributions [..., K]."""
    total = concentration.sum(axis=-1, keepdims=True)
    return np.exp(digamma(concentration) - digamma(total)).astype(np.float32)
