"""A text in pieces, of which those that spoke for or against a class are marked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from tfp_dgm.data import DataError

# A text, a class and another -> the words that spoke for the first against the second.
Explain = Callable[[str, str, str], list[tuple[str, float]]]

SHOWN_CHARACTERS = 5_000


@dataclass(frozen=True)
class Piece:
    """A part of a text.

    Attributes:
      text: as it stands there.
      added: what its word adds to the log-odds; 0 where it is not marked.
    """

    text: str
    added: float = 0.0


def marked_pieces(text: str, reasons: list[tuple[str, float]]) -> list[Piece]:
    """Cuts a text at the words that are reasons; the pieces together are the text."""
    from tfp_dgm.text import word_spans

    added = dict(reasons)
    pieces, end = [], 0
    for span in word_spans([text])[0] if added else []:
        if span.word in added:
            pieces += [
                Piece(text[end : span.start]),
                Piece(text[span.start : span.end], added[span.word]),
            ]
            end = span.end
    return [piece for piece in [*pieces, Piece(text[end:])] if piece.text]


def load_explain(model: Path, column: str | None = None) -> Explain:
    """Loads a labelling's classifier, and says what its words do.

    Args:
      model: its folder.
      column: which of several label columns it should be of.
    Raises:
      DataError: if the model cannot be loaded.
    """
    from tfp_dgm.labelling import TextClassifier, WordReasons
    from tfp_dgm.labelling.classifiers import TextClassifiers
    from tfp_dgm.models import load_model

    loaded = load_model(model / "model.keras")
    if isinstance(loaded, TextClassifiers) and column is not None:
        loaded = loaded.by_column[column]
    if not isinstance(loaded, TextClassifier):
        raise DataError.at(model, f"expected a classifier; received {type(loaded).__name__}")
    reasons = WordReasons(loaded)
    places = {name: place for place, name in enumerate(reasons.classes)}

    @lru_cache(maxsize=256)
    def explain(text: str, answer: str, other: str) -> list[tuple[str, float]]:
        if answer not in places or other not in places or answer == other:
            return []
        return reasons([text], np.array([places[answer]]), np.array([places[other]]))[0]

    return explain
