"""Dependency trees as the heads of words: which are trees, and what their arcs weigh."""

import tensorflow as tf

from tfp_dgm.distributions.structures.semirings import NEVER, finite


def finite_arcs(arcs: tf.Tensor, lengths: tf.Tensor) -> tf.Tensor:
    """Arcs [B, N, N] with `NEVER` for those to the root, to oneself and beyond the lengths."""
    nodes = tf.range(tf.shape(arcs)[1])
    head, modifier = nodes[:, tf.newaxis], nodes
    last = lengths[:, tf.newaxis, tf.newaxis]
    read = (head != modifier) & (modifier > 0) & (head <= last) & (modifier <= last)
    return tf.where(read, finite(arcs), NEVER)


def heads_of(marks: tf.Tensor, lengths: tf.Tensor) -> tf.Tensor:
    """Marks [B, N, N] on arcs -> heads int32 [B, T], 0 beyond the lengths."""
    heads = tf.argmax(marks, axis=1, output_type=tf.int32)[:, 1:]
    return tf.where(tf.sequence_mask(lengths, tf.shape(heads)[1]), heads, 0)


def score_of_heads(
    heads: tf.Tensor, arcs: tf.Tensor, lengths: tf.Tensor, *, single_root: bool, projective: bool
) -> tf.Tensor:
    """Sums [..., B] of finite arcs [B, N, N] of heads [..., B, T]; `NEVER` for what is no tree."""
    nodes = tf.shape(arcs)[1]
    heads, read, tree = trees_of(heads, lengths, single_root=single_root, projective=projective)
    row = tf.range(tf.shape(arcs)[0])[:, tf.newaxis]
    weights = tf.gather(tf.reshape(arcs, [-1]), (row * nodes + heads) * nodes + tf.range(1, nodes))
    score = tf.reduce_sum(tf.where(read, weights, 0), axis=-1)
    return tf.where(tree, score, NEVER)


def trees_of(
    heads: tf.Tensor, lengths: tf.Tensor, *, single_root: bool, projective: bool
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Heads [..., B, T] -> (0 for those not read, which are read [B, T], which are trees [..., B]).

    Heads that are no word of the row are 0, too, and no tree.
    """
    words = tf.range(1, tf.shape(heads)[-1] + 1)
    read = words <= lengths[:, tf.newaxis]  # [B, T]
    known = (heads >= 0) & (heads <= lengths[:, tf.newaxis])
    tree = tf.reduce_all(known | ~read, axis=-1)
    heads = tf.where(known & read, heads, 0)
    tree &= _reach_root(heads)
    if single_root:
        roots = tf.reduce_sum(tf.cast((heads == 0) & read, tf.int32), axis=-1)
        tree &= roots == 1
    if projective:
        tree &= ~_cross(heads, read)
    return heads, read, tree


def valences_of(heads: tf.Tensor, read: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Heads [..., B, T] of trees -> what valence is, int32.

    Returns:
      side: [..., B, T], 1 where a word is on the right of its head.
      later: [..., B, T], 1 where its head has nearer modifiers on that side.
      some: [..., B, T, 2], 1 where a word has modifiers on its left, its right.
    """
    word = tf.range(1, tf.shape(heads)[-1] + 1)
    right, distance = word > heads, tf.abs(word - heads)
    one, other = (..., slice(None), tf.newaxis), (..., tf.newaxis, slice(None))
    siblings = (heads[one] == heads[other]) & (right[one] == right[other])
    nearer = siblings & read[other] & (distance[other] < distance[one])
    modifies = (heads[other] == word[:, tf.newaxis]) & read[other]  # [..., B, T, T]
    some = [tf.reduce_any(modifies & there[other], axis=-1) for there in (~right, right)]
    parts = right, tf.reduce_any(nearer, axis=-1), tf.stack(some, axis=-1)
    return tuple(tf.cast(part, tf.int32) for part in parts)


def _reach_root(heads: tf.Tensor) -> tf.Tensor:
    """Whether every word has the root above it, bool [...], of heads [..., T]."""
    up = tf.concat([tf.zeros_like(heads[..., :1]), heads], axis=-1)  # of nodes, [..., N]

    def doubled(steps: tf.Tensor, up: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        return 2 * steps, tf.gather(up, up, batch_dims=up.shape.rank - 1)

    _, up = tf.while_loop(lambda steps, up: steps < tf.shape(up)[-1], doubled, (tf.constant(1), up))
    return tf.reduce_all(up == 0, axis=-1)


def _cross(heads: tf.Tensor, read: tf.Tensor) -> tf.Tensor:
    """Whether any two arcs cross, bool [...], of heads [..., T]."""
    words = tf.range(1, tf.shape(heads)[-1] + 1)
    first, last = tf.minimum(heads, words), tf.maximum(heads, words)
    one, other = (..., slice(None), tf.newaxis), (..., tf.newaxis, slice(None))
    crossing = (first[one] < first[other]) & (first[other] < last[one]) & (last[one] < last[other])
    return tf.reduce_any(crossing & read[one] & read[other], axis=[-2, -1])
