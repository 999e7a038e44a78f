"""The page on induced dependencies: trees as arcs over their words."""

from collections.abc import Mapping, Sequence
from typing import Any

from tfp_dgm.induction.page import examples, render_page, shown

# Of a drawing, in pixels; letters of a fixed width.
_LETTER, _GAP, _LINE = 8, 18, 18
_RISE, _ARROW = 16, 4


def render_dependencies(
    title: str,
    words: Sequence[Sequence[str]],
    symbols: Sequence[Sequence[str]],
    heads: Sequence[Sequence[int]],
    gold: Sequence[Sequence[int]] | None,
    numbers: Mapping[str, Any],
    curves: Mapping[int, Sequence[float]],
    *,
    best: int,
) -> str:
    """Writes the page: figures, sentences with their trees, the likelihood.

    Args:
      title, numbers, curves, best: see `render_page`.
      words: of sentences.
      symbols: of each word, what the parser read.
      heads: of each word, 1 .. T; 0 for the root.
      gold: those of a treebank.
    Returns:
      HTML, to be written as UTF-8.
    """
    drawings = [
        _drawing(words[i], symbols[i], heads[i], None if gold is None else gold[i])
        for i in examples(words)
    ]
    return render_page(
        "dependency_page.html.jinja",
        title,
        numbers,
        curves,
        best,
        drawings=drawings,
        compared=gold is not None,
    )


def _drawing(
    words: Sequence[str],
    symbols: Sequence[str],
    heads: Sequence[int],
    gold: Sequence[int] | None,
) -> dict[str, Any]:
    """Where everything of a sentence stands."""
    labels = [
        (shown(word), "" if symbol == word else shown(symbol))
        for word, symbol in zip(words, symbols, strict=True)
    ]
    centres, x = [], 0
    for word, symbol in labels:
        width = max(len(word), len(symbol)) * _LETTER + _GAP
        centres.append(x + width // 2)
        x += width
    levels = _levels(heads)
    base = (max(levels, default=0) + 1) * _RISE
    arcs = []
    for place, head in enumerate(heads):
        end = centres[place]
        if head == 0:
            path = f"M{end} 0V{base}"
        else:
            # A head's arcs leave it a little on their side, past those that arrive.
            start = centres[head - 1] + (_ARROW if head - 1 < place else -_ARROW)
            top = base - levels[place] * _RISE
            path = f"M{start} {base}C{start} {top} {end} {top} {end} {base}"
        arrow = f"{end - _ARROW},{base - 6} {end + _ARROW},{base - 6} {end},{base}"
        right = gold is None or gold[place] == head
        arcs.append({"path": path, "arrow": arrow, "right": right})
    return {
        "width": x,
        "height": base + 2 * _LINE + 4,
        "arcs": arcs,
        "words": [
            {"x": centre, "word": word, "symbol": symbol}
            for centre, (word, symbol) in zip(centres, labels, strict=True)
        ],
        "lines": (base + _LINE, base + 2 * _LINE),
    }


def _levels(heads: Sequence[int]) -> list[int]:
    """Of each word's arc, one above all that it spans; 0 of the root's."""
    arcs = sorted(
        (abs(head - word), min(head, word), max(head, word), word)
        for word, head in enumerate(heads, start=1)
        if head
    )
    levels = [0] * len(heads)
    placed: list[tuple[int, int, int]] = []
    for _, first, last, word in arcs:
        under = [level for low, high, level in placed if first <= low and high <= last]
        levels[word - 1] = 1 + max(under, default=0)
        placed.append((first, last, levels[word - 1]))
    return levels
