"""Numbers per draw, [S, B], beside numbers per element of a draw, [S, B, ...]."""

import tensorflow as tf


def as_rank(value: tf.Tensor, like: tf.Tensor) -> tf.Tensor:
    """[S, B] -> [S, B, 1, ...], to be broadcast over the elements."""
    for _ in range(like.shape.rank - value.shape.rank):
        value = value[..., tf.newaxis]
    return value


def sum_over_event(value: tf.Tensor, leading: int) -> tf.Tensor:
    """Sums over all axes but the first ones: [S, B, ...] -> [S, B].

    (A joint within another has two axes and more in its batch: the number of them is of the
    distribution, never a constant.)
    """
    return tf.reduce_sum(value, axis=list(range(leading, value.shape.rank)))
