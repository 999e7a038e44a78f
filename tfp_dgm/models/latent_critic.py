"""A critic of latents, which adversarial objectives ask a model for."""

import functools
from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf


class LatentCritic(keras.layers.Layer):
    """c(z) = w . network(z) + b: latents [S, B, ...] -> float32 [S, B].

    Args:
      network: latents [N, Z] -> features [N, D].
      **kwargs: as for any Keras layer.
    """

    def __init__(self, network: keras.Layer, **kwargs: Any) -> None:
        super().__init__(**{**kwargs, "dtype": "float32"})
        self.network = network
        self.output_layer = keras.layers.Dense(1, dtype="float32", name="output")

    def build(self, input_shape: Any) -> None:
        """For latents of the shape [N, Z]."""
        if not self.network.built:  # Loading has built it already.
            self.network.build(input_shape)
        if not self.output_layer.built:
            self.output_layer.build(self.network.compute_output_shape(input_shape))
        self.built = True

    def call(self, z: tf.Tensor, training: bool = False) -> tf.Tensor:
        size = tf.TensorShape(z.shape[2:]).num_elements()
        features = self.network(tf.reshape(z, [-1, size]), training=training)  # [S B, D]
        return tf.reshape(self.output_layer(features), tf.shape(z)[:2])


def critic_part(
    layer: Any, training: bool
) -> Callable[[], Callable[[tf.Tensor], tf.Tensor]] | None:
    """The part of a `Joint`, where `layer` is a `LatentCritic` and not None."""
    return None if layer is None else lambda: functools.partial(layer, training=training)
