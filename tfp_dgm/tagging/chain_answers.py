"""What chains answer of sentences: tags, probabilities, spans."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from tfp_dgm.tagging.chain_fitting import Legal, legal_words
from tfp_dgm.tagging.packed_chains import ChainSums, PackedSentences, best_paths, chain_sums
from tfp_dgm.tagging.span_marginals import (
    OUTSIDE,
    FoundSpan,
    MoveProbability,
    found_spans,
    span_states,
)

_WORDS_AT_ONCE = 16_384
_ENCODED_AT_ONCE = 2048  # Whose states a core's cache holds.
_POTENTIALS_AT_ONCE = 500_000


@dataclass(frozen=True)
class SentenceAnswer:
    """What a chain answers of a sentence.

    Attributes:
      marginals: float32 [T, K].
      mode: int32 [T]; the states of the best path, which is always a legal one. Where tags are
        spans, the best one for finding spans; see `span_search.outside_penalty`.
      spans: of this path; empty where the tags are no spans.
    """

    marginals: np.ndarray
    mode: np.ndarray
    spans: tuple[FoundSpan, ...]


def answers_of_potentials(
    unary: Sequence[np.ndarray],
    transitions: np.ndarray,
    legal: Legal,
    labels: Sequence[str],
    outside_penalty: float = 0.0,
) -> list[SentenceAnswer]:
    """The answers of sentences whose potentials are [T, K] each, in their order.

    Args:
      unary: S arrays [T, K], without what is illegal.
      transitions: [K, K], likewise.
      legal: bool [K], [K, K], [K].
      labels: K names.
      outside_penalty: what the potentials of "O" lose where the best path is looked for.
    """
    penalty = penalty_of_states(outside_penalty, labels)
    moves = np.where(legal[1], transitions, -np.inf)
    found: list[SentenceAnswer] = [None] * len(unary)  # type: ignore[list-item]
    for rows in batches_by_length([len(potential) for potential in unary], len(labels)):
        lengths = [len(unary[row]) for row in rows]
        packed = PackedSentences(lengths)
        flat = np.concatenate([unary[row] for row in rows])[packed.order].astype(np.float64)
        flat = np.where(legal_words(packed, legal), flat, -np.inf)
        sums = chain_sums(packed, flat, moves)
        marginals = packed.unpacked(sums.marginals)
        paths = packed.unpacked(best_paths(packed, flat - penalty, moves))
        places = packed.unpacked(np.arange(len(flat)))
        start = 0
        for row, length in zip(rows, lengths, strict=True):
            here = slice(start, start + length)
            move = moves_of_sums(sums, places[here])
            spans = found_spans(marginals[here], move, paths[here], labels)
            found[row] = SentenceAnswer(marginals[here].astype(np.float32), paths[here], spans)
            start += length
    return found


def moves_of_sums(sums: ChainSums, places: np.ndarray) -> MoveProbability:
    """Of the sentence whose words stand at packed places [T]."""

    def move(place: int, before: int, after: int) -> float:
        weight = sums.moves_weight[before, after] * sums.onward[places[place + 1], after]
        behind = sums.behind[places[place], before]
        return float(weight / behind) if behind > 0 else 0.0

    return move


def penalty_of_states(outside_penalty: float, labels: Sequence[str]) -> np.ndarray:
    """What each state [K] loses; nothing where the tags are no spans."""
    outside = [bool(span_states(labels)) and label == OUTSIDE for label in labels]
    return outside_penalty * np.array(outside, np.float32)


def batches_by_length(
    lengths: Sequence[int], num_states: int = 1, *, encoded: bool = False
) -> Iterator[np.ndarray]:
    """Numbers of sentences, the shortest first, some thousand words at a time.

    Fewer where there are many states, or words are `encoded` by a pretrained encoder.
    """
    most = _ENCODED_AT_ONCE if encoded else _WORDS_AT_ONCE
    most = min(most, _POTENTIALS_AT_ONCE // num_states)
    order = np.argsort(lengths, kind="stable")
    start = 0
    while start < len(order):
        end = start + 1
        while end < len(order) and (end + 1 - start) * lengths[order[end]] <= most:
            end += 1
        yield order[start:end]
        start = end
