"""q(z_t | x, c): which source a token of a text looked at, by a network that sees all of it."""

from typing import Any

import keras
import tensorflow as tf
from tensorflow_probability import distributions as tfd

from tfp_dgm.layers.constraints import ONE_HOT, Constraint
from tfp_dgm.layers.distribution_layer import DistributionLayer
from tfp_dgm.networks import SequenceEncoder


@keras.saving.register_keras_serializable(package="tfp_dgm")
class AlignmentRecognition(DistributionLayer):
    """A network that guesses the alignments of a text from all of its tokens and the sources [1].

        q(z_t = i | x, c) = softmax_i(query(encoder(x)_t) . key(c_i) / sqrt(D))

    One-hot, so that relaxed objectives can mix sources.

    Args:
      encoder: reads the text, with `return_sequences`; bidirectional, to see what follows a token.
      units: D, of queries and keys.
      **kwargs: see `DistributionLayer`.
    Raises:
      ValueError: if the encoder has one vector for a text, or `units` is no positive int.
    References:
      [1] Deng, Kim, Chiu, Guo and Rush. Latent Alignment and Variational Attention. NeurIPS 2018.
        arXiv:1807.03756
    """

    def __init__(self, encoder: SequenceEncoder, units: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._require_positive("units", units)
        if not encoder.return_sequences:
            raise ValueError(
                "AlignmentRecognition: `encoder` must have return_sequences=True; received "
                "return_sequences=False"
            )
        self.encoder = encoder
        self.units = units
        self._hand_on_trainable(encoder)
        common = {"trainable": self.trainable, "dtype": "float32"}
        self.query = keras.layers.Dense(units, name="query", **common)
        self.key = keras.layers.Dense(units, use_bias=False, name="key", **common)

    @property
    def value_shape(self) -> tuple[None]:
        return (None,)

    @property
    def support(self) -> Constraint:
        return ONE_HOT

    def build(self, token_shape: Any = None, memory_shape: Any = None) -> None:
        if not self.encoder.built:
            self.encoder.build()
        for layer, size in ((self.query, self.encoder.output_units), (self.key, memory_shape[-1])):
            if not layer.built:
                layer.build((None, size))
        self.built = True

    def call(
        self,
        token_ids: tf.Tensor,
        memory: tf.Tensor,
        memory_mask: tf.Tensor | None = None,
        training: bool = False,
    ) -> tfd.OneHotCategorical:
        """q(z | x, c) of each token, batch shape [B, T], events [M].

        Args:
          token_ids: int32 [B, T].
          memory: [B, M, D'].
          memory_mask: bool [B, M]; True where there is a source.
          training: whether the encoder drops features out.
        """
        text = tf.cast(self.encoder(token_ids, training=training), tf.float32)
        keys = self.key(tf.cast(memory, tf.float32))  # [B, M, D]
        logits = tf.matmul(self.query(text), keys, transpose_b=True) * self.units**-0.5
        if memory_mask is not None:
            logits = tf.where(memory_mask[:, tf.newaxis], logits, -1e9)
        return tfd.OneHotCategorical(logits=tf.math.log_softmax(logits), dtype=tf.float32)
