"""Pairs of latent and example that a model draws itself, as wake-sleep learns from."""

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from tfp_dgm.distributions.batches import has_batch
from tfp_dgm.models.conditions import event_of
from tfp_dgm.models.latent_variable_model import LatentVariableModel


def dreamed(
    model: LatentVariableModel, inputs: Any, seed: tf.Tensor, training: bool
) -> tuple[Any, tf.Tensor]:
    """Pairs of a model whose `decode` gives p(x | z), as many as there are inputs.

    Returns:
      z: [B, ...], drawn from the prior.
      x: [B, ...], drawn from p(x | z), of the inputs' type.
    """
    latents, values = tf.unstack(tf.random.split(seed))
    prior, events = model.prior(inputs, training=training), event_of(inputs)
    rows = [] if has_batch(prior) else tf.shape(events)[:1]
    z = prior.sample(rows, seed=latents)
    x = model.decode(z, training=training).sample(seed=values)
    return z, tf.cast(x, tf.as_dtype(events.dtype))


def log_posterior_of_dreams(
    model: LatentVariableModel, inputs: Any, training: bool
) -> Callable[[tf.Tensor], tf.Tensor]:
    """The `dream_log_posterior` of the joint of a model that has `dream`."""

    def log_posterior(seed: tf.Tensor) -> tf.Tensor:
        pairs = model.dream(inputs, seed=seed, training=training)
        z, x = tf.nest.map_structure(tf.stop_gradient, pairs)
        return model.posterior(x, training=training).log_prob(z)  # [B]

    return log_posterior
