"""The page on induced constituents: trees over their words."""

from collections.abc import Mapping, Sequence
from typing import Any

from tfp_dgm.induction.constituent_scores import Spans
from tfp_dgm.induction.page import examples, render_page, shown

# Of a drawing, in pixels; letters of a fixed width.
_LETTER, _GAP, _LINE = 8, 14, 18
_RISE = 22


def render_constituents(
    title: str,
    words: Sequence[Sequence[str]],
    spans: Sequence[Spans],
    gold: Sequence[Spans] | None,
    numbers: Mapping[str, Any],
    curves: Mapping[int, Sequence[float]],
    *,
    best: int,
) -> str:
    """Writes the page: figures, sentences with their trees, the likelihood.

    Args:
      title, numbers, curves, best: see `render_page`.
      words: of sentences.
      spans: the first and the last word of each phrase of two words or more.
      gold: those of a treebank.
    Returns:
      HTML, to be written as UTF-8.
    """
    drawings = [
        _drawing(words[i], spans[i], None if gold is None else gold[i]) for i in examples(words)
    ]
    return render_page(
        "constituent_page.html.jinja",
        title,
        numbers,
        curves,
        best,
        drawings=drawings,
        compared=gold is not None,
    )


def _drawing(words: Sequence[str], spans: Spans, gold: Spans | None) -> dict[str, Any]:
    """Where everything of a sentence stands."""
    labels = [shown(word) for word in words]
    centres, x = [], 0
    for word in labels:
        width = len(word) * _LETTER + _GAP
        centres.append(x + width // 2)
        x += width
    # From the smallest on, each phrase stands above what it holds.
    tops = {(place, place): (centre, 0) for place, centre in enumerate(centres)}
    uncovered = dict(tops)  # What no phrase holds yet.
    lines: list[dict[str, Any]] = []
    for first, last in sorted(spans, key=lambda span: (span[1] - span[0], span)):
        below = [span for span in uncovered if first <= span[0] and span[1] <= last]
        points = [uncovered.pop(span) for span in below]
        top = (sum(point[0] for point in points) // len(points), 1 + max(y for _, y in points))
        uncovered[first, last] = top
        right = gold is None or (first, last) in gold
        lines += [{"top": top, "end": point, "right": right} for point in points]
    height = (1 + max(level for _, level in uncovered.values())) * _RISE if uncovered else _RISE
    return {
        "width": x,
        "height": height + _LINE + 4,
        "lines": [
            {
                "points": (*_placed(line["top"], height), *_placed(line["end"], height)),
                "right": line["right"],
            }
            for line in lines
        ],
        "words": [
            {"x": centre, "word": word} for centre, word in zip(centres, labels, strict=True)
        ],
        "line": height + _LINE,
    }


def _placed(point: tuple[int, int], height: int) -> tuple[int, int]:
    return point[0], height - point[1] * _RISE
