"""The sentences that a report shows: to be annotated next, and those whose tags look wrong."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from tfp_dgm.pages import excerpt
from tfp_dgm.tagging.tag_outcome import TagOutcome

_DOUBTFUL = 0.3  # The probability of being wrong from which on a word is marked.
_MOST_SUSPECTS = 50
_AROUND = 8  # Words that are shown on each side of a suspect.
_MOST_WORDS = 80


class ShownWord(NamedTuple):
    """A word, its tag, the runner-up and how probable they are; whether it is marked."""

    word: str
    tag: str
    probability: float
    second: str
    second_probability: float
    marked: bool


class ShownSentence(NamedTuple):
    """A sentence to be annotated: where it stands, and its words."""

    place: str
    words: list[ShownWord]
    cut: bool


class ShownSuspect(NamedTuple):
    """Neighbouring words whose given tags look wrong."""

    place: str
    before: str
    words: str
    after: str
    given: str
    predicted: str
    probability: float
    given_probability: float


def shown_next(outcome: TagOutcome, place: Callable[[int, int], str]) -> list[ShownSentence]:
    """The sentences that are most worth annotating, their doubtful words marked.

    Args:
      outcome: the tagged sentences.
      place: where a word of a sentence stands in the source.
    """
    found = []
    for number in outcome.next_sentences:
        start = outcome.starts[number]
        words = []
        for offset, word in enumerate(outcome.tokens[number][:_MOST_WORDS]):
            row = start + offset
            probabilities = outcome.probabilities[row]
            best = outcome.predicted[row]
            others = np.where(np.arange(len(probabilities)) == best, -1, probabilities)
            second = int(others.argmax())
            words.append(
                ShownWord(
                    excerpt(word, 40),
                    outcome.space.tags[best],
                    float(probabilities[best]),
                    outcome.space.tags[second],
                    float(probabilities[second]),
                    bool(outcome.observed[row] < 0 and 1 - probabilities[best] >= _DOUBTFUL),
                )
            )
        cut = len(outcome.tokens[number]) > _MOST_WORDS
        found.append(ShownSentence(place(number, 0), words, cut))
    return found


def shown_suspects(outcome: TagOutcome, place: Callable[[int, int], str]) -> list[ShownSuspect]:
    """Given tags that look wrong, neighbours together, the most surprising first."""
    rows = np.flatnonzero(outcome.suspects)
    sentences = outcome.sentences[rows]
    joined = (np.diff(rows) == 1) & (np.diff(sentences) == 0)
    runs = np.split(rows, np.flatnonzero(~joined) + 1) if len(rows) else []
    runs.sort(key=lambda run: float(outcome.given_probability[run].min()))
    found = []
    for run in runs[:_MOST_SUSPECTS]:
        number = int(outcome.sentences[run[0]])
        first, last = run[0] - outcome.starts[number], run[-1] - outcome.starts[number]
        words = outcome.tokens[number]
        best = outcome.probabilities[run].argmax(axis=1)
        found.append(
            ShownSuspect(
                place(number, int(first)),
                " ".join(words[max(first - _AROUND, 0) : first]),
                " ".join(words[first : last + 1]),
                " ".join(words[last + 1 : last + 1 + _AROUND]),
                " ".join(outcome.space.tags[k] for k in outcome.observed[run]),
                " ".join(outcome.space.tags[k] for k in best),
                float(outcome.probabilities[run].max(axis=1).min()),
                float(outcome.given_probability[run].min()),
            )
        )
    return found
