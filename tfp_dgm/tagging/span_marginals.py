"""Spans under a chain of tags: which there are, and the exact probability of each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

import numpy as np

from tfp_dgm.distributions import LinearChain

OUTSIDE = "O"
_PARTS = "BIES"


class AnySpan(Protocol):
    """Words `first` to `last` of a sentence, counted from 0, which are a `name`."""

    @property
    def first(self) -> int: ...

    @property
    def last(self) -> int: ...

    @property
    def name(self) -> str: ...


class FoundSpan(NamedTuple):
    """A span of the best path.

    Attributes:
      first, last: its words, counted from 0; `last` is one of them.
      name: its type.
      probability: of just this span.
      runner_up: another type for the same words, the most probable one; None where there is none.
      runner_up_probability: of that.
    """

    first: int
    last: int
    name: str
    probability: float
    runner_up: str | None
    runner_up_probability: float


def span_states(labels: Sequence[str]) -> dict[str, tuple[int, int, int, int]]:
    """The states B, I, E and S of each type of span; empty where labels are no such ones."""
    number = {label: place for place, label in enumerate(labels)}
    names = [label[2:] for label in labels if label.startswith("B-")]
    found = {name: tuple(number.get(f"{part}-{name}", -1) for part in _PARTS) for name in names}
    whole = len(labels) == 1 + len(_PARTS) * len(names) and OUTSIDE in number
    if not whole or any(-1 in states for states in found.values()):
        return {}
    return found  # type: ignore[return-value]


def span_probabilities(
    chain: LinearChain, spans: Sequence[Sequence[AnySpan]], labels: Sequence[str]
) -> list[np.ndarray]:
    """The probabilities that spans are spans of the chain's path, with just these ends and names.

    That of the path B I .. I E, or S, of the words of a span:

        p(z_i = B) prod_t p(z_t+1 | z_t)

    Args:
      chain: batch shape [B].
      spans: of each row; their words are below its length.
      labels: K; "O", and "B-", "I-", "E-" and "S-" of each type.
    Returns:
      B arrays, float64.
    Raises:
      ValueError: if labels are no such ones, or a span is of no type or beyond its row.
    """
    states = span_states(labels)
    if not states:
        raise ValueError(f"labels: expected O, and B-, I-, E-, S- of types; received {labels}")
    marginals = chain.marginals()
    unary, moves = marginals.unary.numpy(), marginals.transitions.numpy()
    lengths = chain.lengths.numpy()
    found = []
    for row, of_row in enumerate(spans):
        for span in of_row:
            if span.name not in states or not 0 <= span.first <= span.last < lengths[row]:
                raise ValueError(
                    f"spans: expected types of {list(states)} in {lengths[row]} words; received "
                    f"{span.name!r}, {span.first} to {span.last}, in row {row}"
                )
        move = _of_pairs(unary[row], moves[row])
        probabilities = [
            path_probability(unary[row], move, span, states[span.name]) for span in of_row
        ]
        found.append(np.array(probabilities, np.float64))
    return found


# p(z_t+1 = b | z_t = a) of (t, a, b).
MoveProbability = Callable[[int, int, int], float]


def _of_pairs(unary: np.ndarray, moves: np.ndarray) -> MoveProbability:
    """From marginals of states [T, K] and of moves [T - 1, K, K]."""

    def move(place: int, before: int, after: int) -> float:
        here = float(unary[place, before])
        return float(moves[place, before, after]) / here if here > 0 else 0.0

    return move


def path_probability(
    marginals: np.ndarray, move: MoveProbability, span: AnySpan, states: tuple[int, int, int, int]
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
        bare = FoundSpan(first, last, name, 0.0, None, 0.0)
        of_types = {
            other: path_probability(marginals, move, bare, of_other)
            for other, of_other in states.items()
        }
        probability = of_types.pop(name)
        runner_up = max(of_types, key=of_types.__getitem__, default=None)
        spans.append(
            bare._replace(
                probability=probability,
                runner_up=runner_up,
                runner_up_probability=0.0 if runner_up is None else of_types[runner_up],
            )
        )
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
