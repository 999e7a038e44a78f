"""What experts see of a source: an image, its features, or a text."""

from typing import NamedTuple

import keras
import tensorflow as tf

from tfp_dgm.networks.sequence_encoder import masked_mean


class EncodedSource(NamedTuple):
    """What the experts see of a source.

    Attributes:
      context: float32 [B, C].
      memory: [B, M, D], or None for decoders that attend to nothing.
      pooled: float32 [B, D]; what the gate sees.
      mask: bool [B, M], True where the memory holds something; None for everywhere.
    """

    context: tf.Tensor
    memory: tf.Tensor | None
    pooled: tf.Tensor
    mask: tf.Tensor | None = None


def encoded_source(
    features: tf.Tensor, mask: tf.Tensor | None, to_context: keras.layers.Layer, attended: bool
) -> EncodedSource:
    """Features as experts take them.

    Args:
      features: a vector [B, D], a grid [B, H, W, D] or a list [B, M, D].
      mask: bool [B, M] of a list, True where a vector means something; None for everywhere.
      to_context: pooled features [B, D] -> context [B, C].
      attended: whether the decoders attend to the vectors.
    """
    features = tf.convert_to_tensor(features)
    memory, pooled = features[:, tf.newaxis], tf.cast(features, tf.float32)
    if features.shape.rank > 2:
        memory = tf.reshape(features, [tf.shape(features)[0], -1, features.shape[-1]])  # [B, M, D]
        every = tf.ones(tf.shape(memory)[:2], tf.bool) if mask is None else mask  # [B, M]
        pooled = masked_mean(tf.cast(memory, tf.float32), every)  # [B, D]
    if not attended:
        memory = mask = None
    return EncodedSource(to_context(pooled), memory, pooled, mask)
