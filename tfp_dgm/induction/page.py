"""What the pages on induced structures share: HTML files that need nothing else."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tfp_dgm.pages import page_templates

_SENTENCES = 40
_LONGEST_SHOWN = 40  # Words of a sentence.
_CHARACTERS = 60  # Of a word.
# Of the curve's drawing.
_WIDTH, _HEIGHT = 600, 180


def render_page(
    template: str,
    title: str,
    numbers: Mapping[str, Any],
    curves: Mapping[int, Sequence[float]],
    best: int,
    **parts: Any,
) -> str:
    """Writes a page of a template that extends page.html.jinja.

    It runs no script and loads nothing; words are shown as they are, whatever they contain.

    Args:
      template: the file beside this one.
      title: heading of the page.
      numbers: what metrics.json holds.
      curves: start -> log-likelihood after each iteration.
      best: the start that was kept.
      **parts: what the template shows besides.
    Returns:
      HTML, to be written as UTF-8.
    """
    environment = page_templates(Path(__file__).parent)
    environment.filters.update(shown=shown, number=_number)
    return environment.get_template(template).render(
        title=title,
        numbers=numbers,
        curve=_curve(curves[best]),
        width=_WIDTH,
        height=_HEIGHT,
        ends=(curves[best][0], curves[best][-1]),
        starts=len(curves),
        **parts,
    )


def examples(words: Sequence[Sequence[str]]) -> list[int]:
    """The first sentences that fit on the page, none of them empty."""
    return [i for i, row in enumerate(words) if 0 < len(row) <= _LONGEST_SHOWN][:_SENTENCES]


def shown(word: str) -> str:
    """At most some characters, all of which HTML and UTF-8 can hold."""
    head = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in word)
    return head if len(head) <= _CHARACTERS else head[:_CHARACTERS] + "\N{HORIZONTAL ELLIPSIS}"


def _curve(values: Sequence[float]) -> str:
    """The points of a polyline, the likeliest at the top."""
    x = np.linspace(0, _WIDTH, len(values))
    low, high = min(values), max(values)
    y = _HEIGHT * (1 - (np.asarray(values) - low) / ((high - low) or 1.0))
    return " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(x, y, strict=True))


def _number(value: float) -> str:
    return f"{value:,.3f}" if isinstance(value, float) else f"{value:,}"
