"""Latents of several stochastic layers, one layer at a time."""

from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf
from tensorflow_probability import distributions as tfd

from tfp_dgm.objectives.joint import Latents


def draw_in_turn(
    posterior: tfd.Distribution,
    draw: Callable[[tfd.Distribution, list[int], tf.Tensor], tf.Tensor],
    num_samples: int,
    seed: tf.Tensor,
    *,
    known: Sequence[tf.Tensor] = (),
) -> Latents:
    """Draws layer after layer, each given those before it.

    Args:
      posterior: one distribution, batch shape [B], or a `tfd.JointDistribution` whose layers stand
        in the order in which they depend on each other (sequential or coroutine).
      draw: a layer, its sample shape and a seed -> its value [S, B, ...].
      num_samples: S.
      seed: int32 [2].
      known: values [S, B, ...] of the first layers, which are not drawn.
    Returns:
      The latents [S, B, ...], in the posterior's structure.
    """
    if not isinstance(posterior, tfd.JointDistribution):
        return known[0] if known else draw(posterior, [num_samples], seed)
    missing: list[Any] = [None] * (num_layers(posterior) - len(known))
    values = [*known, *missing]
    seeds = tf.unstack(tf.random.split(seed, len(values)))
    for index in range(len(known), len(values)):
        layers, _ = posterior.sample_distributions(
            value=packed(posterior, values), seed=seeds[index]
        )
        # From the second on, the layer's batch shape is [S, B].
        values[index] = draw(layers[index], [] if index else [num_samples], seeds[index])
    return packed(posterior, values)


def num_layers(posterior: tfd.Distribution) -> int:
    """Number of stochastic layers."""
    return len(tf.nest.flatten(posterior.dtype))


def packed(posterior: tfd.JointDistribution, values: Sequence[Any]) -> Latents:
    """Layers in the posterior's structure."""
    return tf.nest.pack_sequence_as(posterior.dtype, list(values))
