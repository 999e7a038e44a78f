"""Distributions over masks of the words of texts, which are 0 where there is no word."""

import functools

import tensorflow as tf
from tensorflow_probability import distributions as tfd

from tfp_dgm import distributions, layers
from tfp_dgm.layers import ProjectedDistributionLayer

# Parameters of a variable that is 0 for certain.
_CLOSED_LOGIT = -1e9
_CLOSED_GATE = (1.0, 1e4)


@functools.singledispatch
def word_masks(
    layer: ProjectedDistributionLayer, features: tf.Tensor, words: tf.Tensor, training: bool
) -> tfd.Distribution:
    """p(m | x) of masks [T], batch shape [B].

    Args:
      layer: `HardKumaraswamy(1)`, `IndependentBernoulli(1)` or `LinearChain(2)`.
      features: [B, T, D].
      words: bool [B, T], True up to each text's length. The mask is 0 elsewhere, but for the first
        place of a text without words, which a chain must have.
      training: as of a call.
    Raises:
      ValueError: if the layer is another one.
    """
    raise ValueError(
        "masks: expected HardKumaraswamy(1), IndependentBernoulli(1) or LinearChain(2); received "
        f"{layer!r}"
    )


@word_masks.register(layers.HardKumaraswamy)
def _(
    layer: layers.HardKumaraswamy, features: tf.Tensor, words: tf.Tensor, training: bool
) -> tfd.Distribution:
    _require_one(layer)
    parameters = layer.parameters(features, training)  # [B, T, 2]
    parameters = tf.where(words[..., tf.newaxis], parameters, _CLOSED_GATE)
    gates = distributions.independent_factors(layer.distribution(parameters))  # [B, T, 1]
    gates = distributions.HardKumaraswamy(
        gates.concentration1[..., 0], gates.concentration0[..., 0]
    )
    return tfd.Independent(gates, reinterpreted_batch_ndims=1)


@word_masks.register(layers.IndependentBernoulli)
def _(
    layer: layers.IndependentBernoulli, features: tf.Tensor, words: tf.Tensor, training: bool
) -> tfd.Distribution:
    _require_one(layer)
    logits = tf.where(words, layer.parameters(features, training)[..., 0], _CLOSED_LOGIT)
    gates = distributions.LogitBernoulli(logits=logits, dtype=tf.float32)
    return tfd.Independent(gates, reinterpreted_batch_ndims=1)


@word_masks.register(layers.LinearChain)
def _(
    layer: layers.LinearChain, features: tf.Tensor, words: tf.Tensor, training: bool
) -> tfd.Distribution:
    first = tf.range(tf.shape(words)[1]) == 0
    return layer(features, training=training, mask=words | first)


def _require_one(layer: ProjectedDistributionLayer) -> None:
    if layer.event_size != 1:
        raise ValueError(
            f"masks: {type(layer).__name__} must be of one variable a word; received one of "
            f"{layer.event_size}"
        )
