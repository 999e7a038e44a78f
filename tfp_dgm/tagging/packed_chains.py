"""Sums over the tag sequences of many sentences at once, and the best ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

_WAYS_AT_ONCE = 4_000_000  # Of a step of the best paths, from each state to each other.


class PackedSentences:
    """Sentences of different lengths, packed by time: all first words, then all second ones, ...

    The longest sentence comes first at each time, so that those that go on are the first ones, and
    nothing is padded.

    Args:
      lengths: int [S], each >= 1.
    Attributes:
      sentences: int [S]; the sentences, the longest first. The r-th of these has the rank r.
      order: int [N]; the place of each packed word in the sentences put one behind the other.
      starts: int [T + 1]; the words of time t are those from starts[t] to starts[t + 1].
      rank: int [N]; that of the sentence of each packed word.
      before, after: int [N - S]; the packed places of all pairs of words that stand side by side.
      first, last: int [S]; the packed places of first and last words, by rank.
    """

    def __init__(self, lengths: Sequence[int] | np.ndarray) -> None:
        lengths = np.asarray(lengths, np.int64)
        longest = int(lengths.max(initial=0))
        self.sentences = np.argsort(-lengths, kind="stable")
        # How many sentences have a word at time t.
        going = len(lengths) - np.searchsorted(np.sort(lengths), np.arange(longest), side="right")
        self.starts = np.concatenate([[0], np.cumsum(going)])
        time = np.repeat(np.arange(longest), going)
        self.rank = np.arange(len(time)) - self.starts[time]
        begin = (np.cumsum(lengths) - lengths)[self.sentences]
        self.order = begin[self.rank] + time
        self.first = np.arange(len(lengths))
        self.after = np.arange(len(lengths), len(time))
        self.before = self.starts[time[self.after] - 1] + self.rank[self.after]
        self.last = self.starts[lengths[self.sentences] - 1] + self.first

    def steps(self) -> list[tuple[slice, slice]]:
        """For each time but the first: its words, and those before them."""
        bounds = self.starts.tolist()
        return [
            (slice(here, end), slice(before, before + end - here))
            for before, here, end in zip(bounds, bounds[1:], bounds[2:], strict=False)
        ]

    def unpacked(self, packed: np.ndarray) -> np.ndarray:
        """What stands at packed places [N, ...], sentence behind sentence."""
        found = np.empty_like(packed)
        found[self.order] = packed
        return found


@dataclass(frozen=True)
class ChainSums:
    """What a chain over packed sentences sums to.

    Attributes:
      log_partition: float64 [S], nats, by rank; -inf where nothing is possible.
      marginals: [N, K], packed.
      moves: [K, K]; expected numbers of moves from one state to another, of all sentences.
      onward: [N, K]; p(z_t = b | z_t-1 = a) is moves_weight[a, b] onward[t, b] / behind[t - 1, a].
      behind: [N, K].
      moves_weight: [K, K].
    """

    log_partition: np.ndarray
    marginals: np.ndarray
    moves: np.ndarray
    onward: np.ndarray
    behind: np.ndarray
    moves_weight: np.ndarray


def chain_sums(
    packed: PackedSentences,
    unary: np.ndarray,
    transitions: np.ndarray,
    allowed: np.ndarray | None = None,
) -> ChainSums:
    """Forward and backward recursions, each step normalised (Rabiner 1989).

    In the precision of `unary`; float32 has room for states e^80 times less probable than others.

    Args:
      packed: how the sentences stand.
      unary: [N, K], packed; -inf for what cannot be. Those of first words hold what is known of a
        sentence's beginning, and those of last words of its end.
      transitions: [K, K]; -inf for moves that cannot be.
      allowed: bool [N, K], packed; states that are left open; None: all.
    """
    highest = transitions.max()
    moves = np.exp(transitions - highest).astype(unary.dtype)
    if allowed is not None:
        unary = np.where(allowed, unary, -np.inf)
    top = unary.max(axis=1)
    top = np.where(np.isfinite(top), top, 0.0)
    onward = np.exp(unary - top[:, np.newaxis])
    alpha = onward.copy()
    norm = np.empty(len(alpha), unary.dtype)
    tiny = np.finfo(unary.dtype).tiny
    first = slice(0, len(packed.first))
    steps = packed.steps()
    for here, before in [(first, first), *steps]:
        of_step = alpha[here]
        if here is not first:
            of_step *= alpha[before] @ moves
        norm[here] = of_step.sum(axis=1)
        of_step /= np.maximum(norm[here], tiny)[:, np.newaxis]
    onward /= np.maximum(norm, tiny)[:, np.newaxis]
    behind = np.ones_like(alpha)
    back = moves.T.copy()
    for here, before in reversed(steps):
        onward[here] *= behind[here]
        behind[before] = onward[here] @ back
    with np.errstate(divide="ignore"):
        weight = np.log(norm.astype(np.float64)) + top
    weight[packed.after] += highest
    return ChainSums(
        np.bincount(packed.rank, weight, minlength=len(packed.last)),
        alpha * behind,
        moves * (alpha[packed.before].T @ onward[packed.after]),
        onward,
        behind,
        moves,
    )


def best_paths(packed: PackedSentences, unary: np.ndarray, transitions: np.ndarray) -> np.ndarray:
    """The states of the best path of each sentence, int [N], packed.

    Viterbi (1967). Args: see `chain_sums`; something must be possible in each sentence.
    """
    best = unary.copy()
    came_from = np.zeros(best.shape, np.int32)
    at_once = max(1, _WAYS_AT_ONCE // transitions.size)
    for here, before in packed.steps():
        for start in range(0, here.stop - here.start, at_once):
            some = slice(here.start + start, min(here.start + start + at_once, here.stop))
            behind = slice(before.start + start, before.start + start + some.stop - some.start)
            ways = best[behind][:, :, np.newaxis] + transitions  # [n, K, K]
            came_from[some] = ways.argmax(axis=1)
            best[some] += ways.max(axis=1)
    states = np.empty(len(best), np.int32)
    states[packed.last] = best[packed.last].argmax(axis=1)
    for here, before in reversed(packed.steps()):
        places = np.arange(here.start, here.stop)
        states[before] = came_from[places, states[here]]
    return states
