"""JSON objects whose words and tags are lists."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tfp_dgm.data.data_error import DataError, shorten
from tfp_dgm.data.tag_scheme import PLAIN, TagScheme
from tfp_dgm.data.tagged_files.json_records import JsonPiece
from tfp_dgm.data.tagged_files.raw_sentences import Cell, RawSentence
from tfp_dgm.data.tagged_files.tag_results import SentenceResult, SpanResult

_Error = Callable[[str], DataError]
_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True)
class WordRecords:
    """The form of objects with words and tags.

    Attributes:
      path: the file, for messages.
      tokens: the key of the words.
      tags: the key of the tags, which may be missing or null.
    """

    path: Path
    tokens: str
    tags: str

    def sentence(self, piece: JsonPiece, place: int, *, with_tags: bool) -> RawSentence:
        """Reads an object that is a piece of a file.

        Args:
          piece: with its object.
          place: the piece's number.
          with_tags: whether to look at the tags.
        Raises:
          DataError: if words and tags are not lists of one length.
        """

        def error(problem: str) -> DataError:
            return DataError.at(self.path, problem, place=piece.place)

        record = piece.record or {}
        tokens = record.get(self.tokens)
        if not isinstance(tokens, list) or not all(isinstance(token, str) for token in tokens):
            raise error(
                f"expected a list of strings as {self.tokens!r}; received {shorten(tokens)}"
            )
        for number, token in enumerate(tokens, start=1):
            if not token:
                raise error(f"expected words as {self.tokens!r}; received an empty one, {number}")
        tags = record.get(self.tags) if with_tags else None
        if tags is None:
            tags = [None] * len(tokens)
        if not isinstance(tags, list):
            raise error(f"expected a list as {self.tags!r}; received {shorten(tags)}")
        if len(tags) != len(tokens):
            raise error(
                f"expected as many tags as words ({len(tokens)}); received {len(tags)} as "
                f"{self.tags!r}"
            )
        cells = [_cell(tag, self.tags, error) for tag in tags]
        require_whole_characters([*tokens, *(part for cell in cells for part in cell)], error)
        numbers = [piece.number] * len(tokens)
        return RawSentence(tokens, cells, numbers, [place] * len(tokens), unit=piece.unit)

    def added(
        self, sentence: RawSentence, scheme: TagScheme, result: SentenceResult
    ) -> dict[str, Any]:
        """The keys that a result adds to the object of a sentence."""
        added: dict[str, Any] = {
            "predicted_tags": list(result.tags),
            "tag_probabilities": [rounded(p) for p in result.probabilities],
            "tag_accept": list(result.accept),
        }
        if scheme.kind != PLAIN:
            added["predicted_spans"] = [
                {"first": span.first, "last": span.last, **span_values(span)}
                for span in result.spans
            ]
        return added


def require_whole_characters(texts: Iterable[str], error: Callable[[str], DataError]) -> None:
    """Checks that texts can be written as UTF-8: JSON has a way to write half a character.

    Args:
      texts: from a JSON object.
      error: makes an error of a problem.
    Raises:
      DataError: if one holds half of a surrogate pair.
    """
    for text in texts:
        if not text.isascii() and _SURROGATE.search(text):
            raise error(f"expected text; received half of a surrogate pair in {ascii(text)[:60]}")


def span_values(span: SpanResult) -> dict[str, Any]:
    """What is written of a span, but for where it is."""
    return {
        "label": span.name,
        "probability": rounded(span.probability),
        "accept": span.accept,
        "runner_up": span.runner_up,
        "runner_up_probability": rounded(span.runner_up_probability),
    }


def rounded(probability: float) -> float:
    """A probability as it is written."""
    return round(float(probability), 4)


def _cell(tag: Any, key: str, error: _Error) -> Cell:
    if tag is None:
        return ""
    if isinstance(tag, str):
        return tag.strip()
    if isinstance(tag, list) and tag and all(isinstance(one, str) for one in tag):
        return tuple(one.strip() for one in tag)
    if isinstance(tag, int | float):
        raise error(
            f"expected tags as strings in {key!r}; received the number {shorten(tag)}; write the "
            "tags' names"
        )
    raise error(
        f"expected a tag, null, or a list of tags of which the word has one, in {key!r}; received "
        f"{shorten(tag)}"
    )
