"""The words that topics are made of, learned from the texts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.sparse

from tfp_dgm.data import DataError
from tfp_dgm.text import WordCounts, common_words, document_frequencies

MAX_WORDS = 5_000
_READ_WORDS = 20_000
_MIN_SHARE = 0.0005  # Of the documents.


@dataclass(frozen=True)
class CountedTexts:
    """Texts as counts of the words of a vocabulary that was learned from them.

    Attributes:
      word_counts: string -> counts [V].
      counts: sparse float32 [N, V].
      common: words that were left out since they say nothing of what a text is about, the most
        frequent first.
    """

    word_counts: WordCounts
    counts: scipy.sparse.csr_matrix
    common: tuple[str, ...]

    @property
    def vocabulary(self) -> tuple[str, ...]:
        """[V]; the words in most documents first."""
        return self.word_counts.vocabulary


def count_texts(
    texts: Sequence[str], *, max_words: int = MAX_WORDS, kept: Sequence[str] = ()
) -> CountedTexts:
    """Learns a vocabulary and counts its words in the texts.

    Left out are words of one letter and of no letter, words in a single text or in less than one of
    2,000, and those that `text.common_words` finds: there is no list of any language's stop words.
    Where that leaves no word, words of single texts stay.

    Args:
      texts: N texts.
      max_words: the words in most documents are kept.
      kept: words that stay whatever they are, if a text has them.
    Raises:
      DataError: if no word is left; says why.
    """
    frequencies = document_frequencies(texts)
    if not frequencies:
        raise DataError("texts: expected words in at least one text; received none")
    ranked = sorted(frequencies, key=lambda word: (-frequencies[word], word))
    asked = set(kept)
    rare = [word for word in ranked[_READ_WORDS:] if word in asked]
    read = WordCounts(ranked[:_READ_WORDS] + rare)
    counts = read.count_matrix(texts)
    documents = np.array([frequencies[word] for word in read.vocabulary])
    stays = np.array([word in asked for word in read.vocabulary])
    words = np.array([_is_word(word) for word in read.vocabulary])
    enough = documents >= max(2, _MIN_SHARE * len(texts))
    common = common_words(counts) & words & ~stays
    for candidates in (words & enough & ~common, words & ~common):
        chosen = np.flatnonzero(candidates | stays)
        if len(chosen):
            break
    if not len(chosen):
        shown = [repr(read.vocabulary[v]) for v in np.argsort(-documents, kind="stable")[:5]]
        raise DataError(
            "texts: expected words that tell texts apart; received only words that stand in texts "
            f"of all kinds, in one text, or that are one letter: {', '.join(shown)}"
        )
    # The first are in most documents; what must stay comes before.
    chosen = np.sort(chosen[np.argsort(~stays[chosen], kind="stable")][:max_words])
    left_out = np.flatnonzero(common)
    left_out = left_out[np.argsort(-documents[left_out], kind="stable")]
    return CountedTexts(
        WordCounts([read.vocabulary[v] for v in chosen]),
        counts[:, chosen].tocsr(),
        tuple(read.vocabulary[v] for v in left_out),
    )


def _is_word(word: str) -> bool:
    """Whether it has a letter, and is no single letter of a script that has capitals."""
    if len(word) == 1 and word.upper() != word:
        return False
    return any(character.isalpha() for character in word)
