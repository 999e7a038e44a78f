"""Marginals of dependency trees before anything is known: short arcs."""

import tensorflow as tf

from tfp_dgm.distributions import DependencyTreeWithValence, DependencyTreeWithValenceParts


def harmonic(
    posterior: DependencyTreeWithValence, *, constant: float = 0.0
) -> DependencyTreeWithValenceParts:
    """Marginals as if each word chose its head by itself, the likelier, the nearer [1].

        p(the root) = 1 / n,    p(h) ~ 1 / (|h - m| + constant) for the other n - 1 words

    The choices are independent, and so need be no tree; whether an arc is the first of its head on
    that side, and whether there are any, follows. As the `guess` of `fit_em` this is the start of
    [1]. (The arcs of trees alone, weighed in the same way, are a worse one.)

    Args:
      posterior: over the words that are meant; its potentials are not read.
      constant: >= 0; larger ones make arcs less different.
    Raises:
      ValueError: if the constant is below 0.
    References:
      [1] Klein and Manning. Corpus-based induction of syntactic structure: models of dependency and
        constituency. ACL 2004.
    """
    if constant < 0:
        raise ValueError(f"harmonic: `constant` must be >= 0; received {constant}")
    dtype = posterior.potentials.arcs.dtype
    node = tf.range(tf.shape(posterior.potentials.arcs)[1])
    head, last = node[:, tf.newaxis], posterior.lengths[:, tf.newaxis, tf.newaxis]
    read = (head != node) & (node > 0) & (head <= last) & (node <= last)  # [B, N, N]
    of_root = 1 / tf.cast(last, dtype)
    distance = tf.cast(tf.abs(head - node), dtype) + constant
    near = tf.where(read & (head > 0), 1 / tf.where(head == node, 1.0, distance), 0.0)
    share = tf.math.divide_no_nan(near, tf.reduce_sum(near, axis=1, keepdims=True))
    chances = tf.where(read & (head == 0), of_root, (1 - of_root) * share)
    first, sides = tf.zeros_like(chances), []
    for is_left in (True, False):
        there = tf.where((node < head) == is_left, chances, 0.0)
        # Until then, from the nearest on, nobody has chosen this head on this side.
        none = tf.math.cumprod(1 - there, axis=-1, exclusive=True, reverse=is_left)
        first += there * none
        alone = tf.reduce_prod(1 - there, axis=-1)[:, 1:]  # [B, T]
        sides.append(tf.stack([alone, 1 - alone], axis=-1))
    is_root = (head == 0)[..., tf.newaxis]
    arcs = tf.stack([first, chances - first], axis=-1)
    arcs = tf.where(is_root, tf.stack([chances, tf.zeros_like(chances)], axis=-1), arcs)
    within = tf.sequence_mask(posterior.lengths, tf.shape(node)[0] - 1, dtype)  # [B, T]
    stops = tf.stack(sides, axis=2) * within[..., tf.newaxis, tf.newaxis]
    return DependencyTreeWithValenceParts(arcs, stops)
