"""JSON objects that are texts with spans."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tfp_dgm.data.data_error import DataError, shorten
from tfp_dgm.data.tag_scheme import PLAIN, TagScheme
from tfp_dgm.data.tagged_files.annotated_spans import annotated_text, text_of
from tfp_dgm.data.tagged_files.json_records import JsonPiece
from tfp_dgm.data.tagged_files.raw_sentences import Cell, RawSentence
from tfp_dgm.data.tagged_files.span_cells import cells_of_spans
from tfp_dgm.data.tagged_files.tag_results import SentenceResult
from tfp_dgm.data.tagged_files.word_records import (
    require_whole_characters,
    rounded,
    span_values,
)
from tfp_dgm.data.visible_text import is_blank
from tfp_dgm.data.words_of_text import words_of


@dataclass(frozen=True)
class TextRecords:
    """The form of objects with a text and spans of its characters.

    Attributes:
      path: the file, for messages.
      text: the key of the text; None for the usual ones.
      spans: the key of the spans; None for the usual ones.
    """

    path: Path
    text: str | None
    spans: str | None

    def sentence(
        self, piece: JsonPiece, place: int, remarks: dict[str, list[str]], *, with_tags: bool
    ) -> RawSentence:
        """Reads an object that is a piece of a file.

        Args:
          piece: with its object.
          place: the piece's number.
          remarks: what was left out or changed, and the places where; added to.
          with_tags: whether to look at the spans.
        Raises:
          DataError: if there is no text, or the spans are at fault.
        """

        def error(problem: str) -> DataError:
            return DataError.at(self.path, problem, place=piece.place)

        record = piece.record or {}
        cells: list[Cell]
        if not with_tags:
            text = text_of(record, self.text, error)
            words = self._words(record, text, piece.place)
            cells = [""] * len(words)
        else:
            found = annotated_text(record, self.text, self.spans, error)
            text = found.text
            words = self._words(record, text, piece.place)
            cells, more = cells_of_spans(text, words, found.spans, partial=found.partial)
            for remark in [*found.remarks, *more]:
                remarks.setdefault(remark, []).append(piece.place)
        require_whole_characters([text], error)
        tokens = [text[begin:end] for begin, end in words]
        numbers = [piece.number] * len(words)
        places = [place] * len(words)
        return RawSentence(tokens, cells, numbers, places, words, text, piece.unit)

    def added(
        self, sentence: RawSentence, scheme: TagScheme, result: SentenceResult
    ) -> dict[str, Any]:
        """The keys that a result adds to the object of a text."""
        return text_results(sentence, scheme, result)

    def _words(self, record: dict[str, Any], text: str, place: str) -> list[tuple[int, int]]:
        """The words of a text: those that the object gives (Prodigy's `tokens`), or ours."""
        given = record.get("tokens")
        if given is None:
            return words_of(text)
        words = []
        after = 0
        for token in given if isinstance(given, list) else [given]:
            begin, end = (
                (token.get("start"), token.get("end")) if isinstance(token, dict) else (None, None)
            )
            if (
                not isinstance(begin, int)
                or not isinstance(end, int)
                or not after <= begin < end <= len(text)
            ):
                raise DataError.at(
                    self.path,
                    "expected tokens with start and end, in order and within the text; received "
                    f"{shorten(token)}",
                    place=place,
                )
            after = end
            if not is_blank(text[begin:end]):
                words.append((begin, end))
        return words


def text_results(
    sentence: RawSentence, scheme: TagScheme, result: SentenceResult
) -> dict[str, Any]:
    """What is written of a text: spans and words with their characters."""
    words = sentence.offsets or []
    found: dict[str, Any] = {}
    if scheme.kind != PLAIN:
        found["predicted_spans"] = [
            {
                "start": words[span.first][0],
                "end": words[span.last][1],
                **span_values(span),
            }
            for span in result.spans
        ]
    found["predicted_words"] = [
        {
            "start": begin,
            "end": end,
            "tag": tag,
            "probability": rounded(probability),
            "accept": accept,
        }
        for (begin, end), tag, probability, accept in zip(
            words, result.tags, result.probabilities, result.accept, strict=True
        )
    ]
    return found
