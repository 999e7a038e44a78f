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
        if not isinstance(network, keras.layers.Layer):
            raise TypeError(f"`critic` must be a Keras layer; received {network!r}")
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


# A gradient and its weight.
Pair = tuple[Any, Any]


def scaled_back(
    of_critic: list[Pair], rest: list[Pair], optimizer: Any, critic_optimizer: Any
) -> tuple[list[Pair], list[Pair]]:
    """Gradients of a loss that `optimizer` scaled, as each of both optimizers takes them.

    Each divides by its own factor. One that scales against half precision leaves a step out whose
    gradients overflowed, and lowers its factor: where those of the critic did, they are zeros here,
    and those of the rest no numbers, so that the same is done of them.

    Args:
      of_critic: gradients of the critic, none of them None, and their weights.
      rest: gradients of the other weights.
      optimizer: of the rest.
      critic_optimizer: of the critic.
    """
    factor = critic_optimizer.scale_loss(tf.ones([])) / optimizer.scale_loss(tf.ones([]))
    # A weight of half precision has such a gradient, which its factor may not fit in.
    found = [(tf.cast(gradient, tf.float32) * factor, weight) for gradient, weight in of_critic]
    if isinstance(optimizer, keras.optimizers.LossScaleOptimizer):
        finite = tf.reduce_all(
            [tf.reduce_all(tf.math.is_finite(gradient)) for gradient, _ in found]
        )
        found = [(tf.where(finite, gradient, 0.0), weight) for gradient, weight in found]
        rest = [
            (tf.where(finite, gradient, float("nan")) if tf.is_tensor(gradient) else gradient, w)
            for gradient, w in rest
        ]
    return [(tf.cast(gradient, weight.dtype), weight) for gradient, weight in found], rest


def critic_part(
    layer: Any, training: bool
) -> Callable[[], Callable[[tf.Tensor], tf.Tensor]] | None:
    """The part of a `Joint`, where `layer` is a `LatentCritic` and not None."""
    return None if layer is None else lambda: functools.partial(layer, training=training)
