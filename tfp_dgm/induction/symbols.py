"""What a parser reads of sentences: their words or tags, without marks."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from tfp_dgm.data import DataError
from tfp_dgm.induction.sentences import Sentences
from tfp_dgm.text import WordVocabulary


@dataclass(frozen=True)
class Symbols:
    """Symbols of sentences.

    Attributes:
      rows: those of each, none with a space inside; empty where there are marks alone.
      learned: the sentences that are learned from.
    """

    rows: list[list[str]]
    learned: list[int]

    @property
    def lines(self) -> list[str]:
        """The symbols of each sentence between spaces."""
        return [" ".join(row) for row in self.rows]

    def vocabulary(self, size: int, *, lower: bool) -> WordVocabulary:
        """Of the sentences that are learned from.

        Raises:
          DataError: if it would be empty.
        """
        lines = self.lines
        learned = [lines[i] for i in self.learned]
        try:
            return WordVocabulary.fit(learned, size=size, lower=lower, split_punctuation=False)
        except ValueError as error:
            raise DataError(f"settings: {error}") from error


def read_symbols(
    column: Literal["words", "xpos", "upos"],
    sentences: Sentences,
    kept: Sequence[Sequence[bool]],
    *,
    shortest: int,
    longest: int,
) -> Symbols:
    """Reads a column of sentences.

    Args:
      column: what is read.
      sentences: the text.
      kept: of each word, whether it is more than a mark.
      shortest, longest: how many words a sentence has that is learned from; the latter is the
        setting max_length.
    Raises:
      DataError: if words lack tags, or no sentence is left to be learned from.
    """
    if column == "words":
        rows = sentences.words
    elif sentences.annotations is None:
        raise DataError(
            f"settings: reads must be words where the text has no tags; received {column}"
        )
    else:
        rows = [
            [re.sub(r"\s", "_", tag) for tag in getattr(row, column)]
            for row in sentences.annotations
        ]
        if sentences.gold_tags(column) is None:
            raise DataError(
                f"settings: reads is {column}, and not every word has a tag there; give reads "
                "another column or words, or tag the text first (`dgm induce tags`)"
            )
    chosen = [
        [symbol for symbol, keep in zip(row, keeps, strict=True) if keep]
        for row, keeps in zip(rows, kept, strict=True)
    ]
    learned = [i for i, row in enumerate(chosen) if shortest <= len(row) <= longest]
    if not learned:
        wanted = "so few words" if shortest == 1 else f"{shortest} to {longest} words"
        raise DataError(f"settings: max_length is {longest}, and no sentence has {wanted}")
    return Symbols(chosen, learned)


def kept_words_of(sentences: Sentences, kept: Sequence[Sequence[bool]]) -> list[list[str]]:
    """The words of each sentence, marks left out."""
    return [
        [word for word, keep in zip(row, chosen, strict=True) if keep]
        for row, chosen in zip(sentences.words, kept, strict=True)
    ]
