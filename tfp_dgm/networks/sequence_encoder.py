"""Encoders of texts: token ids [B, T] -> features [B, D] or [B, T, D], whatever the padding."""

from typing import Any

import keras
import tensorflow as tf

from tfp_dgm.networks.sequence_layer import SequenceLayer
from tfp_dgm.token_ids import PAD


class SequenceEncoder(SequenceLayer):
    """Embeds tokens and sums them up: int32 [B, T] -> [B, output_units].

    With `return_sequences`, tokens keep a vector each, [B, T, output_units], for what attends to
    them; `compute_mask` tells the real ones. Those at padding mean nothing.

    Args:
      vocabulary_size: V.
      units: D.
      embedding_units: E.
      dropout: share of the embeddings and of the answer set to zero in training.
      return_sequences: a vector for each token instead of one for the text.
      seed: int or None, of the dropout.
    """

    def __init__(
        self,
        vocabulary_size: int,
        units: int = 256,
        *,
        embedding_units: int = 256,
        dropout: float = 0.0,
        return_sequences: bool = False,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if min(vocabulary_size, units, embedding_units) < 1:
            raise ValueError(
                f"{type(self).__name__}: `vocabulary_size`, `units` and `embedding_units` must be "
                f">= 1; received {vocabulary_size}, {units} and {embedding_units}"
            )
        self.vocabulary_size = vocabulary_size
        self.units = units
        self.embedding_units = embedding_units
        self.dropout_rate = dropout
        self.return_sequences = return_sequences
        self.seed = seed
        seeds = (None, None) if seed is None else (2 * seed, 2 * seed + 1)
        common = {"dtype": self.dtype_policy}
        self.input_dropout = keras.layers.Dropout(dropout, seed=seeds[0], **common)
        self.output_dropout = keras.layers.Dropout(dropout, seed=seeds[1], **common)

    @property
    def output_units(self) -> int:
        """Size of the features."""
        return self.units

    def _build(self) -> None:
        """Makes and builds what follows the embedding."""
        raise NotImplementedError

    def _encode(self, x: tf.Tensor, mask: tf.Tensor, training: bool) -> tf.Tensor:
        """Embedded tokens [B, T, E] and mask [B, T] -> [B, output_units], or [B, T, ...] of it."""
        raise NotImplementedError

    def build(self, input_shape: Any = None) -> None:
        if self.built:
            return
        self.embedding = self.add_weight(
            shape=(self.vocabulary_size, self.embedding_units),
            initializer=keras.initializers.RandomUniform(-0.1, 0.1),
            name="embedding",
        )
        self._build()
        self.built = True

    def embed(self, token_ids: tf.Tensor) -> tf.Tensor:
        """Vectors of tokens, [..., T] -> [..., T, E]."""
        return tf.cast(tf.gather(self.embedding, token_ids), self.compute_dtype)

    def encode(self, x: tf.Tensor, mask: tf.Tensor, training: bool = False) -> tf.Tensor:
        """What `call` gives of texts whose tokens are embedded already.

        Args:
          x: [B, T, E], as `embed` gives it.
          mask: bool [B, T], where there are tokens; the rest is padding.
          training: whether there is dropout.
        Returns:
          [B, output_units], or [B, T, output_units] with `return_sequences`.
        """
        if self.dropout_rate:
            x = self.input_dropout(x, training=training)
        x = self._encode(x, mask, training)
        return self.output_dropout(x, training=training) if self.dropout_rate else x

    def call(self, token_ids: tf.Tensor, training: bool = False) -> tf.Tensor:
        token_ids = tf.cast(token_ids, tf.int32)  # Keras's export traces any layer with floats.
        return self.encode(self.embed(token_ids), token_ids != PAD, training)

    def compute_mask(self, inputs: tf.Tensor, previous_mask: Any = None) -> tf.Tensor | None:
        """Which vectors are of real tokens: bool [B, T]; None where there is one for the text."""
        return inputs != PAD if self.return_sequences else None

    def compute_output_shape(self, input_shape: Any) -> tuple[int | None, ...]:
        kept = 2 if self.return_sequences else 1
        return (*input_shape[:kept], self.output_units)


@keras.saving.register_keras_serializable(package="tfp_dgm")
class BagOfWordsEncoder(SequenceEncoder):
    """The mean embedding (or each) through one hidden layer: blind to the order of words."""

    def _build(self) -> None:
        self.hidden = self._dense(self.units, self.embedding_units, "hidden", activation="relu")

    def _encode(self, x: tf.Tensor, mask: tf.Tensor, training: bool) -> tf.Tensor:
        return self.hidden(x if self.return_sequences else masked_mean(x, mask))


def masked_mean(x: tf.Tensor, mask: tf.Tensor) -> tf.Tensor:
    """The mean of [B, T, D] over the real tokens: [B, D]."""
    weights = tf.cast(mask, x.dtype)[..., tf.newaxis]
    count = tf.maximum(tf.reduce_sum(weights, axis=1), 1)
    return tf.reduce_sum(x * weights, axis=1) / count
