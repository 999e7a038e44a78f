"""Log-densities of vectors under the Normals of K states."""

import math
from typing import NamedTuple

import tensorflow as tf


class GaussianPotentials(NamedTuple):
    """What the log-density of the whitened u_k = L_k^-1 (x - loc_k) is linear in.

        log N(x; loc_k, L_k L_k') = constant_k + linear_k u_k + u_k' quadratic_k u_k

    Derivatives in them are the sums of 1, u and u u' over the vectors of each state; about its own
    mean and in units of its own spread, float32 is precise enough for them wherever data lie.

    Attributes:
      constant: [K].
      linear: [K, D], zeros.
      quadratic: -1/2 times ones [K or 1, D] (diagonal covariances) or the identity [K or 1, D, D].
    """

    constant: tf.Tensor
    linear: tf.Tensor
    quadratic: tf.Tensor


def gaussian_potentials(loc: tf.Tensor, scale: tf.Tensor) -> GaussianPotentials:
    """The potentials of means [K, D], and scales [K or 1, D] or [K or 1, D, D]."""
    states, size = loc.shape
    diagonal = scale if scale.shape.rank == 2 else tf.linalg.diag_part(scale)  # [K or 1, D]
    volume = tf.reduce_sum(tf.math.log(diagonal), axis=-1) + 0.5 * size * math.log(2 * math.pi)
    ones = tf.ones_like(diagonal)
    quadratic = ones if scale.shape.rank == 2 else tf.linalg.diag(ones)
    return GaussianPotentials(
        tf.broadcast_to(-volume, [states]), tf.zeros_like(loc), -0.5 * quadratic
    )


def log_densities(
    x: tf.Tensor, loc: tf.Tensor, scale: tf.Tensor, potentials: GaussianPotentials
) -> tf.Tensor:
    """Vectors [B, T, D] -> [B, T, K], under every state."""
    states, size = loc.shape
    flat = tf.reshape(x, [-1, size])
    centred = flat - loc[:, tf.newaxis]  # [K, B T, D]
    if scale.shape.rank == 2:
        white = centred / scale[:, tf.newaxis]
        weighted = white * potentials.quadratic[:, tf.newaxis]
    else:
        identity = tf.eye(size, batch_shape=[scale.shape[0]])
        inverse = tf.linalg.triangular_solve(scale, identity)
        white = tf.matmul(centred, inverse, transpose_b=True)
        weighted = tf.matmul(white, potentials.quadratic)
    weighted += potentials.linear[:, tf.newaxis]
    total = tf.reduce_sum(weighted * white, axis=-1) + potentials.constant[:, tf.newaxis]
    return tf.reshape(tf.transpose(total), [*tf.unstack(tf.shape(x)[:-1]), states])


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
