"""Latents that are factorised binary variables or one-hot vectors, in one layer or in several."""

from collections.abc import Callable
from typing import Any

import tensorflow as tf
from tensorflow_probability import distributions as tfd

from tfp_dgm.objectives.event_axes import sum_over_event
from tfp_dgm.objectives.objective import Latents, Objective


def logits_of(objective: Objective, layer: tfd.Distribution) -> tuple[tf.Tensor, bool]:
    """Logits of a layer of latents, and whether they are those of one-hot vectors.

    Args:
      objective: the one that asks, for its name in the error.
      layer: `tfd.Bernoulli`, `OneHotCategorical`, or `tfd.Independent` over either.
    Returns:
      logits: [..., *event shape]; normalised, where one-hot.
      one_hot: bool.
    Raises:
      ValueError: if the distribution is another one.
    """
    base = layer.distribution if isinstance(layer, tfd.Independent) else layer
    if isinstance(base, tfd.Bernoulli):
        return base.logits_parameter(), False
    if isinstance(base, tfd.OneHotCategorical):
        return tf.math.log_softmax(base.logits_parameter()), True
    raise ValueError(
        f"{type(objective).__name__}: needs Bernoulli or OneHotCategorical latents; received "
        f"{layer}"
    )


def linear_log_prob(objective: Objective, distribution: tfd.Distribution, z: Latents) -> tf.Tensor:
    """log q(z), [S, B], continued linearly to values between 0 and 1.

    (The log-probability of `tfd.OneHotCategorical` passes no gradient to its argument.)

    Args:
      objective: the one that asks, for its name in errors.
      distribution: of binary or one-hot latents, in one layer or several.
      z: [S, B, ...], in the distribution's structure.
    Raises:
      ValueError: if a layer is neither Bernoulli nor one-hot.
    """
    if isinstance(distribution, tfd.JointDistribution):
        layers, _ = distribution.sample_distributions(value=z)
        parts = zip(layers, tf.nest.flatten(z), strict=True)
        return tf.add_n([linear_log_prob(objective, layer, value) for layer, value in parts])
    logits, one_hot = logits_of(objective, distribution)
    z = tf.cast(z, logits.dtype)
    if one_hot:
        log_prob = z * logits
    else:
        log_prob = z * tf.math.log_sigmoid(logits) + (1 - z) * tf.math.log_sigmoid(-logits)
    return sum_over_event(log_prob, z.shape.rank - distribution.event_shape.rank)


def draw_in_turn(
    posterior: tfd.Distribution,
    draw: Callable[[tfd.Distribution, list[int], tf.Tensor], tf.Tensor],
    num_samples: int,
    seed: tf.Tensor,
) -> Latents:
    """Draws layer after layer, each given those before it.

    Args:
      posterior: one distribution, batch shape [B], or a `tfd.JointDistribution` whose layers stand
        in the order in which they depend on each other (sequential or coroutine).
      draw: a layer, its sample shape and a seed -> its value [S, B, ...].
      num_samples: S.
      seed: int32 [2].
    Returns:
      The latents [S, B, ...], in the posterior's structure.
    """
    if not isinstance(posterior, tfd.JointDistribution):
        return draw(posterior, [num_samples], seed)
    values: list[tf.Tensor | None] = [None] * num_layers(posterior)
    seeds = tf.unstack(tf.random.experimental.stateless_split(seed, len(values)))
    for index, layer_seed in enumerate(seeds):
        layers, _ = posterior.sample_distributions(value=packed(posterior, values), seed=layer_seed)
        # From the second on, the layer's batch shape is [S, B].
        values[index] = draw(layers[index], [] if index else [num_samples], layer_seed)
    return packed(posterior, values)


def num_layers(posterior: tfd.JointDistribution) -> int:
    """Number of stochastic layers of a joint distribution."""
    return len(tf.nest.flatten(posterior.dtype))


def packed(posterior: tfd.JointDistribution, values: list[Any]) -> Latents:
    """Layers in the posterior's structure."""
    return tf.nest.pack_sequence_as(posterior.dtype, values)
