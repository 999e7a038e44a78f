"""Spans under a chain of tags: which there are, and the exact probability of each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

OUTSIDE = "O"
_PARTS = "BIES"


class FoundSpan(NamedTuple):
    """A span of the best path.

    Attributes:
      first, last: its words, counted from 0; `last` is one of them.
      name: its type.
      probability: of just this span.
    """

    first: int
    last: int
    name: str
    probability: float


def span_states(labels: Sequence[str]) -> dict[str, tuple[int, int, int, int]]:
    """The states B, I, E and S of each type of span; empty where labels are no such ones."""
    number = {label: place for place, label in enumerate(labels)}
    names = [label[2:] for label in labels if label.startswith("B-")]
    found = {name: tuple(number.get(f"{part}-{name}", -1) for part in _PARTS) for name in names}
    whole = len(labels) == 1 + len(_PARTS) * len(names) and OUTSIDE in number
    if not whole or any(-1 in states for states in found.values()):
        return {}
    return found  # type: ignore[return-value]


# p(z_t+1 = b | z_t = a) of (t, a, b).
MoveProbability = Callable[[int, int, int], float]


def path_probability(
    marginals: np.ndarray, move: MoveProbability, span: FoundSpan, states: tuple[int, int, int, int]
) -> float:
    """Of one span, from the marginals of states [T, K]."""
    begin, inside, end, single = states
    if span.first == span.last:
        return float(marginals[span.first, single])
    probability, state = float(marginals[span.first, begin]), begin
    for place in range(span.first, span.last):
        to = end if place + 1 == span.last else inside
        # What rounding has made of a probability near 0 is no more than 1.
        probability *= min(move(place, state, to), 1.0)
        state = to
    return probability


def found_spans(
    marginals: np.ndarray, move: MoveProbability, path: np.ndarray, labels: Sequence[str]
) -> tuple[FoundSpan, ...]:
    """The spans of a sentence's path [T], with their probabilities; see `path_probability`."""
    states = span_states(labels)
    spans = []
    for first, last, name in spans_of_path(path, labels):
        span = FoundSpan(first, last, name, 0.0)
        probability = path_probability(marginals, move, span, states[name])
        spans.append(span._replace(probability=probability))
    return tuple(spans)


def spans_of_path(path: np.ndarray, labels: Sequence[str]) -> list[tuple[int, int, str]]:
    """(first, last, type) of each span of a legal path [T]; none where labels are no spans'."""
    found, first = [], 0
    if span_states(labels):
        for place, state in enumerate(path):
            part, _, name = labels[state].partition("-")
            if part in ("B", "S"):
                first = place
            if part in ("E", "S"):
                found.append((first, place, name))
    return found
