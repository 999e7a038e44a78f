"""A decoder of texts with a latent alignment a token, as a distribution."""

from typing import Any

import keras
import tensorflow as tf

from tfp_dgm import distributions
from tfp_dgm.layers.token_sequence import TokenSequence
from tfp_dgm.networks import RecurrentDecoder


@keras.saving.register_keras_serializable(package="tfp_dgm")
class AlignedTokenSequence(TokenSequence):
    """`TokenSequence` whose attention is a latent: each token looks at one source alone [1].

    Of a decoder with attention it takes the weights as they are: what was the mean of the sources
    is summed over, p(z_t = i | x_<t, c) being attention's weight of source i. See
    `distributions.AlignedTokenSequence`.

    Args:
      decoder: recurrent, with `memory_units`.
      max_length: tokens of a draw, END included.
      positions_at_once: in training, pairs of a token and a source whose logits [V] are there at
        once, and computed a second time for the gradient; XLA compiles no such training. None for
        all of a batch. Out of training, sources are taken one after the other.
      **kwargs: see `DistributionLayer`.
    Raises:
      TypeError: if the decoder is no recurrent one, whose state depends on no alignment.
      ValueError: if it attends to nothing.
    References:
      [1] Deng, Kim, Chiu, Guo and Rush. Latent Alignment and Variational Attention. NeurIPS 2018.
        arXiv:1807.03756
    """

    def __init__(
        self,
        decoder: RecurrentDecoder,
        max_length: int,
        *,
        positions_at_once: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(decoder, max_length, **kwargs)
        if not isinstance(decoder, RecurrentDecoder):
            raise TypeError(
                "AlignedTokenSequence: `decoder` must be recurrent, since its state may depend on "
                f"no alignment; received {type(decoder).__name__}"
            )
        if not decoder.memory_units:
            raise ValueError("AlignedTokenSequence: `decoder` must have `memory_units` > 0")
        if positions_at_once is not None and positions_at_once < 1:
            raise ValueError(
                "AlignedTokenSequence: `positions_at_once` must be >= 1 or None; received "
                f"{positions_at_once}"
            )
        self.positions_at_once = positions_at_once

    def call(
        self,
        conditioning: tf.Tensor,
        memory: tf.Tensor | None = None,
        memory_mask: tf.Tensor | None = None,
        training: bool = False,
        positions_at_once: int | None = None,
        rough: bool = False,
    ) -> distributions.AlignedTokenSequence:
        """p(x | conditioning), the alignments summed out; see `TokenSequence.call`.

        Args:
          positions_at_once: another number than the layer's.
        """
        decoder = self.decoder
        prepared = decoder.prepare_memory(memory, memory_mask)
        positions_at_once = positions_at_once or self.positions_at_once

        def step(conditioning: tf.Tensor, token_ids: tf.Tensor, time: tf.Tensor, state: Any) -> Any:
            del time  # Recurrent layers do not count.
            return decoder.output_step(conditioning, token_ids, state)

        return distributions.AlignedTokenSequence(
            conditioning,
            distributions.DecoderFunctions(
                features=lambda z, token_ids: decoder.outputs(z, token_ids, training=training),
                initial_state=decoder.initial_state,
                step=step,
                kernel=decoder.output_kernel,
                bias=tf.convert_to_tensor(decoder.output_bias),
            ),
            distributions.SourceFunctions(
                log_prior=lambda h: tf.math.log_softmax(decoder.alignment_logits(h, prepared)),
                kept=memory_mask,
                sources=decoder.source_terms(prepared),
                outputs=decoder.output_terms,
                features=lambda terms: decoder.looked_at(terms, training=training),
            ),
            max_length=self.max_length,
            positions_at_once=positions_at_once if training else None,
            rough=rough,
            in_turn=not training,
        )
