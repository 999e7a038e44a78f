"""What chains answer of sentences: tags, probabilities, spans."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from tfp_dgm.distributions import LinearChain
from tfp_dgm.tagging.chain_fitting import Legal
from tfp_dgm.tagging.span_marginals import FoundSpan, found_spans, span_states

_WORDS_AT_ONCE = 4096


@dataclass(frozen=True)
class SentenceAnswer:
    """What a chain answers of a sentence.

    Attributes:
      marginals: float32 [T, K].
      mode: int32 [T]; the states of the best path, which is always a legal one.
      spans: of the best path; empty where the tags are no spans.
    """

    marginals: np.ndarray
    mode: np.ndarray
    spans: tuple[FoundSpan, ...]


def legal_chain(
    unary: np.ndarray, transitions: np.ndarray, lengths: np.ndarray, legal: Legal
) -> LinearChain:
    """A chain whose potentials [B, T, K], [K, K] are -inf where something is illegal."""
    initial, moves, final = legal
    unary = unary.copy()
    rows = np.arange(len(unary))
    unary[rows, lengths - 1] = np.where(final, unary[rows, lengths - 1], -np.inf)
    return LinearChain(
        unary,
        np.where(moves, transitions, -np.inf).astype(np.float32),
        np.where(initial, 0, -np.inf).astype(np.float32),
        lengths=lengths,
    )


def answer_of_chain(chain: LinearChain, labels: Sequence[str]) -> list[SentenceAnswer]:
    """The answers of a batch, outside graphs."""
    marginals = chain.marginals()
    unary, mode = marginals.unary.numpy(), chain.mode().numpy()
    moves = marginals.transitions.numpy() if span_states(labels) else np.zeros(len(unary))
    return [
        SentenceAnswer(
            unary[row, :length],
            mode[row, :length],
            found_spans(unary[row], moves[row], mode[row, :length], labels),
        )
        for row, length in enumerate(chain.lengths.numpy())
    ]


def answers_of_potentials(
    unary: Sequence[np.ndarray],
    transitions: np.ndarray,
    legal: Legal,
    labels: Sequence[str],
) -> list[SentenceAnswer]:
    """The answers of sentences whose potentials are [T, K] each, in their order."""
    found: list[SentenceAnswer] = [None] * len(unary)  # type: ignore[list-item]
    for rows in batches_by_length([len(potential) for potential in unary]):
        lengths = np.array([len(unary[row]) for row in rows])
        padded = np.zeros((len(rows), lengths.max(), len(labels)), np.float32)
        for place, row in enumerate(rows):
            padded[place, : lengths[place]] = unary[row]
        chain = legal_chain(padded, transitions, lengths, legal)
        for row, answer in zip(rows, answer_of_chain(chain, labels), strict=True):
            found[row] = answer
    return found


def batches_by_length(lengths: Sequence[int]) -> Iterator[np.ndarray]:
    """Numbers of sentences, the shortest first, some thousand words at a time."""
    order = np.argsort(lengths, kind="stable")
    start = 0
    while start < len(order):
        end = start + 1
        while end < len(order) and (end + 1 - start) * lengths[order[end]] <= _WORDS_AT_ONCE:
            end += 1
        yield order[start:end]
        start = end
