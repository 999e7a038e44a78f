"""Sentences as the words that stand around each word, and words as their features."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.sparse

from tfp_dgm.tagging.form_vectors import FormVectors, matrix_of_forms
from tfp_dgm.text import forms_of_all

# The words that a tag is told by: those before it, itself, those after it; and last what tells
# more of a word that begins a sentence, where a capital means nothing.
OFFSETS = (-2, -1, 0, 1, 2)
FIRST = len(OFFSETS)
BLOCKS = len(OFFSETS) + 1
# What the kinds of features weigh in each block; kinds that a block lacks are not seen there.
_FAR = {"l": 0.5, "s2": 0.5, "s3": 0.5, "f": 0.5}
_NEAR = {"l": 1.0, "s1": 1.0, "s2": 1.0, "s3": 1.0, "p2": 0.5, "p3": 0.5, "f": 1.0}
_KINDS = {-2: _FAR, -1: _NEAR, 1: _NEAR, 2: _FAR}
_KINDS_OF_FIRST = ("f", "i")
# The same of vectors, which are of length 1.
VECTOR_SCALES = (1.5, 3.0, 3.0, 3.0, 1.5, 0.0)


@dataclass(frozen=True)
class WordTable:
    """The distinct words of sentences, and what is known of them.

    The last two rows of both, and the last two columns of `forms`, are the beginning and the end of
    sentences.

    Attributes:
      words: U of them.
      features: F names, as `text.forms_of_words` writes them.
      forms: float32 sparse [U + 2, F + 2], 1 where a word has a feature.
      vectors: float32 [U + 2, D].
    """

    words: list[str]
    features: tuple[str, ...]
    forms: scipy.sparse.csr_matrix
    vectors: np.ndarray

    @classmethod
    def of(cls, taught: Sequence[Sequence[str]], of_forms: FormVectors) -> WordTable:
        """The words of sentences; all their features."""
        words = list(Counter(word for sentence in taught for word in sentence))
        cells = forms_of_all(words)  # [U, M]
        features = tuple(sorted({cell for row in cells for cell in row if cell}))
        forms = matrix_of_forms(cells, features)
        end = scipy.sparse.identity(2, np.float32)
        vectors = matrix_of_forms(cells, of_forms.features) @ of_forms.vectors
        vectors = np.pad(vectors, [(0, 2), (0, 0)])
        return cls(words, features, scipy.sparse.block_diag([forms, end], format="csr"), vectors)

    @property
    def spelled(self) -> np.ndarray:
        """Whether each feature is one of spelling, and not a whole word or an end, bool [F + 2]."""
        return np.array([name[0] not in "wl" for name in self.features] + [False, False])

    def scales(self) -> np.ndarray:
        """What each feature weighs in each block, float32 [BLOCKS, F + 2]; 0: not seen there."""
        kinds = [name.split(" ", 1)[0] for name in self.features]
        scales = np.zeros((BLOCKS, len(kinds) + 2), np.float32)
        for block, offset in enumerate(OFFSETS):
            table = _KINDS.get(offset)
            scales[block, :-2] = [1.0 if table is None else table.get(kind, 0.0) for kind in kinds]
            scales[block, -2:] = offset < 0, offset > 0
        scales[FIRST, :-2] = [kind in _KINDS_OF_FIRST for kind in kinds]
        return scales


def windows(tokens: Sequence[Sequence[str]], words: Sequence[str]) -> np.ndarray:
    """The word in each block of each word, int32 [N, BLOCKS]; -1 where there is none.

    U and U + 1 stand for the beginning and the end of a sentence.
    """
    number = {word: place for place, word in enumerate(words)}
    reach = max(OFFSETS)
    begin, end = [len(words)] * reach, [len(words) + 1] * reach
    found = []
    for sentence in tokens:
        ids = np.array([*begin, *(number[word] for word in sentence), *end], np.int32)
        size = len(sentence)
        columns = [ids[reach + offset : reach + offset + size] for offset in OFFSETS]
        first = np.full(size, -1, np.int32)
        first[0] = ids[reach]
        found.append(np.stack([*columns, first], axis=1))
    return np.concatenate(found)
