"""A network that moves points through time, with the exact divergence of its motion."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import keras
import tensorflow as tf

from tfp_dgm.saved_arguments import SavesArguments


@keras.saving.register_keras_serializable(package="tfp_dgm")
class VelocityNetwork(SavesArguments, keras.layers.Layer):
    """dx/dt = f(x, t, context), a multilayer perceptron of one or two hidden layers.

        h_1 = tanh(x A + t a + shift),   h_2 = tanh(h_1 B + b),   f = h_2 C + c

    The divergence sum_i df_i / dx_i is exact, and costs no more than the network itself; with
    d_l = 1 - h_l^2 and elementwise products,

        div f = sum((d_1 (B * (C A)')) * d_2),   or with one hidden layer   sum(d_1 * diag(C A))

    What a context [..., C] says of the first layer, `shift`, is the same at all times, and computed
    once.

    Args:
      dimensions: Z.
      units: widths of the one or two hidden layers.
      context_size: C; 0 is no context.
    """

    built: bool

    def __init__(
        self,
        dimensions: int,
        *,
        units: Sequence[int] = (64,),
        context_size: int = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if len(units) not in (1, 2) or any(width < 1 for width in units):
            raise ValueError(
                "VelocityNetwork: `units` must be the positive widths of one or two layers; "
                f"received {tuple(units)!r}"
            )
        self.dimensions = dimensions
        self.units = tuple(units)
        self.context_size = context_size

    def build(self, input_shape: Any = None) -> None:
        if self.built:  # Keras builds a deserialised layer before its parent.
            return
        sizes = (self.dimensions, *self.units, self.dimensions)
        for depth, (inputs, outputs) in enumerate(pairwise(sizes)):
            last = depth == len(self.units)
            self.add_weight(
                shape=(inputs, outputs),
                # Small last weights: little moves at the start.
                initializer=keras.initializers.RandomNormal(stddev=0.01)
                if last
                else "glorot_uniform",
                name=f"kernel_{depth}",
            )
            if depth:
                self.add_weight(shape=(outputs,), initializer="zeros", name=f"bias_{depth}")
        self.time_kernel = self.add_weight(shape=(self.units[0],), name="time_kernel")
        self.bias = self.add_weight(shape=(self.units[0],), initializer="zeros", name="bias_0")
        if self.context_size:
            shape = (self.context_size, self.units[0])
            self.context_kernel = self.add_weight(shape=shape, name="context_kernel")
        self.built = True

    @property
    def motion_weights(self) -> list[tf.Tensor]:
        """What `velocity` takes besides the shift."""
        return [weight.value for weight in self.weights[: 2 * len(self.units) + 2]]

    def shift(self, context: tf.Tensor | None = None) -> tf.Tensor:
        """What the first hidden layer adds at every place and time, [..., H]."""
        bias = tf.convert_to_tensor(self.bias)
        if not self.context_size:
            return bias
        return bias + tf.tensordot(context, tf.convert_to_tensor(self.context_kernel), 1)

    def call(self, x: tf.Tensor, t: tf.Tensor, context: tf.Tensor | None = None) -> tf.Tensor:
        return self.velocity(self.motion_weights, x, t, self.shift(context))[0]

    def velocity(
        self, weights: Sequence[tf.Tensor], x: tf.Tensor, t: tf.Tensor, shift: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """f [..., Z] and its divergence [...] at points [..., Z] and times [...] of their own."""
        *layers, time_kernel = weights
        first = layers[0]
        h = tf.tanh(tf.tensordot(x, first, 1) + t[..., tf.newaxis] * time_kernel + shift)
        slope = 1.0 - h * h
        if len(self.units) == 1:
            _, last, bias = layers
            trace = tf.tensordot(slope, tf.reduce_sum(tf.transpose(first) * last, axis=-1), 1)
        else:
            _, second, second_bias, last, bias = layers
            h = tf.tanh(tf.tensordot(h, second, 1) + second_bias)
            around = second * tf.transpose(tf.matmul(last, first))  # [H_1, H_2]
            trace = tf.reduce_sum(tf.tensordot(slope, around, 1) * (1.0 - h * h), axis=-1)
        return tf.tensordot(h, last, 1) + bias, trace

    def compute_output_shape(self, x_shape: Any, *others: Any) -> tuple[Any, ...]:
        return tuple(x_shape)
