"""One of several layers of latents: from the value of a layer to the distribution of the next."""

from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf
from tensorflow_probability import distributions as tfd

from tfp_dgm.layers import ProjectedDistributionLayer
from tfp_dgm.models.vae import build_network


def build_or_flatten(network: keras.Layer | None, shape: tuple[int | None, ...]) -> Any:
    """Builds a network, None for flattening; gives its output shape."""
    if network is not None:
        return build_network(network, shape)
    size = 1
    for length in shape[1:]:
        size *= length or 1
    return (shape[0], size)


def features_of(network: keras.Layer | None, inputs: tf.Tensor, training: bool) -> tf.Tensor:
    """Features [B, D] of inputs [B, ...]; None stands for the inputs themselves, flattened."""
    if network is not None:
        return network(inputs, training=training)
    size = tf.TensorShape(inputs.shape[1:]).num_elements()
    return tf.reshape(tf.cast(inputs, tf.float32), [-1, size])


def conditional(
    network: keras.Layer | None,
    given: ProjectedDistributionLayer,
    layer: ProjectedDistributionLayer,
    training: bool,
) -> Callable[[tf.Tensor], tfd.Distribution]:
    """A value of `given`'s family, [..., *event shape] -> `layer`'s distribution."""

    # TFP names a layer after the argument that it is given as, unless that is "_".
    def distribution(_: tf.Tensor) -> tfd.Distribution:
        z = tf.cast(_, tf.float32)
        leading = tf.shape(z)[: z.shape.rank - len(given.event_shape)]
        # Networks see one batch axis, however many axes of draws there are (none, in the prior).
        features = tf.reshape(z, [-1, given.event_size])  # [N, Z]
        if network is not None:
            features = network(features, training=training)
        parameters = layer.parameters(features, training)  # [N, P]
        shape = tf.concat([leading, [layer.parameter_size]], axis=0)
        return layer.distribution(tf.reshape(parameters, shape))

    return distribution


def scalar_of(
    network: keras.Layer, output: keras.layers.Dense, size: int, training: bool
) -> Callable[[tf.Tensor], tf.Tensor]:
    """Values [S, B, ...] of so many elements each -> [S, B]."""

    def function(value: tf.Tensor) -> tf.Tensor:
        features = network(tf.reshape(value, [-1, size]), training=training)  # [S B, D]
        return tf.reshape(output(features), tf.shape(value)[:2])

    return function
