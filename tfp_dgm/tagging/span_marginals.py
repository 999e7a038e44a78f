"""Spans under a chain of tags: which there are, and the exact probability of each."""

from __future__ import annotations

from collections.abc import Sequence
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
        found.append(
            np.array(
                [
                    path_probability(unary[row], moves[row], span, states[span.name])
                    for span in of_row
                ],
                np.float64,
            )
        )
    return found


def path_probability(
    unary: np.ndarray, moves: np.ndarray, span: AnySpan, states: tuple[int, int, int, int]
) -> float:
    """Of one span: marginals of states [T, K] and of moves [T - 1, K, K]."""
    begin, inside, end, single = states
    if span.first == span.last:
        return float(unary[span.first, single])
    probability = float(moves[span.first, begin, inside if span.last > span.first + 1 else end])
    for place in range(span.first + 1, span.last):
        to = inside if place + 1 < span.last else end
        here = float(unary[place, inside])
        # What rounding has made of a probability near 0 is no more than 1.
        probability *= min(float(moves[place, inside, to]) / here, 1.0) if here > 0 else 0.0
    return probability


def found_spans(
    unary: np.ndarray, moves: np.ndarray, mode: np.ndarray, labels: Sequence[str]
) -> tuple[FoundSpan, ...]:
    """The spans of a row's best path [T], of its marginals [T, K] and [T - 1, K, K]."""
    states = span_states(labels)
    spans, first = [], 0
    for place, state in enumerate(mode):
        part, _, name = labels[state].partition("-")
        if not states or part not in ("E", "S"):
            first = place if part == "B" else first
            continue
        first = place if part == "S" else first
        bare = FoundSpan(first, place, name, 0.0, None, 0.0)
        of_types = {
            other: path_probability(unary, moves, bare, path) for other, path in states.items()
        }
        probability = of_types.pop(name)
        other = max(of_types, key=of_types.__getitem__, default=None)
        spans.append(
            bare._replace(
                probability=probability,
                runner_up=other,
                runner_up_probability=0.0 if other is None else of_types[other],
            )
        )
    return tuple(spans)
