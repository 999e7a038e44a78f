"""JSON with results among the keys, read again, and the answers to them written."""

from __future__ import annotations

import json
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tfp_dgm.data.data_error import DataError, shorten
from tfp_dgm.data.tag_scheme import PLAIN, TagScheme
from tfp_dgm.data.tagged_files.json_files import JsonFile
from tfp_dgm.data.tagged_files.object_members import with_members
from tfp_dgm.data.tagged_files.raw_sentences import RawChunk, RawSentence
from tfp_dgm.data.tagged_files.read_values import accept_of, probability_of
from tfp_dgm.data.tagged_files.result_files import Answers
from tfp_dgm.data.tagged_files.span_answers import SpanStyle, members_with_answers
from tfp_dgm.data.tagged_files.tag_results import SentenceResult, SpanResult
from tfp_dgm.data.tagged_files.word_records import WordRecords

_SPANS = "predicted_spans"
_OF_WORDS = ("predicted_tags", "tag_probabilities", "tag_accept")
_OF_TEXT = "predicted_words"


@dataclass(frozen=True)
class JsonWithResults(JsonFile):
    """A file that `JsonFile` wrote."""

    def result(self, chunk: RawChunk, sentence: RawSentence, scheme: TagScheme) -> SentenceResult:
        """See `ResultFile.result`."""
        record = json.loads(chunk.pieces[sentence.pieces[0]])
        place = sentence.place(0).partition(",")[0]
        size = len(sentence.tokens)
        if isinstance(self.form, WordRecords):
            tags, probabilities, accept = (
                self._list(record, key, place, size) for key in _OF_WORDS
            )
        else:
            words = [
                self._object(item, place) for item in self._list(record, _OF_TEXT, place, size)
            ]
            tags, probabilities, accept = (
                [word.get(key) for word in words] for key in ("tag", "probability", "accept")
            )
        for tag in tags:
            if not isinstance(tag, str):
                raise DataError.at(
                    self.path, f"expected a tag; received {shorten(tag)}", place=place
                )
        spans = [] if scheme.kind == PLAIN else self._list(record, _SPANS, place)
        return SentenceResult(
            tags,
            [probability_of(value, self.path, place) for value in probabilities],
            [accept_of(value, self.path, place) for value in accept],
            [self._span(self._object(item, place), sentence, place) for item in spans],
        )

    def with_answers(self, chunk: RawChunk, answers: Sequence[Answers | None]) -> str:
        """See `ResultFile.with_answers`."""
        pieces = list(chunk.pieces)
        added = [*_OF_WORDS, _SPANS] if isinstance(self.form, WordRecords) else [_OF_TEXT, _SPANS]
        style: SpanStyle | None = None
        for sentence, given in zip(chunk.sentences, answers, strict=True):
            place = sentence.pieces[0]
            values: dict[str, Any] = {}
            if given is not None and any(tag is not None for tag in given):
                record = json.loads(pieces[place])
                if isinstance(self.form, WordRecords):
                    key = self.form.tags
                    before = record.get(key) or [None] * len(given)
                    values[key] = [
                        old if tag is None else tag for old, tag in zip(before, given, strict=True)
                    ]
                else:
                    if style is None:
                        style = SpanStyle.of(map(_record, pieces), self.form.spans)
                    values = members_with_answers(record, sentence, given, style, self.form.text)
            pieces[place] = with_members(pieces[place], values, added)
        for place, _ in chunk.empty:
            pieces[place] = with_members(pieces[place], {}, added)
        return "".join(pieces)

    def _span(self, item: dict[str, Any], sentence: RawSentence, place: str) -> SpanResult:
        if isinstance(self.form, WordRecords):
            first, last = item.get("first"), item.get("last")
        else:
            first, last = _words_within(sentence, item.get("start"), item.get("end"))
        words = len(sentence.tokens)
        if type(first) is not int or type(last) is not int or not 0 <= first <= last < words:
            raise DataError.at(
                self.path, f"expected a span of these words; received {shorten(item)}", place=place
            )
        return SpanResult(
            first,
            last,
            str(item.get("label")),
            probability_of(item.get("probability"), self.path, place),
            accept_of(item.get("accept"), self.path, place),
            str(item.get("runner_up")),
            probability_of(item.get("runner_up_probability"), self.path, place),
        )

    def _list(
        self, record: dict[str, Any], key: str, place: str, size: int | None = None
    ) -> list[Any]:
        found = record.get(key)
        if not isinstance(found, list) or size not in (None, len(found)):
            of = "" if size is None else f" of {size}"
            raise DataError.at(
                self.path, f"expected a list{of} as {key!r}; received {shorten(found)}", place=place
            )
        return found

    def _object(self, item: Any, place: str) -> dict[str, Any]:
        if not isinstance(item, dict):
            raise DataError.at(
                self.path, f"expected an object; received {shorten(item)}", place=place
            )
        return item


def _record(piece: str) -> dict[str, Any]:
    """The object of a piece; an empty one where it holds none."""
    try:
        found = json.loads(piece)
    except ValueError:  # What stands between objects.
        return {}
    return found if isinstance(found, dict) else {}


def _words_within(sentence: RawSentence, start: Any, end: Any) -> tuple[int | None, int | None]:
    """The words whose characters are these."""
    words = sentence.offsets or []
    if type(start) is not int or type(end) is not int:
        return None, None
    first = bisect_left(words, start, key=lambda word: word[0])
    last = bisect_left(words, end, key=lambda word: word[1])
    return first, last
