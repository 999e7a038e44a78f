"""A decoder without a latent, to compare with."""

from typing import Any

import keras
import tensorflow as tf

from tfp_dgm import distributions
from tfp_dgm.layers import TokenSequence
from tfp_dgm.models.latent_variable_model import LatentVariableModel
from tfp_dgm.models.text_vae import check_token_ids, check_vocabulary, token_ids_of
from tfp_dgm.networks import SequenceDecoder
from tfp_dgm.text import Vocabulary


@keras.saving.register_keras_serializable(package="tfp_dgm")
class LanguageModel(LatentVariableModel):
    """p(x) = prod_t softmax(decoder(x_<t))[x_t]: what a text VAE is without its latent.

    Trains and evaluates like `TextVAE`, by the log-likelihood itself, which stands where a latent
    variable model has its bound. There is no posterior. `predict` and calling the model give the
    log-probabilities, [B], of token ids [B, T] or strings [B].

    Args:
      decoder: with `conditioning_units=0`.
      vocabulary: takes strings to token ids and back.
      max_length: tokens of a draw, END included.
      seed: see `LatentVariableModel`.
    """

    part_names = ("bound",)

    def __init__(
        self,
        decoder: SequenceDecoder,
        *,
        vocabulary: Vocabulary | None = None,
        max_length: int = 50,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(seed=seed, **kwargs)
        if decoder.conditioning_units:
            raise ValueError(
                "LanguageModel: the decoder's `conditioning_units` must be 0; received "
                f"{decoder.conditioning_units}"
            )
        check_vocabulary(self, vocabulary, decoder)
        self.likelihood = TokenSequence(decoder, max_length, name="likelihood")
        self.vocabulary = vocabulary

    @property
    def decoder(self) -> SequenceDecoder:
        """What the likelihood is made of."""
        return self.likelihood.decoder

    @property
    def max_length(self) -> int:
        """Tokens of a draw, END included."""
        return self.likelihood.max_length

    def build(self, input_shape: Any = None) -> None:
        self.likelihood.build()
        self.built = True

    def token_ids(self, inputs: tf.Tensor) -> tf.Tensor:
        """Strings [B] or token ids [B, T] as token ids int32 [B, T]."""
        return token_ids_of(self, self.vocabulary, inputs)

    def check_inputs(self, inputs: Any) -> None:
        check_token_ids(self, inputs)

    def texts(self, rows: int | tf.Tensor, training: bool = False) -> distributions.TokenSequence:
        """p(x), with batch shape [rows]."""
        return self.likelihood(tf.zeros([rows, 0]), training=training)

    def losses_per_example(
        self, inputs: Any, targets: Any, training: bool
    ) -> tuple[tf.Tensor, dict[str, tuple[tf.Tensor, tf.Tensor | None]]]:
        del targets
        token_ids = self.token_ids(inputs)
        texts = self.texts(tf.shape(token_ids)[0], training=training)
        log_prob = texts.log_prob(token_ids)  # [B]
        return -log_prob, {"bound": (log_prob, None)}

    def call(self, inputs: Any, training: bool = False) -> tf.Tensor:
        token_ids = self.token_ids(inputs)
        return self.texts(tf.shape(token_ids)[0], training=training).log_prob(token_ids)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "max_length": self.max_length,
            "seed": self.seed,
            "decoder": keras.saving.serialize_keras_object(self.decoder),
            "vocabulary": keras.saving.serialize_keras_object(self.vocabulary),
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "LanguageModel":
        config = dict(config)
        for name in ("decoder", "vocabulary"):
            config[name] = keras.saving.deserialize_keras_object(config[name])
        return cls(**config)
