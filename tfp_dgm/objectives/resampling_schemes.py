"""Which particles go on: ancestors drawn in proportion to weights, by three schemes."""

import tensorflow as tf

MULTINOMIAL, STRATIFIED, SYSTEMATIC = SCHEMES = ("multinomial", "stratified", "systematic")


def numbers_needed(scheme: str, num_particles: int) -> int:
    """How many uniform numbers a scheme takes for N particles."""
    return 1 if scheme == SYSTEMATIC else num_particles


def ancestors_of(scheme: str, weights: tf.Tensor, uniforms: tf.Tensor) -> tf.Tensor:
    """Draws N ancestors, each particle n expected N w_n times [1].

    With C_n = w_1 + ... + w_n, a point in [C_n-1, C_n) chooses particle n. The points are

        multinomial   u_i               independent draws
        stratified    (i - 1 + u_i) / N    one in each N-th of the interval
        systematic    (i - 1 + u) / N      one u for all: floor(N w_n) or ceil(N w_n) of each

    for i = 1 .. N. A particle of weight 0 is never chosen.

    Args:
      scheme: one of `SCHEMES`.
      weights: float32 [N, B], normalised over the first axis; where all are 0, the ancestors mean
        nothing.
      uniforms: float32 [`numbers_needed`, B], in [0, 1).
    Returns:
      int32 [N, B], from 0 to N - 1.
    References:
      [1] Douc, Cappe and Moulines. Comparison of Resampling Schemes for Particle Filtering. ISPA
        2005. arXiv:cs/0507025
    """
    count = weights.shape[0]
    if scheme == MULTINOMIAL:
        points = uniforms
    else:
        points = (tf.range(count, dtype=tf.float32)[:, tf.newaxis] + uniforms) / count  # [N, B]
    cumulative = tf.cumsum(weights, axis=0)  # [N, B]
    passed = points[:, tf.newaxis] >= cumulative[tf.newaxis]  # [N, N, B]
    chosen = tf.reduce_sum(tf.cast(passed, tf.int32), axis=1)
    # Rounding may leave a point above all: it belongs to the last that has a weight.
    places = tf.range(count)[:, tf.newaxis]
    last = tf.reduce_max(tf.where(weights > 0, places, 0), axis=0)  # [B]
    return tf.minimum(chosen, last)


def effective_sample_size(weights: tf.Tensor) -> tf.Tensor:
    """1 / sum_n w_n^2 of normalised weights [N, B]: [B], from 1 to N; 0 where all are 0."""
    return tf.math.divide_no_nan(1.0, tf.reduce_sum(tf.square(weights), axis=0))
