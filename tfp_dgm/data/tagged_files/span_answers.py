"""Answers to the words of a text as spans of its characters, as the file has them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tfp_dgm.data.data_error import DataError
from tfp_dgm.data.tag_scheme import OUTSIDE
from tfp_dgm.data.tagged_files.annotated_spans import SPAN_KEYS, annotated_text
from tfp_dgm.data.tagged_files.raw_sentences import NOT_GIVEN, RawSentence
from tfp_dgm.data.tagged_files.result_files import Answers

_ANNOTATIONS = ("annotations", "completions")


@dataclass(frozen=True)
class SpanStyle:
    """How a file writes spans.

    Attributes:
      key: where they stand.
      lists: whether a span is a list of start, end and label; else an object.
      nested: whether they stand in annotations, as Label Studio has them.
      region: of such ones, what all of them have.
    """

    key: str = "spans"
    lists: bool = False
    nested: bool = False
    region: Mapping[str, Any] = field(
        default_factory=lambda: {"from_name": "label", "to_name": "text", "type": "labels"}
    )

    @classmethod
    def of(cls, records: Iterable[Mapping[str, Any]], key: str | None) -> SpanStyle:
        """By the first objects that have spans, or a place for them.

        Args:
          records: of the file.
          key: where the spans are; None for the usual keys.
        """
        found: SpanStyle | None = None
        for record in records:
            nested = next((name for name in _ANNOTATIONS if name in record), None)
            if key is None and (nested or isinstance(record.get("data"), dict)):
                found = found or cls(nested or _ANNOTATIONS[0], nested=True)
                regions = _regions(record, found.key)
                if regions:
                    shared = {n: regions[0][n] for n in cls().region if n in regions[0]}
                    return cls(found.key, nested=True, region={**cls().region, **shared})
                continue
            own = key or next((name for name in SPAN_KEYS if record.get(name) is not None), None)
            if own is None:
                continue
            items = record.get(own) or []
            if items:
                return cls(own, lists=isinstance(items[0], list))
            # Doccano, whose spans are lists, has these names.
            found = found or cls(own, lists=own in ("label", "labels"))
        return found or cls(key or "spans")

    def written(self, text: str, start: int, end: int, label: str) -> Any:
        """A span."""
        if self.nested:
            value = {"start": start, "end": end, "text": text[start:end], "labels": [label]}
            return {**self.region, "value": value}
        if self.lists:
            return [start, end, label]
        return {"start": start, "end": end, "label": label}


def members_with_answers(
    record: dict[str, Any],
    sentence: RawSentence,
    answers: Answers,
    style: SpanStyle,
    text_key: str | None,
) -> dict[str, Any]:
    """The members of an object that say what a person answered.

    Spans of words that were not answered stay as they are written. Where it is not known of all
    words whether they are in a span, the object says so as `partial`.

    Args:
      record: of the text.
      sentence: its words.
      answers: their tags, in BIOES; None where nothing was answered.
      style: how spans are written.
      text_key: where the text is; None for the usual.
    """
    text, words = sentence.text or "", sentence.offsets or []
    items = _items(record, style)
    spans = annotated_text(
        record, text_key, None if style.nested else style.key, lambda said: DataError(said)
    )
    told = [words[place] for place, tag in enumerate(answers) if tag is not None]
    kept = [
        (span.start, item)
        for item, span in zip(items, spans.spans or [], strict=True)
        if not any(begin < span.end and end > span.start for begin, end in told)
    ]
    known = [
        tag is not None or cell not in NOT_GIVEN
        for tag, cell in zip(answers, sentence.cells, strict=True)
    ]
    whole = all(known) or (spans.spans is not None and not spans.partial)
    new = _new_spans(answers, words, outside=not whole)
    kept += [(start, style.written(text, start, end, label)) for start, end, label in new]
    found = [item for _, item in sorted(kept, key=lambda pair: pair[0])]
    members: dict[str, Any] = {style.key: found}
    if style.nested:
        members = {style.key: _with_regions(record, style.key, found)}
    if not whole or record.get("partial"):
        members["partial"] = not whole
    if record.get("answer", "accept") != "accept":
        members["answer"] = "accept"
    return members


def _new_spans(
    answers: Answers, words: Sequence[tuple[int, int]], *, outside: bool
) -> list[tuple[int, int, str]]:
    """Start, end and label of each span; those of words in none where they are told, too."""
    found = []
    first = 0
    for place, tag in enumerate(answers):
        if tag is None:
            continue
        if tag != OUTSIDE:
            if tag[0] in "BS":
                first = place
            if tag[0] in "ES":
                found.append((words[first][0], words[place][1], tag[2:]))
        elif outside:
            found.append((*words[place], OUTSIDE))
    return found


def _items(record: Mapping[str, Any], style: SpanStyle) -> list[Any]:
    """The spans as they are written; none where they do not count."""
    if record.get("answer", "accept") != "accept":
        return []
    if style.nested:
        return _regions(record, style.key)
    return list(record.get(style.key) or [])


def _counting(annotations: Sequence[Any]) -> int | None:
    """Which annotation counts: the first that was not cancelled."""
    return next((n for n, one in enumerate(annotations) if not one.get("was_cancelled")), None)


def _regions(record: Mapping[str, Any], key: str) -> list[Any]:
    annotations = record.get(key) or []
    number = _counting(annotations)
    regions = [] if number is None else annotations[number].get("result") or []
    return [one for one in regions if _is_span(one)]


def _with_regions(record: Mapping[str, Any], key: str, regions: list[Any]) -> list[Any]:
    annotations = list(record.get(key) or [])
    number = _counting(annotations)
    if number is None:
        return [*annotations, {"result": regions}]
    others = [one for one in annotations[number].get("result") or [] if not _is_span(one)]
    annotations[number] = {**annotations[number], "result": [*others, *regions]}
    return annotations


def _is_span(region: Mapping[str, Any]) -> bool:
    value = region.get("value")
    return isinstance(value, dict) and "labels" in value
