"""Sentences as the words that stand around each word, and words as their features."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.sparse

from tfp_dgm.text import forms_of_all

# The words that a tag is told by: those before it, itself, those after it; and last what tells
# more of a word that begins a sentence, where a capital means nothing.
OFFSETS = (-2, -1, 0, 1, 2)
FIRST = len(OFFSETS)
BLOCKS = len(OFFSETS) + 1
# What the kinds of features weigh in each block; kinds that a block lacks are not seen there.
_KINDS: dict[int, dict[str, float]] = {
    -2: {"w": 0.0, "l": 0.5, "s2": 0.5, "s3": 0.5, "f": 0.5},
    -1: {"l": 1.0, "s1": 1.0, "s2": 1.0, "s3": 1.0, "p2": 0.5, "p3": 0.5, "f": 1.0},
    1: {"l": 1.0, "s1": 1.0, "s2": 1.0, "s3": 1.0, "p2": 0.5, "p3": 0.5, "f": 1.0},
    2: {"w": 0.0, "l": 0.5, "s2": 0.5, "s3": 0.5, "f": 0.5},
}


@dataclass(frozen=True)
class WordTable:
    """The distinct words of sentences, and their features.

    Attributes:
      words: U of them.
      counts: int [U].
      features: F names, as `text.forms_of_words` writes them.
      forms: float32 sparse [U + 2, F + 2], 1 where a word has a feature; the last two rows and
        columns are those of the beginning and the end of sentences.
    """

    words: list[str]
    counts: np.ndarray
    features: tuple[str, ...]
    forms: scipy.sparse.csr_matrix

    @classmethod
    def of(cls, tokens: Sequence[Sequence[str]], taught: np.ndarray) -> "WordTable":
        """The words of sentences; features are those of words of the taught ones [S]."""
        counts = Counter(word for sentence in tokens for word in sentence)
        known = {
            word
            for sentence, is_taught in zip(tokens, taught, strict=True)
            if is_taught
            for word in sentence
        }
        words = list(counts)
        cells = forms_of_all(words)  # [U, M]
        wanted = {
            cell
            for row, word in zip(cells, words, strict=True)
            if word in known
            for cell in row
            if cell
        }
        features = tuple(sorted(wanted))
        number = {name: place for place, name in enumerate(features)}
        rows, columns = [], []
        for row, names in enumerate(cells):
            for name in names:
                if name in number:
                    rows.append(row)
                    columns.append(number[name])
        size, width = len(words), len(features)
        rows += [size, size + 1]
        columns += [width, width + 1]
        forms = scipy.sparse.csr_matrix(
            (np.ones(len(rows), np.float32), (rows, columns)), shape=(size + 2, width + 2)
        )
        return cls(words, np.array([counts[word] for word in words]), features, forms)

    def scales(self) -> np.ndarray:
        """What each feature weighs in each block, float32 [BLOCKS, F + 2]; 0: not seen there."""
        kinds = [name.split(" ", 1)[0] for name in self.features]
        scales = np.zeros((BLOCKS, len(kinds) + 2), np.float32)
        for block, offset in enumerate(OFFSETS):
            table = _KINDS.get(offset)
            scales[block, :-2] = [1.0 if table is None else table.get(kind, 0.0) for kind in kinds]
            scales[block, -2] = offset < 0
            scales[block, -1] = offset > 0
        scales[FIRST, :-2] = [kind in ("f", "i") for kind in kinds]
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
