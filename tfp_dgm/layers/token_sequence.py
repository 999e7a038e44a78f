"""A decoder of texts as a distribution."""

from typing import Any

import keras
import tensorflow as tf

from tfp_dgm import distributions
from tfp_dgm.layers.distribution_layer import DistributionLayer
from tfp_dgm.layers.over_texts import OverTexts
from tfp_dgm.networks import SequenceDecoder
from tfp_dgm.networks.product_speed import faster_dtype

# Numbers of an output kernel, from which on it is measured whether bfloat16 pays.
_LARGE = 2**18


@keras.saving.register_keras_serializable(package="tfp_dgm")
class TokenSequence(OverTexts, DistributionLayer):
    """Maps conditioning vectors [..., Z] to distributions over texts, batch shape [...].

    See `distributions.TokenSequence` for the density. Log-probabilities are float32 under any
    policy; the decoder computes in its own.

    Args:
      decoder: a `networks.SequenceDecoder`.
      max_length: tokens of a draw, END included.
      **kwargs: see `DistributionLayer`.
    """

    def __init__(self, decoder: SequenceDecoder, max_length: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if max_length < 1:
            raise ValueError(f"TokenSequence: `max_length` must be >= 1; received {max_length}")
        self.decoder = decoder
        self.max_length = max_length
        self._hand_on_trainable(decoder)

    def build(self, input_shape: Any = None) -> None:
        if not self.decoder.built:
            self.decoder.build()
        self.built = True

    def call(
        self,
        conditioning: tf.Tensor,
        memory: tf.Tensor | None = None,
        memory_mask: tf.Tensor | None = None,
        training: bool = False,
        positions_at_once: int | None = None,
        rough: bool = False,
    ) -> distributions.TokenSequence:
        """p(x | conditioning).

        Args:
          conditioning: [..., Z].
          memory: [..., M, D], for a decoder that attends; leading axes broadcast.
          memory_mask: bool [..., M]; True where there is something to attend to.
          training: whether the decoder drops words and features out.
          positions_at_once: see `distributions.TokenSequence`.
          rough: likewise.
        """
        prepared = self.decoder.prepare_memory(memory, memory_mask)
        return distributions.TokenSequence(
            conditioning,
            decoder_functions(self.decoder, prepared, training),
            max_length=self.max_length,
            positions_at_once=positions_at_once,
            rough=rough,
        )

    @property
    def rough_pays(self) -> bool:
        """Whether `rough` is faster here, as measured once in a process for kernels of this size.

        Small ones take no time that could be saved, and are not measured.
        """
        size, units = self.decoder.output_kernel.shape
        return size * units >= _LARGE and faster_dtype(units, size) == "bfloat16"

    @property
    def vocabulary_size(self) -> int:
        return self.decoder.vocabulary_size


def decoder_functions(
    decoder: SequenceDecoder, memory: Any = None, training: bool = False
) -> distributions.DecoderFunctions:
    """A decoder as distributions take it.

    Args:
      decoder: built.
      memory: what its `prepare_memory` gave.
      training: whether it drops words and features out.
    """

    def features(conditioning: tf.Tensor, token_ids: tf.Tensor) -> tf.Tensor:
        return decoder.features(conditioning, token_ids, memory=memory, training=training)

    def step(conditioning: tf.Tensor, token_ids: tf.Tensor, time: tf.Tensor, state: Any) -> Any:
        return decoder.step(conditioning, token_ids, time, state, memory=memory)

    return distributions.DecoderFunctions(
        features=features,
        initial_state=decoder.initial_state,
        step=step,
        kernel=decoder.output_kernel,
        bias=tf.convert_to_tensor(decoder.output_bias),
    )
