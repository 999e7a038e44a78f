"""Spans of texts as tools for annotation export them: Prodigy, Doccano, Label Studio."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tfp_dgm.data.data_error import DataError, shorten

SPAN_KEYS = ("spans", "label", "labels", "entities")
_Error = Callable[[str], DataError]


@dataclass(frozen=True)
class AnnotatedSpan:
    """Characters of a text that somebody marked.

    Attributes:
      start: the first character, from 0.
      end: one past the last.
      labels: one; several where it is one of these.
    """

    start: int
    end: int
    labels: tuple[str, ...]


@dataclass(frozen=True)
class AnnotatedText:
    """A text and what is known of it.

    Attributes:
      text: the text.
      spans: None where it is not annotated; else all its spans.
      partial: whether there may be others; a span with the label O is known to be none.
      remarks: what was left out or changed, each the same words for the same reason.
    """

    text: str
    spans: list[AnnotatedSpan] | None
    partial: bool
    remarks: list[str]


def annotated_text(
    record: dict[str, Any], text_key: str | None, span_key: str | None, error: _Error
) -> AnnotatedText:
    """Reads an object of an export.

    Args:
      record: with a text and its spans (Prodigy, Doccano, Label Studio's JSON_MIN), or with `data`
        and `annotations` (Label Studio).
      text_key: where the text is; None for `text`, or the only string in `data`.
      span_key: where the spans are; None for `annotations` beside `data`, else for `spans`,
        `label`, `labels` or `entities`.
      error: makes an error of a problem.
    Raises:
      DataError: if there is no text, or what should be spans is something else.
    """
    text = text_of(record, text_key, error)
    remarks: list[str] = []
    if span_key is None and ("annotations" in record or "completions" in record):
        found = _of_annotators(record, error, remarks)
    else:
        key = span_key or next((key for key in SPAN_KEYS if record.get(key) is not None), None)
        found = None if key is None else record.get(key)
    if record.get("answer", "accept") != "accept":
        remarks.append("not accepted by the annotator; taken as not annotated")
        found = None
    partial = record.get("partial", False)
    if not isinstance(partial, bool):
        raise error(f"expected true or false as 'partial'; received {shorten(partial)}")
    if found is None:
        return AnnotatedText(text, None, partial, remarks)
    if not isinstance(found, list):
        raise error(f"expected a list of spans; received {shorten(found)}")
    spans = [_span(item, text, error, remarks) for item in found]
    return AnnotatedText(text, spans, partial, remarks)


def text_of(record: dict[str, Any], key: str | None, error: _Error) -> str:
    """The text of an object; the arguments are those of `annotated_text`."""
    holder = record
    if (key or "text") not in record and isinstance(record.get("data"), dict):
        holder = record["data"]
    if key is None and "text" not in holder:
        strings = [name for name, value in holder.items() if isinstance(value, str)]
        key = strings[0] if len(strings) == 1 else None
    key = key or "text"
    text = holder.get(key)
    if not isinstance(text, str):
        known = ", ".join(map(repr, holder)) or "none"
        raise error(f"expected a text as {key!r}; received {shorten(text)}; the keys are {known}")
    return text


def _of_annotators(record: dict[str, Any], error: _Error, remarks: list[str]) -> list[Any] | None:
    """The values of the regions that the first annotator of Label Studio marked."""
    answers = record.get("annotations", record.get("completions"))
    if not isinstance(answers or [], list) or not all(isinstance(a, dict) for a in answers or []):
        raise error(f"expected a list of objects as 'annotations'; received {shorten(answers)}")
    answers = [answer for answer in answers or [] if not answer.get("was_cancelled")]
    if not answers:
        return None
    if len(answers) > 1:
        remarks.append("annotated more than once; the first annotation is taken")
    regions = answers[0].get("result")
    if not isinstance(regions, list) or not all(isinstance(region, dict) for region in regions):
        raise error(f"expected a list of objects as 'result'; received {shorten(regions)}")
    values = [region.get("value") for region in regions]
    return [value for value in values if isinstance(value, dict) and "labels" in value]


def _span(item: Any, text: str, error: _Error, remarks: list[str]) -> AnnotatedSpan:
    start: Any
    end: Any
    if isinstance(item, dict):
        start, end = (item.get(side, item.get(f"{side}_offset")) for side in ("start", "end"))
        labels = item.get("labels", item.get("label"))
    elif isinstance(item, list) and len(item) == 3:
        start, end, labels = item
    else:
        raise error(f"expected a span: start, end and label; received {shorten(item)}")
    labels = labels if isinstance(labels, list) else [labels]
    if not labels or not all(isinstance(label, str) and label.strip() for label in labels):
        raise error(f"expected a label of the span; received {shorten(item)}")
    if not (_is_whole(start) and _is_whole(end)):
        raise error(f"expected start and end of the span, in characters; received {shorten(item)}")
    inside = item.get("text") if isinstance(item, dict) else None
    if isinstance(inside, str) and not _alike(text[start:end], inside):
        units = text.encode("utf-16-le", "surrogatepass")[2 * start : 2 * end]
        if not _alike(units.decode("utf-16-le", "replace"), inside):
            raise error(
                f"expected {shorten(inside)} at the characters {start} to {end}, as the span has "
                f"it; received {shorten(text[start:end])}"
            )
        start, end = (_characters(text, place) for place in (start, end))
        remarks.append("offsets count UTF-16 units, as JavaScript does; converted")
    if not 0 <= start < end <= len(text):
        raise error(
            f"expected a span within the {len(text)} characters of the text; received {start} to "
            f"{end}"
        )
    return AnnotatedSpan(start, end, tuple(dict.fromkeys(labels)))


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _alike(a: str, b: str) -> bool:
    return a.split() == b.split()


def _characters(text: str, units: int) -> int:
    """How many characters the first UTF-16 units are."""
    head = text.encode("utf-16-le", "surrogatepass")[: 2 * units]
    return len(head.decode("utf-16-le", "surrogatepass"))
