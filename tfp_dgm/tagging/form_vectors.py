"""Vectors of words from their neighbours in all the text, and from their spelling."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.sparse
from sklearn.utils.extmath import randomized_svd

from tfp_dgm.text import forms_of_all, neighbour_counts, positive_information

UNITS = 64  # Of each half of a vector.
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

    Of x(w), of length 1, the first half is the word's row of a truncated singular value
    decomposition of what stands up to two words beside it, as positive pointwise mutual
    information. The second half is one of the mean vectors of the words right before it, and right
    behind: it tells rare words apart, whose neighbours are rare, too. Spelling is a ridge
    regression on these. A word that is seen n times so goes from what its spelling tells to what
    its neighbours do, and one that is new has the first.

    Attributes:
      features: F names, as `text.forms_of_words` writes them.
      vectors: float32 [F, D].
    """

    features: tuple[str, ...]
    vectors: np.ndarray

    @classmethod
    def fit(cls, tokens: Sequence[Sequence[str]], *, seed: int) -> FormVectors:
        """Learns from sentences; D is twice `UNITS`."""
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
        names = Counter(cell for row in cells for cell in row if _kind(cell) in _SPELLING)
        features = [name for name, words_of in names.items() if words_of >= _LEAST_WORDS]
        spelled = matrix_of_forms(cells, features)

        believed = (count / (count + _BELIEF))[:, np.newaxis].astype(np.float32)
        first = _of_neighbours(rows, count, seed)
        second = _of_neighbours_vectors(rows, count, believed * first)
        vectors = np.concatenate([first, second], axis=1) / np.float32(np.sqrt(2))
        few = np.minimum(seen, _MOST_SEEN)
        weights = (few / (few + _BELIEF)).astype(np.float32)
        vectors -= np.average(vectors[place], axis=0, weights=weights)
        regression = _ridge(spelled, vectors[place], weights)  # [F, D]
        # Of the ways a word is written, as often as it is so.
        share = scipy.sparse.csr_matrix(
            ((seen / count[place]).astype(np.float32), (place, np.arange(len(words)))),
            shape=(len(count), len(words)),
        )
        residual = believed * (vectors - share @ (spelled @ regression))
        return cls((*features, *own), np.concatenate([regression, residual]).astype(np.float32))

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
    """float32 [V, UNITS], of length 1, or 0 for words beside which there is nothing known."""
    information = positive_information(neighbour_counts(rows, count, _CONTEXTS, _OFFSETS))
    spanning = information[_spans(count)]
    units = min(UNITS, *spanning.shape)
    _, size, right = randomized_svd(spanning, units, random_state=seed)
    return _roots(information, size, right)


def _of_neighbours_vectors(
    rows: Sequence[np.ndarray], count: np.ndarray, vectors: np.ndarray
) -> np.ndarray:
    """The same of the mean vectors [V, D] of the words right before each, and right behind."""
    words = len(count)
    beside = neighbour_counts(rows, count, words, (-1, 1))
    by_frequency = np.argsort(-count, kind="stable")
    means = []
    for side in (0, 1):
        found = beside[:, side * (words + 1) : (side + 1) * (words + 1)]
        end = found[:, -1].toarray()  # How often the sentence ends there.
        total = np.maximum(found.sum(axis=1), 1)
        means.append(np.asarray(found[:, :-1] @ vectors[by_frequency]) / total)
        means.append(end / total)
    table = np.asarray(np.concatenate(means, axis=1), np.float32)
    table -= table.mean(axis=0)
    _, size, right = np.linalg.svd(table[_spans(count)], full_matrices=False)
    return _roots(table, size[:UNITS], right[:UNITS])


def _spans(count: np.ndarray) -> np.ndarray:
    return count >= min(_LEAST_SEEN, count.max())


def _roots(table: np.ndarray, size: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Rows of U sqrt(s), of length 1, filled with 0 to `UNITS`."""
    kept = size > 1e-5 * max(size.max(initial=0), 1e-12)
    vectors = (table @ right[kept].T) / np.sqrt(size[kept])
    vectors = np.pad(vectors, [(0, 0), (0, UNITS - kept.sum())])
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
