"""Sums over the tag sequences of many sentences at once, for training."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


class PackedSentences:
    """Sentences of different lengths, packed by time: all first words, then all second ones, ...

    The longest sentence comes first at each time, so that those that go on are the first ones, and
    nothing is padded.

    Args:
      lengths: int [S], each >= 1.
    Attributes:
      order: int [N]; the place of each packed word in the sentences put one behind the other.
      starts: int [T + 1]; the words of time t are those from starts[t] to starts[t + 1].
      before, after: int [M]; the packed places of all pairs of words that stand side by side.
      last: int [S]; the packed places of last words, the longest sentence first.
    """

    def __init__(self, lengths: Sequence[int] | np.ndarray) -> None:
        lengths = np.asarray(lengths, np.int64)
        sentences = np.argsort(-lengths, kind="stable")
        self.sentences = sentences
        longest = int(lengths.max())
        # How many sentences have a word at time t.
        going = len(lengths) - np.searchsorted(np.sort(lengths), np.arange(longest), side="right")
        self.starts = np.concatenate([[0], np.cumsum(going)])
        begin = (np.cumsum(lengths) - lengths)[sentences]
        time = np.repeat(np.arange(longest), going)
        rank = np.arange(len(time)) - self.starts[time]
        self.order = begin[rank] + time
        self.rank = rank
        self.first = np.arange(going[0])
        self.after = np.arange(going[0], len(time))
        self.before = self.starts[time[self.after] - 1] + rank[self.after]
        self.last = self.starts[lengths[sentences] - 1] + np.arange(len(lengths))


@dataclass(frozen=True)
class ChainSums:
    """What a chain over packed sentences sums to.

    Attributes:
      log_partition: float64 [S], nats, in the packed order of sentences; -inf where nothing is
        possible.
      marginals: float64 [N, K], packed.
      moves: float64 [K, K]; expected numbers of moves from one state to another, of all sentences.
      alpha, beta: float64 [N, K]; whatever follows, a sentence's marginals are alpha * beta.
    """

    log_partition: np.ndarray
    marginals: np.ndarray
    moves: np.ndarray


def chain_sums(
    packed: PackedSentences, unary: np.ndarray, transitions: np.ndarray, allowed: np.ndarray | None
) -> ChainSums:
    """Forward and backward recursions, each step normalised (Rabiner 1989).

    Args:
      packed: how the sentences stand.
      unary: float [N, K], packed; -inf for what cannot be. Those of first words hold what is
        known of a sentence's beginning, and of last words of its end.
      transitions: float [K, K]; -inf for moves that cannot be.
      allowed: bool [N, K], packed; states that are left open; None: all.
    """
    highest = np.max(transitions)
    moves = np.exp(transitions.astype(np.float64) - highest)
    if allowed is not None:
        unary = np.where(allowed, unary, -np.inf)
    top = unary.max(axis=1)
    top = np.where(np.isfinite(top), top, 0.0)
    alpha = np.exp(unary.astype(np.float64) - top[:, np.newaxis])
    scaled = alpha.copy()  # exp(unary), and then what of it a step passes on.
    norm = np.empty(len(alpha))
    starts = packed.starts
    for time in range(len(starts) - 1):
        here = slice(starts[time], starts[time + 1])
        if time:
            going = starts[time + 1] - starts[time]
            alpha[here] *= alpha[starts[time - 1] : starts[time - 1] + going] @ moves
        norm[here] = alpha[here].sum(axis=1)
        alpha[here] /= np.maximum(norm[here], 1e-300)[:, np.newaxis]
    scaled /= np.maximum(norm, 1e-300)[:, np.newaxis]
    beta = np.ones_like(alpha)
    back = moves.T.copy()
    for time in range(len(starts) - 2, 0, -1):
        here = slice(starts[time], starts[time + 1])
        going = starts[time + 1] - starts[time]
        scaled[here] *= beta[here]
        beta[starts[time - 1] : starts[time - 1] + going] = scaled[here] @ back
    with np.errstate(divide="ignore"):
        weight = np.log(norm) + top
    weight[packed.after] += highest
    log_partition = np.bincount(packed.rank, weight, minlength=len(packed.last))
    expected = moves * (alpha[packed.before].T @ scaled[packed.after])
    return ChainSums(log_partition, alpha * beta, expected)
