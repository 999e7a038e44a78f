"""Which sets of spans are binary trees."""

import tensorflow as tf


def spans_within(lengths: tf.Tensor, words: tf.Tensor) -> tf.Tensor:
    """Which spans (first, last) are any, bool [B, T, T]."""
    first, last = tf.range(words)[:, tf.newaxis], tf.range(words)
    return (first <= last) & (last < lengths[:, tf.newaxis, tf.newaxis])


def is_binary(present: tf.Tensor, lengths: tf.Tensor) -> tf.Tensor:
    """Whether spans bool [..., B, T, T] are those of a binary tree over each row's words.

    They are where the whole is among them, where everything but a word has two halves among them,
    and where there are no more than such a tree has.
    """
    words = tf.shape(present)[-1]
    counts = tf.cast(present, tf.float32)
    later = tf.concat([counts[..., 1:, :], tf.zeros_like(counts[..., :1, :])], axis=-2)
    parted = (tf.matmul(counts, later) > 0) | tf.eye(words, dtype=tf.bool)
    whole = tf.range(words) == lengths[:, tf.newaxis] - 1  # [B, T]
    return (
        tf.reduce_any(present[..., 0, :] & whole, axis=-1)
        & tf.reduce_all(parted | ~present, axis=[-2, -1])
        & (tf.reduce_sum(tf.cast(present, tf.int32), axis=[-2, -1]) == 2 * lengths - 1)
    )
