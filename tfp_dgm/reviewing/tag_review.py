"""The review of a tagging's sentences."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from tfp_dgm.data import DataError, digest
from tfp_dgm.reviewing.answered_words import Change, shown_labels
from tfp_dgm.reviewing.entry_checks import TAGS
from tfp_dgm.reviewing.item_review import ItemReview
from tfp_dgm.reviewing.review_sentences import (
    ReviewSentences,
    TagGuesses,
    read_review_sentences,
)
from tfp_dgm.reviewing.sentence_queue import SentenceQueue
from tfp_dgm.reviewing.tag_state import TagState


class TagReview(ItemReview[ReviewSentences, TagState]):
    """Answers to the words of a tagging's sentences, of one person or of several.

    Args:
      model: the folder that `dgm tag` wrote; the tagged file lies beside it.
    Raises:
      DataError: as `read_review_sentences` and `ItemReview`.
    """

    units: ClassVar[str] = "sentences"
    parts: ClassVar[str] = "of their words"

    def __init__(self, model: str | os.PathLike[str]) -> None:
        super().__init__(read_review_sentences(model))

    def _state(self) -> TagState:
        return TagState(self.rows.scheme, self.rows.tokens)

    def _queue(self, teaching: NDArray[np.int64] | None) -> SentenceQueue:
        return SentenceQueue(self.rows, teaching)

    def labels(self, annotator: str, row: int) -> list[str]:
        """The labels of all words of a sentence as they are shown to somebody."""
        with self.turn:
            answered = self.state.words_of(annotator, row)
            return shown_labels(self.rows.scheme, self.rows.guesses.labels[row], answered)

    def change(
        self, annotator: str, row: int, made: Callable[[list[str]], Change | None]
    ) -> Change | None:
        """Keeps what a change makes of the labels that are shown; it is on the disk on return.

        Args:
          annotator: who makes it; "" where nobody is named.
          row: the sentence.
          made: the change of these labels; None where there is none to make.
        Returns:
          What `made` gave.
        Raises:
          DataError: if it is refused, or the disk takes no more; nothing is kept then.
        """
        with self.turn:
            shown = self.labels(annotator, row)
            change = made(shown)
            if change is not None:
                self.answer(
                    annotator,
                    TAGS,
                    rows=[row],
                    first=change.first,
                    tags=change.labels,
                    shown=shown[change.first : change.end],
                    tokens=digest(self.rows.tokens[row]),
                )
            return change

    def guess_anew(self, guesses: TagGuesses, model: Path, teaching: NDArray[np.int64]) -> None:
        """Takes up what a later model says.

        Args:
          guesses: of all sentences.
          model: the later model's folder.
          teaching: which sentences teach it most, best first.
        Raises:
          DataError: if they are of other sentences.
        """
        if [len(labels) for labels in guesses.labels] != [len(t) for t in self.rows.tokens]:
            raise DataError("guesses: expected those of the sentences of the review")
        rows = replace(self.rows, guesses=guesses, model=model)
        queue = SentenceQueue(rows, teaching)
        with self.turn:
            self.rows, self.queue = rows, queue
