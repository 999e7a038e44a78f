"""A network that says of one half of a vector how the other half moves."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import keras
import tensorflow as tf

from tfp_dgm.saved_arguments import SavesArguments


@keras.saving.register_keras_serializable(package="tfp_dgm")
class CouplingNetwork(SavesArguments, keras.layers.Layer):
    """A multilayer perceptron of what a coupling keeps: x [..., A] -> [..., M, P].

    A context [..., C] (what the features say) reaches every hidden layer; its leading axes
    broadcast against those of x, so that it is projected once for all samples. Where A is 0, the
    context alone counts.

    Args:
      num_kept: A, of the dimensions that stay.
      num_moved: M, of those that move.
      num_outputs: P, of each that moves.
      units: widths of the hidden layers.
      activation: of the hidden layers.
      context_size: C; 0 is no context.
    """

    built: bool

    def __init__(
        self,
        num_kept: int,
        num_moved: int,
        num_outputs: int,
        *,
        units: Sequence[int] = (64,),
        activation: Any = "elu",
        context_size: int = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if not units or any(width < 1 for width in units):
            raise ValueError(
                "CouplingNetwork: `units` must be one or more positive widths; received "
                f"{tuple(units)!r}"
            )
        self.num_kept = num_kept
        self.num_moved = num_moved
        self.num_outputs = num_outputs
        self.units = tuple(units)
        self.activation = keras.activations.get(activation)
        self.context_size = context_size

    def build(self, x_shape: Any = None, context_shape: Any = None) -> None:
        if self.built:  # Keras builds a deserialised layer before its parent.
            return
        sizes = (self.num_kept, *self.units, self.num_moved * self.num_outputs)
        for depth, (inputs, outputs) in enumerate(pairwise(sizes)):
            last = depth == len(self.units)
            if inputs:
                self.add_weight(
                    shape=(inputs, outputs),
                    # Small last weights: the coupling starts near the identity.
                    initializer=keras.initializers.RandomNormal(stddev=0.01)
                    if last
                    else "glorot_uniform",
                    name=f"kernel_{depth}",
                )
            self.add_weight(shape=(outputs,), initializer="zeros", name=f"bias_{depth}")
            if self.context_size and not last:
                shape = (self.context_size, outputs)
                self.add_weight(shape=shape, name=f"context_kernel_{depth}")
        self.built = True

    def call(self, x: tf.Tensor, context: tf.Tensor | None = None) -> tf.Tensor:
        return self.apply([weight.value for weight in self.weights], x, context)

    def apply(
        self, weights: Sequence[tf.Tensor], x: tf.Tensor, context: tf.Tensor | None = None
    ) -> tf.Tensor:
        """The network with other values in the place of its `weights`."""
        values = iter(weights)
        for depth in range(len(self.units) + 1):
            if depth or self.num_kept:
                x = tf.tensordot(x, next(values), 1) + next(values)
            else:
                x = next(values)  # Of no dimensions, the bias.
            if depth < len(self.units):
                if self.context_size:
                    x += tf.tensordot(context, next(values), 1)
                x = self.activation(x)
        shape = tf.concat([tf.shape(x)[:-1], [self.num_moved, self.num_outputs]], axis=0)
        return tf.reshape(x, shape)  # [..., M, P]

    def compute_output_shape(self, x_shape: Any, context_shape: Any = None) -> tuple[Any, ...]:
        return (*x_shape[:-1], self.num_moved, self.num_outputs)
