"""A decoder without a latent, to compare with."""

from typing import Any

import keras
import tensorflow as tf

from tfp_dgm import distributions
from tfp_dgm.layers import TokenSequence
from tfp_dgm.models.exact_likelihood_model import ExactLikelihoodModel
from tfp_dgm.models.takes_texts import WritesTexts
from tfp_dgm.models.text_inputs import check_vocabulary
from tfp_dgm.networks import SequenceDecoder
from tfp_dgm.text import Vocabulary


@keras.saving.register_keras_serializable(package="tfp_dgm")
class LanguageModel(WritesTexts, ExactLikelihoodModel):
    """p(x) = prod_t softmax(decoder(x_<t))[x_t]: what a text VAE is without its latent.

    An `ExactLikelihoodModel` of texts: trains and evaluates like `TextVAE`, by the log-likelihood
    itself. `predict` and calling the model give the log-probabilities, [B], of token ids [B, T] or
    strings [B].

    Args:
      decoder: with `conditioning_units=0`.
      vocabulary: takes strings to token ids and back.
      max_length: tokens of a draw, END included.
      seed: see `LatentVariableModel`.
    """

    def __init__(
        self,
        decoder: SequenceDecoder,
        *,
        vocabulary: Vocabulary | None = None,
        max_length: int = 50,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        if decoder.conditioning_units:
            raise ValueError(
                "LanguageModel: the decoder's `conditioning_units` must be 0; received "
                f"{decoder.conditioning_units}"
            )
        check_vocabulary(self, vocabulary, decoder)
        likelihood = TokenSequence(decoder, max_length, name="likelihood")
        super().__init__(likelihood, seed=seed, **kwargs)
        self.vocabulary = vocabulary

    def texts(self, rows: int | tf.Tensor, training: bool = False) -> distributions.TokenSequence:
        """p(x), with batch shape [rows]."""
        return self.likelihood(tf.zeros([rows, 0]), training=training)

    def distribution(self, inputs: Any, training: bool = False) -> distributions.TokenSequence:
        return self.texts(tf.shape(inputs)[0], training=training)

    def log_prob(self, inputs: Any, training: bool = False) -> tf.Tensor:
        """log p(x) of token ids [B, T] or strings [B], float32 [B], nats."""
        return super().log_prob(self.token_ids(inputs), training=training)
