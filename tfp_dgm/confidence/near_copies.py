"""Which annotated texts are copies of each other, so that each text counts once."""

from collections.abc import Iterator, Sequence

import numpy as np
import scipy.sparse
from scipy.sparse.csgraph import connected_components

from tfp_dgm.data.distinct_values import numbers_of_values

# Texts that differ in few of their words: in ten of equal weight, one. On public sets of news,
# posts, titles and messages, nine in ten and more of such groups were of one class.
_SIMILAR = 0.9
_ROWS_AT_ONCE = 512
_MOST_COMPARED = 20_000  # Every pair is: half a minute.


def copies(texts: Sequence[str], words: scipy.sparse.csr_matrix) -> np.ndarray:
    """The group int [n] of each of n texts: those of one group are copies of one text.

    Two texts are copies where they are equal, where the same words are known of them in the same
    numbers (whatever their order, case, punctuation and rare words), or where the cosine of their
    TF-IDF vectors is 0.9 or more; copies of copies are copies. Texts without a known word are
    copies where they are equal only. Of more than 20,000 such bags of words, cosines are not
    looked at.

    Args:
      texts: n texts.
      words: sparse [n, V]; their TF-IDF vectors, each of length 1, or 0 without a known word.
    """
    equal = numbers_of_values(_keys(texts, words))
    first = np.unique(equal, return_index=True)[1]  # One row stands for those that are equal.
    if len(first) > _MOST_COMPARED:
        return equal
    distinct = words[first]
    pairs = [np.zeros((2, 0), int)]
    for start in range(0, distinct.shape[0], _ROWS_AT_ONCE):
        cosine = (distinct[start : start + _ROWS_AT_ONCE] @ distinct.T).tocoo()
        near = cosine.data >= _SIMILAR
        pairs.append(np.stack([start + cosine.row[near], cosine.col[near]]))
    row, column = np.concatenate(pairs, axis=1)
    graph = scipy.sparse.coo_matrix((np.ones(len(row)), (row, column)), shape=(len(first),) * 2)
    return connected_components(graph, directed=False)[1][equal]


def _keys(texts: Sequence[str], words: scipy.sparse.csr_matrix) -> Iterator[str | bytes]:
    """What texts of one bag of words share; a text itself where none of its words is known."""
    words = words.sorted_indices()
    for row, text in enumerate(texts):
        known = slice(words.indptr[row], words.indptr[row + 1])
        if known.start == known.stop:
            yield text
        else:
            yield words.indices[known].tobytes() + np.round(words.data[known], 5).tobytes()


def counts_of(group: np.ndarray) -> np.ndarray:
    """What each text [n] counts: one over the size of its group."""
    return 1 / np.bincount(group)[group]
