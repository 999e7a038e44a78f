"""Spans as tools for annotation import them: Label Studio, Doccano, Prodigy."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from tfp_dgm.data.data_error import DataError
from tfp_dgm.data.tagged_files.annotated_spans import SPAN_KEYS
from tfp_dgm.data.tagged_files.raw_sentences import RawSentence
from tfp_dgm.data.tagged_files.tag_results import SentenceResult

LABEL_STUDIO, DOCCANO, PRODIGY = TOOLS = ("label-studio", "doccano", "prodigy")
_MODEL = "dgm tag"


class RegionNames(NamedTuple):
    """What Label Studio's labelling configuration calls the labels, and the text that they mark.

    The defaults are those of its template for named entities.
    """

    labels: str = "label"
    text: str = "text"


def check_tool(tool: str | None) -> None:
    """Refuses a tool that is not known.

    Raises:
      DataError: names those that are.
    """
    if tool is not None and tool not in TOOLS:
        raise DataError(f"tool: expected one of {', '.join(TOOLS)}; received {tool!r}")


def region_names(records: Iterable[dict[str, Any]]) -> RegionNames:
    """Those of the first region that somebody marked in tasks of Label Studio."""
    for record in records:
        for answer in _objects(record.get("annotations", record.get("completions"))):
            for region in _objects(answer.get("result")):
                labels, text = region.get("from_name"), region.get("to_name")
                named = isinstance(labels, str) and isinstance(text, str)
                if named and region.get("type") == "labels":
                    return RegionNames(str(labels), str(text))
    return RegionNames()


def _objects(values: Any) -> list[dict[str, Any]]:
    """The objects of a list; annotations that are not read may be anything."""
    found = values if isinstance(values, list) else []
    return [value for value in found if isinstance(value, dict)]


def tool_values(
    tool: str,
    record: dict[str, Any],
    sentence: RawSentence,
    result: SentenceResult,
    names: RegionNames,
) -> dict[str, Any]:
    """What an object needs for a tool to import it with the spans of a result.

    Label Studio gets one more of its `predictions`. In Doccano and Prodigy what is imported is an
    annotation: spans that somebody gave stay as they are.

    Args:
      tool: one of `TOOLS`.
      record: the object.
      sentence: its words.
      result: what a model says of them.
      names: of Label Studio.
    Returns:
      values of keys, which are new or stand for those that the object has.
    """
    text, words = sentence.text or "", sentence.offsets or []
    if tool == LABEL_STUDIO:
        there = record.get("predictions")
        earlier = there if isinstance(there, list) else []
        found: dict[str, Any] = {"predictions": [*earlier, _prediction(text, words, result, names)]}
        return found if isinstance(record.get("data"), dict) else {"data": {"text": text}, **found}
    if any(isinstance(record.get(key), list) for key in SPAN_KEYS):
        return {}
    if tool == DOCCANO:
        key = next((key for key in ("label", "labels", "entities") if key in record), "label")
        return {key: [[*_extent(words, span.first, span.last), span.name] for span in result.spans]}
    spans = []
    for span in result.spans:
        start, end = _extent(words, span.first, span.last)
        place = {"start": start, "end": end, "token_start": span.first, "token_end": span.last}
        spans.append({**place, "label": span.name})
    if record.get("tokens") is not None:
        return {"spans": spans}
    ends = [begin for begin, _ in words[1:]] + [len(text)]
    tokens = [
        {"text": text[begin:end], "start": begin, "end": end, "id": number, "ws": end < after}
        for number, ((begin, end), after) in enumerate(zip(words, ends, strict=False))
    ]
    return {"spans": spans, "tokens": tokens}


def _prediction(
    text: str, words: Sequence[tuple[int, int]], result: SentenceResult, names: RegionNames
) -> dict[str, Any]:
    """Of Label Studio. Its score is the least probability; tasks with a low one may come first."""
    regions = []
    for span in result.spans:
        start, end = _extent(words, span.first, span.last)
        units = [len(text[:place].encode("utf-16-le")) // 2 for place in (start, end)]
        value = {"start": units[0], "end": units[1], "text": text[start:end], "labels": [span.name]}
        regions.append(
            {
                "id": f"words-{span.first}-{span.last}",
                "from_name": names.labels,
                "to_name": names.text,
                "type": "labels",
                "value": value,
                "score": round(span.probability, 4),
            }
        )
    least = min([*result.probabilities, *(span.probability for span in result.spans)], default=1.0)
    return {"model_version": _MODEL, "score": round(float(least), 4), "result": regions}


def _extent(words: Sequence[tuple[int, int]], first: int, last: int) -> tuple[int, int]:
    """The characters of words `first` to `last`."""
    return words[first][0], words[last][1]
