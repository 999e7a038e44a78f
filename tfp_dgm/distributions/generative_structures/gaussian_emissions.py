"""Log-densities of vectors under the Normals of K states."""

import math
from typing import NamedTuple

import numpy as np
import tensorflow as tf


class GaussianPotentials(NamedTuple):
    """What the log-density is linear in, with d = x - centre, one centre for all states; float64.

        log N(x; loc_k, L_k L_k') = constant_k + linear_k d + quadratic_k products(d)

    Derivatives in them are the sums of 1, d and products(d) over the vectors of each state: moments
    about the centre. All are products of matrices, and float64 loses nothing where means lie far
    from each other.

    Attributes:
      constant: [K].
      linear: [K, D].
      quadratic: [K or 1, P]; the products are the squares (P = D) where covariances are diagonal,
        d_i d_j for i <= j, row by row, (P = D (D + 1) / 2) where they are full.
    """

    constant: tf.Tensor
    linear: tf.Tensor
    quadratic: tf.Tensor


def centre_of(loc: tf.Tensor) -> tf.Tensor:
    """The mean of the means [K, D], float64 [D]; densities do not depend on it."""
    return tf.stop_gradient(tf.reduce_mean(tf.cast(loc, tf.float64), axis=0))


def gaussian_potentials(loc: tf.Tensor, scale: tf.Tensor, centre: tf.Tensor) -> GaussianPotentials:
    """The potentials of means [K, D], and scales [K or 1, D] or [K or 1, D, D]."""
    loc, scale = tf.cast(loc, tf.float64), tf.cast(scale, tf.float64)
    size = loc.shape[1]
    mean = loc - centre
    if scale.shape.rank == 2:
        diagonal, quadratic = scale, -0.5 / tf.square(scale)
        linear = -2 * quadratic * mean
    else:
        diagonal = tf.linalg.diag_part(scale)
        identity = tf.eye(size, batch_shape=[scale.shape[0]], dtype=tf.float64)
        precision = tf.linalg.cholesky_solve(scale, identity)
        linear = tf.linalg.matvec(precision, mean)
        rows, columns = np.triu_indices(size)
        # A product off the diagonal stands for two elements.
        packed = tf.gather(tf.reshape(precision, [-1, size * size]), rows * size + columns, axis=1)
        quadratic = packed * np.where(rows == columns, -0.5, -1.0)
    volume = tf.reduce_sum(tf.math.log(diagonal), axis=-1) + 0.5 * size * math.log(2 * math.pi)
    constant = -0.5 * tf.reduce_sum(linear * mean, axis=-1) - volume
    return GaussianPotentials(constant, linear, quadratic)


def log_densities(x: tf.Tensor, centre: tf.Tensor, potentials: GaussianPotentials) -> tf.Tensor:
    """Vectors [B, T, D] -> float32 [B, T, K], under every state."""
    constant, linear, quadratic = potentials
    states, size = linear.shape
    d = tf.reshape(tf.cast(x, tf.float64) - centre, [-1, size])  # [B T, D]
    if quadratic.shape[1] == size:
        products = tf.square(d)
    else:
        rows, columns = np.triu_indices(size)
        products = tf.gather(d, rows, axis=1) * tf.gather(d, columns, axis=1)
    squares = tf.matmul(products, quadratic, transpose_b=True)
    total = constant + tf.matmul(d, linear, transpose_b=True) + squares
    shape = tf.concat([tf.shape(x)[:-1], [states]], axis=0)
    return tf.reshape(tf.cast(total, tf.float32), shape)


def normal_draws(loc: tf.Tensor, scale: tf.Tensor, states: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """One draw of each N(loc, L L'), means [n, T, D], by the scales of states [n, T]."""
    noise = tf.random.stateless_normal(tf.shape(loc), seed)
    if scale.shape.rank == 2:
        return loc + tf.gather(scale, states) * noise
    return loc + tf.linalg.matvec(tf.gather(scale, states), noise)


def require_scale(
    owner: str, scale: tf.Tensor, axes: str, leading: tuple[int, ...], size: int
) -> None:
    """Raises ValueError unless the scale is [*leading, D] or [*leading, D, D]."""
    shapes = ([*leading, size], [*leading, size, size])
    if scale.shape.as_list() not in shapes:
        raise ValueError(
            f"{owner}: `scale` must be {axes} = {shapes[0]} or {shapes[1]}; received shape "
            f"{tuple(scale.shape)}"
        )


def frames_of(x: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Vectors [B, T, D], NaN where there are none -> finite ones, whether seen [B, T], lengths [B].

    A row ends at its last vector. One of nothing but NaN has the length 1.
    """
    seen = ~tf.reduce_any(tf.math.is_nan(x), axis=-1)
    place = tf.range(1, tf.shape(x)[1] + 1)
    lengths = tf.maximum(tf.reduce_max(tf.where(seen, place, 1), axis=-1), 1)
    return tf.where(seen[..., tf.newaxis], x, 0.0), seen, lengths
