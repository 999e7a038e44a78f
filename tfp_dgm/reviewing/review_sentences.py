"""What a review of tags is about: the sentences of a tagging, and the guesses of their words."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tfp_dgm.data import (
    DataError,
    ResultSentences,
    SentenceResult,
    TagScheme,
    digest,
    read_result_sentences,
    read_tag_settings,
)

DOUBTFUL = 0.3  # The probability of being wrong from which on a word is marked.
_SUSPECT = 0.05  # Under which a tag that is given looks wrong.


@dataclass(frozen=True)
class TagGuesses:
    """What a model says of N sentences of T words.

    Attributes:
      labels: N lists of T labels of the chain, legal sequences.
      results: of each sentence.
    """

    labels: list[list[str]]
    results: list[SentenceResult]

    @cached_property
    def doubt(self) -> list[NDArray[np.float64]]:
        """N arrays [T]; the probability that a word's tag is wrong, 0 where the tag is given."""
        return [
            np.array(
                [
                    0.0 if accept is None else 1 - probability
                    for probability, accept in zip(result.probabilities, result.accept, strict=True)
                ]
            )
            for result in self.results
        ]

    def suspects(self, sentence: int) -> list[int]:
        """The words whose given tags look wrong to models that did not see them."""
        result = self.results[sentence]
        return [
            word
            for word, (probability, accept) in enumerate(
                zip(result.probabilities, result.accept, strict=True)
            )
            if accept is None and probability < _SUSPECT
        ]

    def doubtful(self, sentence: int) -> set[int]:
        """The words to look at: their tag, or the span that they are in, may well be wrong."""
        found = set(np.flatnonzero(self.doubt[sentence] >= DOUBTFUL).tolist())
        found.update(self.suspects(sentence))
        for span in self.results[sentence].spans:
            if span.accept is not None and 1 - span.probability >= DOUBTFUL:
                found.update(range(span.first, span.last + 1))
        return found


@dataclass(frozen=True)
class ReviewSentences:
    """The sentences of a tagging.

    Attributes:
      model: the folder that `dgm tag` wrote.
      table: the tagged file beside it.
      sentences: what was read of it.
      guesses: of the tagging, or of a later one.
      settings: of the tagging.
    """

    model: Path
    table: Path
    sentences: ResultSentences
    guesses: TagGuesses
    settings: Mapping[str, Any]

    def __len__(self) -> int:
        return len(self.tokens)

    @property
    def title(self) -> str:
        """What is reviewed, for people."""
        return self.table.name

    @property
    def tokens(self) -> list[list[str]]:
        """N lists of T words."""
        return self.sentences.tokens

    @property
    def scheme(self) -> TagScheme:
        """Of the tags."""
        return self.sentences.scheme

    @cached_property
    def texts(self) -> list[str]:
        """[N]; the words of each, with blanks between them."""
        return [" ".join(words) for words in self.tokens]

    @cached_property
    def given(self) -> list[bool]:
        """[N]; whether the source gives all tags of a sentence."""
        return [all(len(options) == 1 for options in tags) for tags in self.sentences.tags]

    @property
    def digest(self) -> str:
        """What differs where other words, tags or schemes are reviewed."""
        scheme = self.scheme
        return digest(self.tokens, self.sentences.tags, scheme.kind, list(scheme.names))


def read_review_sentences(model: str | os.PathLike[str]) -> ReviewSentences:
    """Reads the tagged file that a model's folder belongs to, which lies beside it.

    Raises:
      DataError: if the folder or the file is not what `dgm tag` wrote.
    """
    folder = Path(model)
    settings = read_tag_settings(folder)
    table = folder.resolve().parent / str(settings.get("output"))
    if not table.is_file():
        raise DataError.at(
            folder, f"expected the tagged file {table.name} beside it, which is not there"
        )
    sentences = read_result_sentences(table, settings)
    guesses = TagGuesses(sentences.labels, sentences.results)
    return ReviewSentences(folder, table, sentences, guesses, settings)
