"""A pointer network as a distribution over the subsequences of a text."""

from typing import Any

import keras
import tensorflow as tf

from tfp_dgm import distributions
from tfp_dgm.layers.distribution_layer import DistributionLayer
from tfp_dgm.layers.over_texts import OverTexts
from tfp_dgm.layers.token_sequence import decoder_functions
from tfp_dgm.networks import SequenceDecoder


@keras.saving.register_keras_serializable(package="tfp_dgm")
class PointerSequence(OverTexts, DistributionLayer):
    """Maps a text and a vector of each of its words to a distribution over its subsequences.

        k_i = W f_i;    see `distributions.PointerSequence` for the density

    Args:
      decoder: reads the words taken so far; without `memory_units`. Of its output, the row of END
        alone is used.
      max_length: tokens of a draw, END included.
      **kwargs: see `DistributionLayer`.
    """

    def __init__(self, decoder: SequenceDecoder, max_length: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._require_positive("max_length", max_length)
        if decoder.memory_units:
            raise ValueError(
                "PointerSequence: the decoder's `memory_units` must be 0, as it points at the "
                f"source; received {decoder.memory_units}"
            )
        self.decoder = decoder
        self.max_length = max_length
        self._hand_on_trainable(decoder)
        self.key_map: Any = None  # Built with the features.

    def build(self, input_shape: Any) -> None:
        """Of features [..., T, D]."""
        if not self.decoder.built:
            self.decoder.build()
        if self.key_map is None:
            self.key_map = keras.layers.Dense(
                self.decoder.output_kernel.shape[1],
                use_bias=False,
                dtype="float32",
                trainable=self.trainable,
                name="key_map",
            )
            self.key_map.build((None, input_shape[-1]))
        self.built = True

    def call(
        self,
        features: tf.Tensor,
        source: tf.Tensor,
        conditioning: tf.Tensor,
        max_words: tf.Tensor | None = None,
        min_words: tf.Tensor | None = None,
        training: bool = False,
    ) -> distributions.PointerSequence:
        """q(c | x), batch shape [B].

        Args:
          features: [B, T, D], a vector of each word.
          source: int32 [B, T]; the words x, filled with PAD.
          conditioning: [B, Z], of the decoder.
          max_words: int32 [B]; of c. None: as many as `max_length` has room for.
          min_words: int32 [B]; of c. None: 0.
          training: whether the decoder drops words and features out.
        """
        if max_words is None:
            max_words = tf.fill(tf.shape(source)[:1], self.max_length - 1)
        return distributions.PointerSequence(
            conditioning,
            decoder_functions(self.decoder, training=training),
            source,
            self.key_map(features),
            max_words,
            max_length=self.max_length,
            min_words=min_words,
        )

    @property
    def vocabulary_size(self) -> int:
        return self.decoder.vocabulary_size
