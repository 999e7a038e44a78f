"""The page on induced tags."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tfp_dgm.induction.page import examples, render_page

_WORDS_OF_A_TAG = 15
_COLOURS = 12


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
    return render_page(
        "report.html.jinja",
        title,
        numbers,
        curves,
        best,
        tags=_words_of_tags(words, tags, names),
        sentences=_examples(words, tags, names),
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
    return [
        [
            {"word": word, "tag": names[state], "colour": int(state) % _COLOURS}
            for word, state in zip(words[i], tags[i], strict=True)
        ]
        for i in examples(words)
    ]
