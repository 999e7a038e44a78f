"""A small convolutional encoder of images."""

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from tfp_dgm.saved_arguments import SavesArguments


@keras.saving.register_keras_serializable(package="tfp_dgm")
class ConvolutionalEncoder(SavesArguments, keras.layers.Layer):
    """Images [B, H, W, 3] of values 0 to 255 -> a grid of features [B, H', W', filters[-1]].

    Each block halves height and width: convolution of stride 2, normalisation over groups of an
    example's own channels (so that no example depends on the others of its batch), ReLU.

    Args:
      filters: of the blocks; multiples of 8.
      kernel_size: of each convolution.
      dropout: share of the grid's features set to zero in training.
      seed: int or None, of the dropout.
    """

    def __init__(
        self,
        filters: Sequence[int] = (32, 64, 128),
        *,
        kernel_size: int = 3,
        dropout: float = 0.0,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if not filters or any(size < 8 or size % 8 for size in filters):
            raise ValueError(
                f"ConvolutionalEncoder: `filters` must be multiples of 8; received {filters!r}"
            )
        self.filters = tuple(filters)
        self.kernel_size = kernel_size
        self.dropout_rate = dropout
        self.seed = seed
        common = {"dtype": self.dtype_policy, "trainable": self.trainable}
        self.convolutions = [
            keras.layers.Conv2D(
                size, kernel_size, strides=2, padding="same", name=f"convolution_{i}", **common
            )
            for i, size in enumerate(self.filters)
        ]
        self.norms = [
            keras.layers.GroupNormalization(groups=8, name=f"norm_{i}", **common)
            for i in range(len(self.filters))
        ]
        self.dropout = keras.layers.Dropout(dropout, seed=seed, dtype=self.dtype_policy)

    def build(self, input_shape: Any) -> None:
        shape = tuple(input_shape)
        for convolution, norm in zip(self.convolutions, self.norms, strict=True):
            if not convolution.built:
                convolution.build(shape)
            shape = convolution.compute_output_shape(shape)
            if not norm.built:
                norm.build(shape)
        self.built = True

    def call(self, images: tf.Tensor, training: bool = False) -> tf.Tensor:
        x = tf.cast(images, self.compute_dtype) / 127.5 - 1.0
        for convolution, norm in zip(self.convolutions, self.norms, strict=True):
            x = tf.nn.relu(norm(convolution(x)))
        return self.dropout(x, training=training) if self.dropout_rate else x

    def compute_output_shape(self, input_shape: Any) -> tuple[int | None, ...]:
        shape = tuple(input_shape)
        for convolution in self.convolutions:
            shape = convolution.compute_output_shape(shape)
        return shape
