"""A network whose output for one dimension depends on the dimensions before it only."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfp_dgm.saved_arguments import SavesArguments


@keras.saving.register_keras_serializable(package="tfp_dgm")
class MaskedAutoregressive(SavesArguments, keras.layers.Layer):
    """MADE: a multilayer perceptron with masked weights [1]; x [..., Z] -> [..., Z, P].

        outputs[..., i, :] = f_i(x[..., j] for j before i, context)

    Hidden unit h has the degree 1 + h mod (Z - 1) and sees the dimensions up to its degree. A
    context [..., C] (what the features say) reaches every hidden unit; its leading axes broadcast
    against those of x, so that it is projected once for all samples.

    Args:
      dimensions: Z.
      num_outputs: P, of each dimension.
      units: widths of the hidden layers.
      activation: of the hidden layers.
      reverse: the order of the dimensions is Z-1, .., 0 instead of 0, .., Z-1.
      context_size: C; 0 is no context.
    References:
      [1] Germain et al. MADE: Masked Autoencoder for Distribution Estimation. ICML 2015.
        arXiv:1502.03509
    """

    built: bool

    def __init__(
        self,
        dimensions: int,
        num_outputs: int,
        *,
        units: Sequence[int] = (64,),
        activation: Any = "elu",
        reverse: bool = False,
        context_size: int = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if dimensions < 1 or not units or any(width < 1 for width in units):
            raise ValueError(
                "MaskedAutoregressive: `dimensions` and `units` must be positive; received "
                f"dimensions={dimensions}, units={units!r}"
            )
        self.dimensions = dimensions
        self.num_outputs = num_outputs
        self.units = tuple(units)
        self.activation = keras.activations.get(activation)
        self.reverse = reverse
        self.context_size = context_size
        self._masks = self._make_masks()

    def _make_masks(self) -> list[np.ndarray]:
        order = np.arange(1, self.dimensions + 1)
        inputs = order[::-1] if self.reverse else order
        degrees = [inputs]
        for width in self.units:
            degrees.append(1 + np.arange(width) % max(1, self.dimensions - 1))
        masks = [below[:, None] <= above for below, above in pairwise(degrees)]
        # The outputs of a dimension must not see the dimension itself.
        outputs = np.repeat(inputs, self.num_outputs)
        masks.append(degrees[-1][:, None] < outputs)
        return [mask.astype(np.float32) for mask in masks]

    def build(self, x_shape: Any = None, context_shape: Any = None) -> None:
        if self.built:  # Keras builds a deserialised layer before its parent.
            return
        for depth, mask in enumerate(self._masks):
            last = depth == len(self.units)
            self.add_weight(
                shape=mask.shape,
                # Small last weights: the transformation starts near the identity.
                initializer=keras.initializers.RandomNormal(stddev=0.01)
                if last
                else "glorot_uniform",
                name=f"kernel_{depth}",
            )
            self.add_weight(shape=mask.shape[1:], initializer="zeros", name=f"bias_{depth}")
            if self.context_size and not last:
                shape = (self.context_size, mask.shape[1])
                self.add_weight(shape=shape, name=f"context_kernel_{depth}")
        self.built = True

    def call(self, x: tf.Tensor, context: tf.Tensor | None = None) -> tf.Tensor:
        return self.apply([weight.value for weight in self.weights], x, context)

    def apply(
        self, weights: Sequence[tf.Tensor], x: tf.Tensor, context: tf.Tensor | None = None
    ) -> tf.Tensor:
        """The network with other values in the place of its `weights`."""
        values = iter(weights)
        for depth, mask in enumerate(self._masks):
            kernel, bias = next(values), next(values)
            x = tf.tensordot(x, kernel * tf.cast(mask, kernel.dtype), 1) + bias
            if depth < len(self.units):
                if self.context_size:
                    x += tf.tensordot(context, next(values), 1)
                x = self.activation(x)
        shape = tf.concat([tf.shape(x)[:-1], [self.dimensions, self.num_outputs]], axis=0)
        return tf.reshape(x, shape)  # [..., Z, P]

    def compute_output_shape(self, x_shape: Any, context_shape: Any = None) -> tuple[Any, ...]:
        return (*x_shape, self.num_outputs)
