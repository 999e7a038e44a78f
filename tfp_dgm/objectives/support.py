"""Every value of a discrete latent, one after the other."""

import math

import numpy as np
import tensorflow as tf
from tensorflow_probability import distributions as tfd

from tfp_dgm.distributions.capability import capability
from tfp_dgm.distributions.supports import MOST_VALUES, support_of
from tfp_dgm.objectives.joint import Latents
from tfp_dgm.objectives.stochastic_layers import packed


@capability
def enumerated(distribution: tfd.Distribution) -> tuple[Latents, tf.Tensor]:
    """All values of one draw, and their log-probabilities.

    Args:
      distribution: `tfd.Categorical`, `OneHotCategorical`, `Bernoulli`, or `tfd.Independent` over
        some of these, batch shape [B] or []; or a `tfd.JointDistribution` of such layers.
    Returns:
      values: [M, B, ...] for M values, in the distribution's structure; the last of several
        variables changes fastest, that of the last layer before all. [M, ...] for batch shape [].
      log_probs: float32 [M, B] or [M]; -inf for values of no probability.
    Raises:
      ValueError: if the distribution is another one, or has more than 65,536 values.
    """
    values = _repeated(support_of(distribution), distribution)
    return values, distribution.log_prob(values)


@enumerated.register(tfd.Categorical)
def _(distribution: tfd.Categorical) -> tuple[Latents, tf.Tensor]:
    log_probs = tf.math.log_softmax(distribution.logits_parameter())  # [B, K]
    log_probs = tf.experimental.numpy.moveaxis(log_probs, -1, 0)  # [K, B]
    return _repeated(support_of(distribution), distribution), log_probs


@enumerated.register(tfd.OneHotCategorical)
def _(distribution: tfd.OneHotCategorical) -> tuple[Latents, tf.Tensor]:
    log_probs = tf.math.log_softmax(distribution.logits_parameter())  # [B, K]
    size = tf.shape(log_probs)[-1]  # Of sources to align with, say, it is known in the graph alone.
    batch = distribution.batch_shape_tensor()
    column = tf.concat([[size], tf.ones_like(batch), [size]], axis=0)
    values = tf.reshape(tf.eye(size, dtype=distribution.dtype), column)
    values = tf.broadcast_to(values, tf.concat([[size], batch, [size]], axis=0))
    return values, tf.experimental.numpy.moveaxis(log_probs, -1, 0)  # [K, B]


@enumerated.register(tfd.JointDistribution)
def _(distribution: tfd.JointDistribution) -> tuple[Latents, tf.Tensor]:
    # A layer's family and shape are the same whatever the draws before it.
    layers, _ = distribution.sample_distributions(seed=(0, 0))
    supports = [support_of(layer) for layer in layers]
    sizes = [len(support) for support in supports]
    if math.prod(sizes) > MOST_VALUES:
        raise ValueError(
            f"enumeration: expected at most {MOST_VALUES} values; received layers of {sizes}"
        )
    choices = np.indices(sizes).reshape(len(sizes), -1)  # [L, M]
    parts = zip(supports, choices, layers, strict=True)
    values = packed(
        distribution, [_repeated(support[chosen], layer) for support, chosen, layer in parts]
    )
    return values, distribution.log_prob(values)


def _repeated(support: np.ndarray, distribution: tfd.Distribution) -> tf.Tensor:
    """[M, *event shape] -> [M, *batch shape, *event shape]."""
    batch = distribution.batch_shape_tensor()
    rows, event = support.shape[:1], support.shape[1:]
    column = tf.concat([rows, tf.ones_like(batch), event], axis=0)
    values = tf.reshape(tf.constant(support, distribution.dtype), tf.cast(column, tf.int32))
    return tf.broadcast_to(values, tf.concat([rows, batch, event], axis=0))
