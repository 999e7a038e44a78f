"""Which annotated texts are copies of each other, so that each text counts once."""

from collections.abc import Sequence

import numpy as np
import scipy.sparse
from scipy.sparse.csgraph import connected_components

# Texts that differ in few of their words: in ten of equal weight, one. On eight public sets of
# news, posts, titles and messages, nine in ten groups and more were of one class, and templates.
_SIMILAR = 0.9
_ROWS_AT_ONCE = 512


def copies(texts: Sequence[str], words: scipy.sparse.csr_matrix) -> np.ndarray:
    """The group int [n] of each of n texts: those of one group are copies of one text.

    Two texts are copies where they are equal, where the same words are known of them in the same
    numbers (whatever their order, case, punctuation and rare words), or where the cosine of their
    TF-IDF vectors is 0.9 or more; copies of copies are copies. Texts without a known word are
    copies where they are equal only.

    Args:
      texts: n texts.
      words: sparse [n, V]; their TF-IDF vectors, each of length 1, or 0 without a known word.
    """
    numbers: dict[str, int] = {}
    equal = np.array([numbers.setdefault(text, len(numbers)) for text in texts], int)
    first = np.unique(equal, return_index=True)[1]  # One row stands for those that are equal.
    distinct = words[first]
    pairs = [np.zeros((2, 0), int)]
    for start in range(0, distinct.shape[0], _ROWS_AT_ONCE):
        cosine = (distinct[start : start + _ROWS_AT_ONCE] @ distinct.T).tocoo()
        near = cosine.data >= _SIMILAR
        pairs.append(np.stack([start + cosine.row[near], cosine.col[near]]))
    row, column = np.concatenate(pairs, axis=1)
    graph = scipy.sparse.coo_matrix((np.ones(len(row)), (row, column)), shape=(len(first),) * 2)
    return connected_components(graph, directed=False)[1][equal]


def counts_of(group: np.ndarray) -> np.ndarray:
    """What each text [n] counts: one over the size of its group."""
    return 1 / np.bincount(group)[group]
