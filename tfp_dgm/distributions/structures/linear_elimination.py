"""The sum over dependency trees by elimination of plain numbers, where their spread allows it."""

from typing import NamedTuple

import tensorflow as tf

from tfp_dgm.distributions.structures.sizes import size_of

# Exponentials of what spans less than this, and products of two of them, are no zeros in float32.
_NARROW = 40.0
# As many words at most stand in arrays of one size; each size is compiled, so there are never many.
_WORDS_PER_STRETCH, _MOST_STRETCHES = 10, 3


class Elimination(NamedTuple):
    """What is left of a sum over trees, for its derivative; the batch stands behind.

    Attributes:
      log_sum: [B].
      first: [N, N, B], exponentials of the arcs less the largest one to each word.
      stretches: [n, n, B] each, n falling: rows and columns of words as they were when their turn
        came, of the words n - 1 to the next n (1 in the end).
    """

    log_sum: tf.Tensor
    first: tf.Tensor
    stretches: tuple[tf.Tensor, ...]


def is_narrow(arcs: tf.Tensor, lengths: tf.Tensor) -> tf.Tensor:
    """Whether no word of any row has arcs that span more than float32 holds, bool []."""
    read, inside = _read(arcs, lengths)
    infinity = tf.constant(float("inf"), arcs.dtype)
    least = tf.reduce_min(tf.where(read, arcs, infinity), axis=1)  # [B, N]
    most = tf.reduce_max(tf.where(read, arcs, -infinity), axis=1)
    return tf.reduce_all(~inside | (most - least < _NARROW))


def eliminated(arcs: tf.Tensor, lengths: tf.Tensor, *, single_root: bool) -> Elimination:
    """`log_sum_of_trees` of arcs that are narrow, word after word from the last to the first."""
    read, inside = _read(arcs, lengths)
    arcs = tf.where(read, arcs, -float("inf"))
    peaks = tf.where(inside, tf.reduce_max(arcs, axis=1), 0.0)  # [B, N]
    first = tf.transpose(tf.exp(arcs - peaks[:, tf.newaxis]), [1, 2, 0])  # [N, N, B]

    def step(
        word: tf.Tensor, weights: tf.Tensor, log_sum: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        turn = _turn(word, weights, lengths, single_root)
        weights += turn.shares[:, tf.newaxis] * turn.row
        return word - 1, weights, log_sum + tf.math.log(turn.total)

    weights, log_sum, stretches = first, tf.reduce_sum(peaks, axis=1), []
    sizes = _sizes(first)
    for size, after in zip(sizes, [*sizes[1:], 1], strict=True):
        _, weights, log_sum = tf.while_loop(
            lambda word, *_, after=after: word >= after,
            step,
            (tf.convert_to_tensor(size - 1), weights[:size, :size], log_sum),
        )
        stretches.append(weights)
    return Elimination(log_sum, first, tuple(stretches))


def without_elimination(arcs: tf.Tensor, log_sum: tf.Tensor) -> Elimination:
    """A sum that was found otherwise, in the shapes of `eliminated`."""
    first = tf.zeros_like(tf.transpose(arcs, [1, 2, 0]))
    return Elimination(log_sum, first, tuple(first[:size, :size] for size in _sizes(first)))


def marginals_after(done: Elimination, lengths: tf.Tensor, *, single_root: bool) -> tf.Tensor:
    """The derivative of the sum in the arcs, [B, N, N]: the elimination backwards."""
    flow = tf.zeros_like(done.stretches[-1][:1, :1])
    for weights in reversed(done.stretches):
        before = size_of(flow, 0)
        size = size_of(weights, 0)
        place = tf.range(size)[:, tf.newaxis]  # [N, 1]

        def step(
            word: tf.Tensor, flow: tf.Tensor, weights: tf.Tensor = weights, place: tf.Tensor = place
        ) -> tuple[tf.Tensor, tf.Tensor]:
            turn = _turn(word, weights, lengths, single_root)
            of_shares = tf.reduce_sum(flow * turn.row, axis=1)  # [N, B]
            of_total = 1.0 - tf.reduce_sum(of_shares * turn.shares, axis=0)  # [B]
            column = (tf.where(place < word, of_shares, 0.0) + turn.summed * of_total) / turn.total
            row = tf.reduce_sum(flow * turn.shares[:, tf.newaxis], axis=0)  # [N, B]
            flow = tf.where((place == word)[:, tf.newaxis], row, flow)
            return word + 1, tf.where(place == word, column[:, tf.newaxis], flow)

        more = [[0, size - before]]
        _, flow = tf.while_loop(
            lambda word, _, size=size: word < size,
            step,
            (tf.convert_to_tensor(before), tf.pad(flow, [*more, *more, [0, 0]])),
        )
    return tf.transpose(flow * done.first, [2, 0, 1])


class _Turn(NamedTuple):
    """A word's turn.

    Attributes:
      shares: [N, B], of the heads that are left.
      row: [N, B], to the modifiers that are left.
      total: [B], the sum over heads.
      summed: [N, B], 1 for the heads of that sum, else 0.
    """

    shares: tf.Tensor
    row: tf.Tensor
    total: tf.Tensor
    summed: tf.Tensor


def _turn(word: tf.Tensor, weights: tf.Tensor, lengths: tf.Tensor, single_root: bool) -> _Turn:
    place = tf.range(size_of(weights, 0))[:, tf.newaxis]  # [N, 1]
    inside = word <= lengths  # [B]
    column = weights[:, word]
    summed = (place < word) & inside
    if single_root:
        # Arcs from the root have a factor e, and are nothing beside others: see `log_elimination`.
        summed &= (place > 0) | (word == 1)
    total = tf.where(inside, tf.reduce_sum(tf.where(summed, column, 0.0), axis=0), 1.0)
    shares = tf.where(place < word, column / total, 0.0)
    row = tf.where(place < word, weights[word], 0.0)
    return _Turn(shares, row, total, tf.cast(summed, weights.dtype))


def _sizes(weights: tf.Tensor) -> list[int | tf.Tensor]:
    """How large the arrays of each stretch are, the largest first."""
    nodes = size_of(weights, 0)
    if tf.is_tensor(nodes):
        return [nodes]
    number = min(max(nodes // _WORDS_PER_STRETCH, 1), _MOST_STRETCHES)
    return [nodes * left // number for left in range(number, 0, -1)]


def _read(arcs: tf.Tensor, lengths: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """(which arcs are any, [B, N, N]; which nodes are words, [B, N])."""
    place = tf.range(size_of(arcs, 1))
    known = place <= lengths[:, tf.newaxis]  # [B, N]
    inside = known & (place > 0)
    other = place != place[:, tf.newaxis]
    return known[:, :, tf.newaxis] & inside[:, tf.newaxis] & other, inside
