"""Spans of characters as tags of words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from tfp_dgm.data.tag_scheme import OUTSIDE
from tfp_dgm.data.tagged_files.annotated_spans import AnnotatedSpan
from tfp_dgm.data.tagged_files.raw_sentences import Cell

# That of the tags of spans of characters; it says of each span where it ends.
SPAN_SCHEME = "BIOES"


class SpanCells(NamedTuple):
    """What spans say of T words.

    Attributes:
      cells: T of them.
      remarks: what was left out or changed, each the same words for the same reason.
    """

    cells: list[Cell]
    remarks: list[str]


def cells_of_spans(
    text: str,
    words: Sequence[tuple[int, int]],
    spans: Sequence[AnnotatedSpan] | None,
    *,
    partial: bool,
) -> SpanCells:
    """Turns the spans of a text into tags of its words, in BIOES.

    Args:
      text: the text.
      words: begin and end of each, in order.
      spans: within the text, in any order; None where it is not annotated.
      partial: whether there may be other spans than these.
    """
    unknown = spans is None or partial
    cells: list[Cell] = ["" if unknown else OUTSIDE] * len(words)
    remarks: list[str] = []
    labels: dict[tuple[int, int], tuple[str, ...]] = {}
    for span in spans or ():
        if extent := _words_within(text, words, span, remarks):
            labels[extent] = tuple(dict.fromkeys(labels.get(extent, ()) + span.labels))
    taken: set[int] = set()
    # The longest first, and of equals the first.
    for first, last in sorted(labels, key=lambda extent: (extent[0] - extent[1], extent)):
        places = range(first, last + 1)
        if taken.intersection(places):
            remarks.append("a span that overlaps a longer one; left out")
            continue
        taken.update(places)
        for place in places:
            role = "BE" if first < last else "SS"
            letter = role[0] if place == first else role[1] if place == last else "I"
            cells[place] = tuple(
                OUTSIDE if label == OUTSIDE else f"{letter}-{label}"
                for label in labels[first, last]
            )
    return SpanCells(cells, remarks)


def _words_within(
    text: str, words: Sequence[tuple[int, int]], span: AnnotatedSpan, remarks: list[str]
) -> tuple[int, int] | None:
    """The first and the last word of a span; None where it holds none."""
    inside = text[span.start : span.end]
    if inside != inside.strip():
        remarks.append("a span with blanks at its ends; trimmed")
    places = [i for i, (begin, end) in enumerate(words) if begin < span.end and end > span.start]
    if not places:
        remarks.append("a span of blanks alone; left out")
        return None
    first, last = places[0], places[-1]
    if words[first][0] < span.start or words[last][1] > span.end:
        remarks.append("a span that begins or ends within a word; widened to all of it")
    return first, last
