"""What words stand beside which, as positive pointwise mutual information."""

from collections.abc import Sequence

import numpy as np
import scipy.sparse
from numpy.typing import NDArray

_SMOOTHING = 0.75  # Of the contexts' probabilities: rare contexts would have the largest PMI.


def neighbour_counts(
    rows: Sequence[NDArray[np.int32]],
    count: NDArray[np.int64],
    num_contexts: int,
    offsets: Sequence[int] = (-1, 1),
) -> scipy.sparse.csr_matrix:
    """How often a word has each context at each offset: float64 [V, O (C + 1)].

    Args:
      rows: token ids of sentences, without END.
      count: [V]; how often each word occurs.
      num_contexts: so many of the commonest words are contexts, besides the ends of sentences.
      offsets: O of them; -1 is the word before.
    """
    size = len(count)
    frequent = np.argsort(-count, kind="stable")[:num_contexts]
    column = np.full(size + 1, -1)
    column[frequent] = np.arange(len(frequent))
    column[-1] = len(frequent)  # The end of the sentence, on either side.
    width = len(frequent) + 1
    reach = max(abs(offset) for offset in offsets)
    ends = np.full(reach, size, np.int32)
    # All sentences in one row, so many ends between them that none is beside another.
    line = np.concatenate([ends, *(part for row in rows for part in (row, ends))])
    here = np.flatnonzero(line < size)
    words, contexts = [], []
    for place, offset in enumerate(offsets):
        found = column[line[here + offset]]
        words.append(line[here[found >= 0]])
        contexts.append(found[found >= 0] + place * width)
    places = (np.concatenate(words), np.concatenate(contexts))
    ones = np.ones(len(places[0]))
    return scipy.sparse.csr_matrix((ones, places), shape=(size, len(offsets) * width))


def positive_information(counts: scipy.sparse.csr_matrix) -> scipy.sparse.csr_matrix:
    """max(0, log p(w, c) / (p(w) p(c)^0.75)), the powers normalised.

    Levy, Goldberg and Dagan, "Improving Distributional Similarity with Lessons Learned from Word
    Embeddings" (2015), from whom the smoothing of contexts is.
    """
    found = counts.tocoo()
    total = counts.sum()
    of_words = np.asarray(counts.sum(axis=1)).ravel() / total
    of_contexts = np.asarray(counts.sum(axis=0)).ravel() ** _SMOOTHING
    of_contexts /= of_contexts.sum()
    information = np.log(found.data / total / of_words[found.row] / of_contexts[found.col])
    positive = information > 0
    places = (found.row[positive], found.col[positive])
    return scipy.sparse.csr_matrix((information[positive], places), shape=counts.shape)


def information_vectors(
    information: scipy.sparse.csr_matrix, units: int, *, seed: int
) -> NDArray[np.float64]:
    """Words' rows of a truncated singular value decomposition: U sqrt(s), [V, D].

    Singular values count by their square roots (Levy, Goldberg and Dagan 2015).

    Args:
      information: [V, C]; what words have to do with contexts, such as `positive_information`.
      units: D, below V and C.
      seed: of the decomposition.
    """
    from sklearn.decomposition import (
        TruncatedSVD,
    )  # Slow to load; most who import this train nothing.

    decomposition = TruncatedSVD(units, random_state=seed).fit(information)
    # U sqrt(s): information V' = U s.
    scale = np.sqrt(np.maximum(decomposition.singular_values_, 1e-12))
    return decomposition.transform(information) / scale
