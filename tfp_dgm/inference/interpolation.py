"""Ways from one latent to another."""

import tensorflow as tf
from tensorflow_probability import distributions as tfd

from tfp_dgm.distributions import is_spherical


def interpolate(
    latents: tfd.Distribution, start: tf.Tensor, stop: tf.Tensor, steps: int
) -> tf.Tensor:
    """The way that leaves the latents' space nowhere: the line, or on the unit sphere the arc.

    Args:
      latents: a distribution over them, prior or posterior: its family tells the space.
      start, stop, steps: see `interpolate_linearly`.
    Returns:
      [steps, ..., Z].
    """
    way = interpolate_spherically if is_spherical(latents) else interpolate_linearly
    return way(start, stop, steps)


def interpolate_linearly(start: tf.Tensor, stop: tf.Tensor, steps: int) -> tf.Tensor:
    """Points on the straight line, both ends included.

        z_i = (1 - t_i) start + t_i stop,    t_i = i / (steps - 1)

    Args:
      start: [..., Z].
      stop: [..., Z].
      steps: at least 2.
    Returns:
      [steps, ..., Z].
    """
    start, stop = tf.convert_to_tensor(start), tf.convert_to_tensor(stop)
    t = _places(steps, start)
    return (1 - t) * start + t * stop


def interpolate_spherically(start: tf.Tensor, stop: tf.Tensor, steps: int) -> tf.Tensor:
    """Points on the arc between the directions, at lengths that change evenly [1].

        z_i = |z|_i (sin((1 - t_i) w) start / |start| + sin(t_i w) stop / |stop|) / sin(w)

    with w the angle between the two. In many dimensions a straight line leaves the shell in which a
    Normal prior has its mass; an arc stays there. Where the ends point the same way (or opposite
    ways, where no arc is better than another), the line is taken.

    Args and Returns: as of `interpolate_linearly`.
    References:
      [1] White. Sampling Generative Networks. 2016. arXiv:1609.04468
    """
    start, stop = tf.convert_to_tensor(start), tf.convert_to_tensor(stop)
    t = _places(steps, start)
    lengths = [tf.norm(z, axis=-1, keepdims=True) for z in (start, stop)]
    directions = [
        z / tf.maximum(length, 1e-12) for z, length in zip((start, stop), lengths, strict=True)
    ]
    cosine = tf.reduce_sum(directions[0] * directions[1], axis=-1, keepdims=True)
    angle = tf.acos(tf.clip_by_value(cosine, -1.0, 1.0))
    sine = tf.sin(angle)
    straight = sine < 1e-4
    safe = tf.where(straight, 1.0, sine)
    arc = tf.sin((1 - t) * angle) * directions[0] + tf.sin(t * angle) * directions[1]
    length = (1 - t) * lengths[0] + t * lengths[1]
    return tf.where(straight, interpolate_linearly(start, stop, steps), length * arc / safe)


def _places(steps: int, like: tf.Tensor) -> tf.Tensor:
    if steps < 2:
        raise ValueError(f"interpolation: `steps` must be >= 2, for both ends; received {steps}")
    return tf.reshape(tf.linspace(0.0, 1.0, steps), [steps] + [1] * like.shape.rank)
