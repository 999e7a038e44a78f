"""How far draws of one distribution are from those of another, by a kernel."""

import tensorflow as tf

from tfp_dgm.objectives.kernels import Kernel


def maximum_mean_discrepancy(
    z: tf.Tensor, other: tf.Tensor, kernel: Kernel, scale: tf.Tensor
) -> tf.Tensor:
    """The squared maximum mean discrepancy, in parts of its unbiased estimate [1].

        part[b] = mean_{c not b} [k(z_b, z_c) + k(y_b, y_c)] - 2 mean_c k(z_b, y_c)
        mean_b part[b] = U-statistic of MMD^2(q, p),    z ~ q,  y ~ p

    Its mean is 0 where q = p, so that single estimates are negative, too. Of one draw there is no
    pair, and the parts are 0.

    Args:
      z: draws of q, float32 [..., B, Z].
      other: as many draws y of p.
      kernel: k.
      scale: see `Kernel`.
    Returns:
      float32 [..., B].
    References:
      [1] Gretton, Borgwardt, Rasch, Schoelkopf and Smola. A Kernel Two-Sample Test. JMLR 2012.
    """
    rows = tf.shape(z)[-2]
    among = kernel(_squared_distances(z, z), scale) + kernel(
        _squared_distances(other, other), scale
    )  # [..., B, B]
    apart = tf.linalg.set_diag(among, tf.zeros_like(z[..., 0]))
    pairs = tf.cast(rows - 1, z.dtype)
    across = tf.reduce_mean(kernel(_squared_distances(z, other), scale), axis=-1)
    parts = tf.math.divide_no_nan(tf.reduce_sum(apart, axis=-1), pairs) - 2 * across
    return tf.where(rows > 1, parts, tf.zeros_like(parts))


def _squared_distances(x: tf.Tensor, y: tf.Tensor) -> tf.Tensor:
    """|x_b - y_c|^2, [..., B, C]; through products, whose rounding may leave less than 0."""
    squares = [tf.reduce_sum(tf.square(part), axis=-1) for part in (x, y)]
    products = tf.matmul(x, y, transpose_b=True)
    distances = squares[0][..., :, tf.newaxis] + squares[1][..., tf.newaxis, :] - 2 * products
    return tf.maximum(distances, 0.0)
