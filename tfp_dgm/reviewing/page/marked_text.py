"""A text in pieces, of which those that spoke for or against a class are marked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tfp_dgm.data import DataError

if TYPE_CHECKING:
    from tfp_dgm.labelling import MarkedWord

# A text, a class and another -> the words that spoke for the first against the second, and those
# of its rationale.
Explain = Callable[[str, str, str], "list[MarkedWord]"]

SHOWN_CHARACTERS = 5_000


@dataclass(frozen=True)
class Piece:
    """A part of a text.

    Attributes:
      text: as it stands there.
      added: what its word adds to the log-odds; 0 where it is no reason.
      kept: whether the rationale holds its word.
    """

    text: str
    added: float = 0.0
    kept: bool = False


def marked_pieces(text: str, marks: list[MarkedWord]) -> list[Piece]:
    """Cuts a text at the words that are marked; the pieces together are the text."""
    from tfp_dgm.text import word_spans

    of_word = {mark.word: mark for mark in marks}
    pieces, end = [], 0
    for span in word_spans([text])[0] if marks else []:
        if (mark := of_word.get(span.word)) is not None:
            pieces += [
                Piece(text[end : span.start]),
                Piece(text[span.start : span.end], mark.added, mark.kept),
            ]
            end = span.end
    return [piece for piece in [*pieces, Piece(text[end:])] if piece.text]


def load_explain(model: Path, column: str | None = None) -> Explain:
    """Loads a labelling's classifier, and says which words it marks.

    Args:
      model: its folder.
      column: which of several label columns it should be of.
    Raises:
      DataError: if the model cannot be loaded.
    """
    from tfp_dgm.labelling import TextClassifier, WordMarks
    from tfp_dgm.labelling.classifiers import TextClassifiers
    from tfp_dgm.models import load_model

    loaded = load_model(model / "model.keras")
    if isinstance(loaded, TextClassifiers) and column is not None:
        loaded = loaded.by_column[column]
    if not isinstance(loaded, TextClassifier):
        raise DataError.at(model, f"expected a classifier; received {type(loaded).__name__}")
    marks = WordMarks(loaded)
    places = {name: place for place, name in enumerate(marks.classes)}

    @lru_cache(maxsize=256)
    def explain(text: str, answer: str, other: str) -> list[MarkedWord]:
        if answer not in places or other not in places or answer == other:
            return []
        return marks([text], np.array([places[answer]]), np.array([places[other]]))[0]

    return explain
