"""The multilayer perceptron."""

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from tfp_dgm.saved_arguments import SavesArguments


@keras.saving.register_keras_serializable(package="tfp_dgm")
class MLP(SavesArguments, keras.layers.Layer):
    """Dense layers with one activation: [B, ...] flattened to [B, D], then [B, units[-1]].

    Args:
      units: widths of the layers.
      activation: applied after every layer.
      input_dropout: share of the inputs set to zero in training (on a bag of words: word dropout).
      dropout: share of each layer's outputs set to zero in training.
      batch_normalization: normalise each layer before its activation.
      seed: int or None, of the dropout.
    """

    def __init__(
        self,
        units: Sequence[int],
        *,
        activation: Any = "relu",
        input_dropout: float = 0.0,
        dropout: float = 0.0,
        batch_normalization: bool = False,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if not units or any(width < 1 for width in units):
            raise ValueError(f"MLP: `units` must be positive widths; received {units!r}")
        self.units = tuple(units)
        self.activation = keras.activations.get(activation)
        self.input_dropout = input_dropout
        self.dropout = dropout
        self.batch_normalization = batch_normalization
        self.seed = seed
        self.flatten = keras.layers.Flatten(dtype=self.dtype_policy)
        self.stack: list[keras.layers.Layer] = []
        # Keras hands neither the policy nor `trainable` on to a layer's parts.
        common = {"dtype": self.dtype_policy, "trainable": self.trainable}
        if input_dropout:
            self.stack.append(self._dropout(input_dropout, 0))
        for depth, width in enumerate(self.units):
            # Named, since the path of a weight must not depend on how many layers came before.
            self.stack.append(keras.layers.Dense(width, name=f"dense_{depth}", **common))
            if batch_normalization:
                name = f"batch_normalization_{depth}"
                self.stack.append(keras.layers.BatchNormalization(name=name, **common))
            self.stack.append(keras.layers.Activation(self.activation, dtype=self.dtype_policy))
            if dropout:
                self.stack.append(self._dropout(dropout, depth + 1))

    def _dropout(self, rate: float, position: int) -> keras.layers.Layer:
        seed = None if self.seed is None else self.seed + position
        return keras.layers.Dropout(rate, seed=seed, dtype=self.dtype_policy)

    def build(self, input_shape: Sequence[int | None]) -> None:
        shape = self.flatten.compute_output_shape(input_shape)
        for layer in self.stack:
            layer.build(shape)
            shape = layer.compute_output_shape(shape)
        self.built = True

    def call(self, x: tf.Tensor, training: bool = False) -> tf.Tensor:
        x = self.flatten(x)  # [B, D]
        for layer in self.stack:
            x = layer(x, training=training) if _has_noise(layer) else layer(x)
        return x

    def compute_output_shape(self, input_shape: Sequence[int | None]) -> tuple[int | None, int]:
        return (input_shape[0], self.units[-1])


def _has_noise(layer: keras.layers.Layer) -> bool:
    return isinstance(layer, keras.layers.Dropout | keras.layers.BatchNormalization)
