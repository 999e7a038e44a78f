"""Vectors of words from their neighbours in all the text, and from their spelling."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.sparse
from sklearn.utils.extmath import randomized_svd

from tfp_dgm.text import forms_of_all, neighbour_counts, positive_information

UNITS = 64
_CONTEXTS = 3000
_OFFSETS = (-2, -1, 1, 2)
_LEAST_SEEN = 2  # Words that are seen as often span the space.
_OWN = "l"  # The kind of feature that is the word itself, whatever its case and digits.
_SPELLING = ("p1", "p2", "p3", "p4", "s1", "s2", "s3", "s4", "s5", "f", "i")
_LEAST_WORDS = 3  # That have a feature of spelling.
_SPELLING_PENALTY = 3.0
_BELIEF = 3.0  # Occurrences that a word's neighbours need to count as much as its spelling.
_MOST_SEEN = 10.0
_ITERATIONS = 30


@dataclass(frozen=True)
class FormVectors:
    """Vectors of words, the sums of those of their features.

        v(w) = sum over features of spelling f of w: r_f + own(w)
        own(w) = n / (n + 3) (x(w) - what spelling tells)

    x(w), of length 1, is the word's row of a truncated singular value decomposition of what stands
    up to two words beside it; spelling is a ridge regression on these. A word that is seen n times
    so goes from what its spelling tells to what its neighbours do, and one that is new has the
    first.

    Attributes:
      features: F names, as `text.forms_of_words` writes them.
      vectors: float32 [F, D].
    """

    features: tuple[str, ...]
    vectors: np.ndarray

    @classmethod
    def fit(cls, tokens: Sequence[Sequence[str]], *, seed: int) -> FormVectors:
        """Learns from sentences; D is `UNITS`, or less where there are few words."""
        counts = Counter(word for sentence in tokens for word in sentence)
        words = list(counts)
        cells = forms_of_all(words)
        lowered = [next(cell for cell in row if _kind(cell) == _OWN) for row in cells]
        own = {name: place for place, name in enumerate(dict.fromkeys(lowered))}
        place = np.array([own[name] for name in lowered])
        number = {word: place[row] for row, word in enumerate(words)}
        seen = np.array([counts[word] for word in words], float)
        count = np.bincount(place, seen).astype(np.int64)
        rows = [np.array([number[word] for word in sentence], np.int32) for sentence in tokens]
        vectors = _of_neighbours(rows, count, seed)

        names = Counter(cell for row in cells for cell in row if _kind(cell) in _SPELLING)
        features = [name for name, words_of in names.items() if words_of >= _LEAST_WORDS]
        spelled = matrix_of_forms(cells, features)
        told = np.minimum(seen, _MOST_SEEN)
        told = (told / (told + _BELIEF)).astype(np.float32)
        vectors -= np.average(vectors[place], axis=0, weights=told)
        regression = _ridge(spelled, vectors[place], told)  # [F, D]
        by_spelling = spelled @ regression  # [U, D]
        # Of the ways a word is written, as often as it is so.
        share = scipy.sparse.csr_matrix(
            (seen / count[place], (place, np.arange(len(words)))), shape=(len(count), len(words))
        )
        believed = (count / (count + _BELIEF))[:, np.newaxis]
        residual = believed * (vectors - share @ by_spelling)
        whole = np.concatenate([regression, residual]).astype(np.float32)
        return cls((*features, *own), whole)

    @property
    def units(self) -> int:
        """D."""
        return self.vectors.shape[1]


def matrix_of_forms(cells: np.ndarray, features: Sequence[str]) -> scipy.sparse.csr_matrix:
    """float32 [U, F], 1 where one of a word's cells [U, M] is the feature."""
    column = {name: place for place, name in enumerate(features)}
    found = [
        (row, column[cell])
        for row, of_word in enumerate(cells)
        for cell in of_word
        if cell in column
    ]
    places = np.array(found, int).reshape(-1, 2).T
    shape = (len(cells), len(features))
    return scipy.sparse.csr_matrix((np.ones(len(found), np.float32), places), shape=shape)


def _kind(cell: str) -> str:
    return cell.split(" ", 1)[0]


def _of_neighbours(rows: Sequence[np.ndarray], count: np.ndarray, seed: int) -> np.ndarray:
    """float32 [V, D], of length 1, or 0 for words beside which there is nothing known."""
    information = positive_information(neighbour_counts(rows, count, _CONTEXTS, _OFFSETS))
    spanning = information[count >= min(_LEAST_SEEN, count.max())]
    units = min(UNITS, *spanning.shape)
    _, size, right = randomized_svd(spanning, units, random_state=seed)
    kept = size > 1e-6 * max(size.max(), 1e-12)
    right, size = right[kept], size[kept]
    vectors = (information @ right.T) / np.sqrt(size)
    vectors = np.pad(vectors, [(0, 0), (0, UNITS - len(size))])
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    return (vectors / np.maximum(length, 1e-6)).astype(np.float32)


def _ridge(inputs: scipy.sparse.csr_matrix, outputs: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Coefficients [F, D] of inputs [U, F] for outputs [U, D], by conjugate gradients.

    Hestenes and Stiefel (1952), all columns side by side.
    """
    back = (inputs.multiply(weights[:, np.newaxis])).T.tocsr()
    found = np.zeros((inputs.shape[1], outputs.shape[1]), np.float32)
    rest = (back @ outputs).astype(np.float32)
    direction = rest.copy()
    size = (rest**2).sum(axis=0)
    for _ in range(_ITERATIONS):
        image = back @ (inputs @ direction) + _SPELLING_PENALTY * direction
        step = size / np.maximum((direction * image).sum(axis=0), 1e-20)
        found += step * direction
        rest -= step * image
        new = (rest**2).sum(axis=0)
        direction = rest + new / np.maximum(size, 1e-20) * direction
        size = new
    return found
