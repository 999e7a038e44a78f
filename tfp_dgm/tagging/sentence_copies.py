"""Which annotated sentences are copies of each other, or nearly."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
import scipy.sparse

from tfp_dgm.confidence import copies
from tfp_dgm.text import TfIdf


def sentence_copies(tokens: Sequence[Sequence[str]], rows: np.ndarray) -> np.ndarray:
    """The group int [n] of each of n sentences; those of one group are copies, or nearly.

    As texts are told to be; see `confidence.copies`. Words are the same whatever their case, and
    weigh by how few of all sentences have them.

    Args:
      tokens: S lists of words.
      rows: int [n]; the numbers of the sentences.
    """
    lowered = [[word.lower() for word in tokens[row]] for row in rows]
    words = dict.fromkeys(word for sentence in lowered for word in sentence)
    column = {word: place for place, word in enumerate(words)}
    counts = [Counter(column[word] for word in sentence) for sentence in lowered]
    matrix = _matrix(counts, len(column))
    chosen = set(rows.tolist())
    others = [
        Counter({column[word.lower()] for word in sentence if word.lower() in column})
        for row, sentence in enumerate(tokens)
        if row not in chosen
    ]
    weigh = TfIdf.fit(scipy.sparse.vstack([matrix, _matrix(others, len(column))], format="csr"))
    return copies([" ".join(sentence) for sentence in lowered], weigh.transform(matrix))


def _matrix(counts: Sequence[Counter[int]], columns: int) -> scipy.sparse.csr_matrix:
    """Float32 [n, V]."""
    starts = np.cumsum([0, *map(len, counts)])
    places = np.array([place for count in counts for place in count], np.int32)
    values = np.array([number for count in counts for number in count.values()], np.float32)
    return scipy.sparse.csr_matrix((values, places, starts), (len(counts), columns))
