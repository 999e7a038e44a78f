"""Multi-head attention whose leading axes broadcast, and whose keys can be kept."""

from typing import Any

import keras
import tensorflow as tf

from tfp_dgm.saved_arguments import SavesArguments
from tfp_dgm.stacked_products import stacked_product


@keras.saving.register_keras_serializable(package="tfp_dgm")
class Attention(SavesArguments, keras.layers.Layer):
    """Scaled dot-product attention [1]: queries [..., T, D] over keys and values [..., M, D].

        answer = W concat_h softmax(q_h k_h' / sqrt(D / heads)) v_h

    Keras has `MultiHeadAttention`; this one lets S draws of a latent share one memory without
    tiling it, and gives keys and values out, to be kept from step to step.

    Args:
      units: D.
      num_heads: divides D.
    References:
      [1] Vaswani et al. Attention Is All You Need. NeurIPS 2017. arXiv:1706.03762
    """

    def __init__(self, units: int, *, num_heads: int = 1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if num_heads < 1 or units % num_heads:
            raise ValueError(
                f"Attention: `num_heads` must divide units={units}; received {num_heads}"
            )
        self.units = units
        self.num_heads = num_heads
        common = {"dtype": self.dtype_policy, "trainable": self.trainable}
        self.query = keras.layers.Dense(units, name="query", **common)
        self.key_value = keras.layers.Dense(2 * units, name="key_value", **common)
        self.output_map = keras.layers.Dense(units, name="output", **common)

    def build(self, input_shape: Any, memory_shape: Any = None) -> None:
        for layer, shape in (
            (self.query, input_shape),
            (self.key_value, memory_shape or input_shape),
            (self.output_map, (None, self.units)),
        ):
            if not layer.built:
                layer.build(shape)
        self.built = True

    def keys_and_values(self, memory: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Projects a memory [..., M, D'] to keys and values, [..., M, D] each."""
        keys, values = tf.split(self.key_value(memory), 2, axis=-1)
        return keys, values

    def call(
        self, x: tf.Tensor, keys: tf.Tensor, values: tf.Tensor, mask: tf.Tensor | None = None
    ) -> tf.Tensor:
        """Attends from x [..., T, D'].

        Args:
          x: the queries, before their projection.
          keys: [..., M, D].
          values: [..., M, D].
          mask: bool, broadcasts to [..., T, M]; True where x may look.
        Returns:
          [..., T, D].
        """
        weights = tf.cast(tf.nn.softmax(self.scores(x, keys, mask)), values.dtype)
        answer = stacked_product(weights, self._heads(values))  # [..., H, T, D/H]
        rank = len(answer.shape)
        answer = tf.transpose(answer, [*range(rank - 3), rank - 2, rank - 3, rank - 1])
        shape = tf.concat([tf.shape(answer)[:-2], [self.units]], axis=0)
        return self.output_map(tf.reshape(answer, shape))  # [..., T, D]

    def scores(self, x: tf.Tensor, keys: tf.Tensor, mask: tf.Tensor | None = None) -> tf.Tensor:
        """What the softmax is taken of: float32 [..., H, T, M], -1e9 where x may not look.

        Args:
          x: [..., T, D'].
          keys: [..., M, D].
          mask: bool, broadcasts to [..., T, M].
        """
        query = self._heads(self.query(x))  # [..., H, T, D/H]
        scores = stacked_product(query, self._heads(keys), transpose_right=True)  # [..., H, T, M]
        scores = tf.cast(scores, tf.float32) * (self.units // self.num_heads) ** -0.5
        return scores if mask is None else tf.where(mask[..., tf.newaxis, :, :], scores, -1e9)

    def _heads(self, x: tf.Tensor) -> tf.Tensor:
        size = self.units // self.num_heads
        x = tf.reshape(x, tf.concat([tf.shape(x)[:-1], [self.num_heads, size]], axis=0))
        rank = len(x.shape)
        return tf.transpose(x, [*range(rank - 3), rank - 2, rank - 3, rank - 1])
