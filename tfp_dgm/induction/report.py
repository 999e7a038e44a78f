"""The page on what was induced: one HTML file that needs nothing else."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from numpy.typing import NDArray

_TEMPLATE = "report.html.jinja"
_WORDS_OF_A_TAG = 15
_SENTENCES = 40
_LONGEST_SHOWN = 40  # Words of a sentence.
_CHARACTERS = 60  # Of a word.
_COLOURS = 12
# Of the curve's drawing.
_WIDTH, _HEIGHT = 600, 180


def render_report(
    title: str,
    words: Sequence[Sequence[str]],
    tags: Sequence[Sequence[int] | NDArray[np.int32]],
    names: Sequence[str],
    numbers: Mapping[str, Any],
    curves: Mapping[int, Sequence[float]],
    *,
    best: int,
) -> str:
    """Writes the page: figures, the words of each tag, sentences with their tags, the likelihood.

    It runs no script and loads nothing; words are shown as they are, whatever they contain.

    Args:
      title: heading of the page.
      words: of sentences.
      tags: of sentences, the number of each word's tag.
      names: of tags, K of them.
      numbers: what metrics.json holds.
      curves: start -> log-likelihood after each iteration.
      best: the start that was kept.
    Returns:
      HTML, to be written as UTF-8.
    """
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(shown=_shown, number=_number)
    return environment.get_template(_TEMPLATE).render(
        title=title,
        numbers=numbers,
        tags=_words_of_tags(words, tags, names),
        sentences=_examples(words, tags, names),
        curve=_curve(curves[best]),
        width=_WIDTH,
        height=_HEIGHT,
        ends=(curves[best][0], curves[best][-1]),
        starts=len(curves),
    )


def _words_of_tags(
    words: Sequence[Sequence[str]],
    tags: Sequence[Sequence[int] | NDArray[np.int32]],
    names: Sequence[str],
) -> list[dict[str, Any]]:
    """Of each tag that is used, the commonest first: its commonest words."""
    counts: dict[int, Counter[str]] = {}
    for sentence, states in zip(words, tags, strict=True):
        for word, state in zip(sentence, states, strict=True):
            counts.setdefault(int(state), Counter())[word] += 1
    order = sorted(counts, key=lambda state: -counts[state].total())
    total = sum(found.total() for found in counts.values())
    return [
        {
            "name": names[state],
            "colour": state % _COLOURS,
            "count": counts[state].total(),
            "share": counts[state].total() / total,
            "words": counts[state].most_common(_WORDS_OF_A_TAG),
        }
        for state in order
    ]


def _examples(
    words: Sequence[Sequence[str]],
    tags: Sequence[Sequence[int] | NDArray[np.int32]],
    names: Sequence[str],
) -> list[list[dict[str, Any]]]:
    """Sentences of the beginning that fit on the page."""
    short = [i for i, sentence in enumerate(words) if len(sentence) <= _LONGEST_SHOWN]
    return [
        [
            {"word": word, "tag": names[state], "colour": int(state) % _COLOURS}
            for word, state in zip(words[i], tags[i], strict=True)
        ]
        for i in short[:_SENTENCES]
    ]


def _curve(values: Sequence[float]) -> str:
    """The points of a polyline, the likeliest at the top."""
    x = np.linspace(0, _WIDTH, len(values))
    low, high = min(values), max(values)
    y = _HEIGHT * (1 - (np.asarray(values) - low) / ((high - low) or 1.0))
    return " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(x, y, strict=True))


def _shown(word: str) -> str:
    """At most some characters, all of which HTML and UTF-8 can hold."""
    head = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in word)
    return head if len(head) <= _CHARACTERS else head[:_CHARACTERS] + "\N{HORIZONTAL ELLIPSIS}"


def _number(value: float) -> str:
    return f"{value:,.3f}" if isinstance(value, float) else f"{value:,}"
