"""The variational autoencoder of sentences."""

from typing import Any

import keras
import tensorflow as tf
from tensorflow_probability import distributions as tfd

from tfp_dgm import distributions
from tfp_dgm.layers import (
    DistributionLayer,
    MultivariateNormalDiag,
    ProjectedDistributionLayer,
    TokenSequence,
    require_prior_of_features,
    require_projected_layer,
    standard_prior,
)
from tfp_dgm.models.conditions import build_prior, condition_of, event_of, with_event
from tfp_dgm.models.dreams import dreamed, log_posterior_of_dreams
from tfp_dgm.models.latent_critic import LatentCritic, critic_part
from tfp_dgm.models.latent_variable_model import LatentVariableModel
from tfp_dgm.models.takes_texts import WritesTexts
from tfp_dgm.models.text_inputs import check_token_ids, check_vocabulary
from tfp_dgm.models.vae import build_network
from tfp_dgm.networks import SequenceDecoder, SequenceEncoder
from tfp_dgm.objectives import Joint
from tfp_dgm.text import Vocabulary
from tfp_dgm.token_ids import PAD

# Logits of more draws than one are kept for so many positions at a time.
_POSITIONS_AT_ONCE = 2048


@keras.saving.register_keras_serializable(package="tfp_dgm")
class TextVAE(WritesTexts, LatentVariableModel):
    """Variational autoencoder of sentences [1].

        z ~ p(z);    x_t ~ softmax(decoder(z, x_<t));    q(z | x) = posterior(encoder(x))

    Inputs are token ids int32 [B, T], each row closed by END and filled with PAD, or strings [B]
    where there is a vocabulary. `predict` and calling the model give the posterior's mean, [B, Z];
    on the unit sphere its mean direction (`distributions.point_estimate`).

    With `bag_of_words_weight`, the gradient is also that of the words' log-probability given z
    alone, whatever their order [2], which a decoder that knows the words before cannot spare the
    latent. No value changes: bound and reconstruction are those of the sequences.

    Args:
      encoder: token ids [B, T] -> features [B, D].
      decoder: with `conditioning_units` of the latent's size.
      latent_units: Z, where `posterior` is not given.
      posterior: distribution layer over the latent; `MultivariateNormalDiag(latent_units)`.
      prior: `layers.standard_prior(posterior)`. A `VampPrior` has pseudo-inputs among the encoder's
        features. With a layer of p(z | c), inputs are {"condition": c [B, ...], "event": texts}.
      vocabulary: takes strings to token ids and back.
      max_length: tokens of a draw, END included.
      bag_of_words_weight: factor of the auxiliary term's gradient.
      critic: Keras layer, latents [N, Z] -> features [N, D]; what the critic that adversarial
        objectives ask for is a linear function of. None: there is none.
      seed: see `LatentVariableModel`.
    References:
      [1] Bowman et al. Generating Sentences from a Continuous Space. CoNLL 2016. arXiv:1511.06349
      [2] Zhao, Zhao and Eskenazi. Learning Discourse-level Diversity for Neural Dialog Models using
        Conditional Variational Autoencoders. ACL 2017. arXiv:1703.10960
    """

    def __init__(
        self,
        encoder: SequenceEncoder,
        decoder: SequenceDecoder,
        *,
        latent_units: int | None = None,
        posterior: ProjectedDistributionLayer | None = None,
        prior: DistributionLayer | None = None,
        critic: keras.Layer | None = None,
        vocabulary: Vocabulary | None = None,
        max_length: int = 50,
        bag_of_words_weight: float = 0.0,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(seed=seed, **kwargs)
        if posterior is None:
            if latent_units is None:
                raise ValueError("TextVAE: give `latent_units` or a `posterior`; received none")
            posterior = MultivariateNormalDiag(latent_units, name="posterior")
        prior = standard_prior(posterior) if prior is None else prior
        require_projected_layer(self, "posterior", posterior)
        require_prior_of_features(self, "prior", prior)
        if decoder.conditioning_units != posterior.event_size:
            raise ValueError(
                "TextVAE: the decoder's `conditioning_units` must be the latent's size "
                f"{posterior.event_size}; received {decoder.conditioning_units}"
            )
        check_vocabulary(self, vocabulary, decoder)
        if bag_of_words_weight < 0:
            raise ValueError(
                f"TextVAE: `bag_of_words_weight` must be >= 0; received {bag_of_words_weight}"
            )
        self.encoder = encoder
        self.posterior_layer = posterior
        self.prior_layer = prior
        if critic is not None:
            self.critic_layer = LatentCritic(critic, name="critic")
        self.likelihood = TokenSequence(decoder, max_length, name="likelihood")
        self.vocabulary = vocabulary
        self.save_as(posterior=posterior, prior=prior)
        self.bag_of_words_weight = bag_of_words_weight
        self.bag_of_words: keras.layers.Dense | None = None
        if bag_of_words_weight:
            self.bag_of_words = keras.layers.Dense(
                decoder.vocabulary_size, dtype="float32", name="bag_of_words"
            )

    def build(self, input_shape: Any) -> None:
        tokens_shape = (event_of(input_shape)[0], None)
        self.posterior_layer.build(build_network(self.encoder, tokens_shape))
        build_prior(self, self.prior_layer, input_shape)
        self.likelihood.build()
        if self.bag_of_words is not None and not self.bag_of_words.built:
            self.bag_of_words.build((None, self.posterior_layer.event_size))
        if self.critic_layer is not None:
            self.critic_layer.build((None, self.posterior_layer.event_size))
        self.built = True

    def check_inputs(self, inputs: Any) -> None:
        check_token_ids(self, event_of(inputs))

    def joint(self, inputs: Any, *, training: bool = False) -> Joint:
        token_ids = None if inputs is None else self.token_ids(event_of(inputs))  # [B, T]

        def log_likelihood(z: tf.Tensor) -> tf.Tensor:
            log_px = self.decode(z, training=training).log_prob(token_ids)  # [S, B]
            if self.bag_of_words is None or not training:
                return log_px
            auxiliary = self.bag_of_words_weight * self.bag_of_words_log_prob(z, token_ids)
            return _with_added_gradient(log_px, auxiliary)

        def parameters() -> tf.Tensor:
            features = self.encoder(token_ids, training=training)  # [B, D]
            return self.posterior_layer.parameters(features, training)  # [B, P]

        def prior() -> tfd.Distribution:
            return self.prior_layer.as_prior(
                condition_of(inputs), posterior_of_features=self.posterior_layer, training=training
            )

        return Joint(
            self,
            log_likelihood=log_likelihood,
            prior=prior,
            parameters=parameters,
            family=self.posterior_layer.distribution,
            dream_log_posterior=log_posterior_of_dreams(
                self, with_event(inputs, token_ids), training
            ),
            critic=critic_part(self.critic_layer, training),
            training=training,
        )

    def decode(self, z: tf.Tensor, training: bool = False) -> distributions.TokenSequence:
        """p(x | z) for latents [..., Z]; batch shape [...]."""
        draws = z.shape[0] if len(z.shape) > 2 else 1
        return self.likelihood(
            z,
            training=training,
            positions_at_once=None if draws == 1 else _POSITIONS_AT_ONCE,
        )

    def bag_of_words_log_prob(self, z: tf.Tensor, token_ids: tf.Tensor) -> tf.Tensor:
        """sum_t log softmax(W z + b)[x_t]: latents [S, B, Z], token ids [B, T] -> [S, B]."""
        if self.bag_of_words is None:
            raise ValueError("TextVAE: has no bag of words; give `bag_of_words_weight` > 0")
        log_probs = tf.nn.log_softmax(self.bag_of_words(z))  # [S, B, V]
        log_probs = tf.experimental.numpy.moveaxis(log_probs, 0, -1)  # [B, V, S]
        scores = tf.gather(log_probs, token_ids, batch_dims=1)  # [B, T, S]
        mask = tf.cast(token_ids != PAD, tf.float32)[..., tf.newaxis]
        return tf.transpose(tf.reduce_sum(scores * mask, axis=1))  # [S, B]

    def dream(self, inputs: Any, *, seed: tf.Tensor, training: bool = False) -> tuple[Any, Any]:
        """Pairs from the model itself, as many as there are inputs: z [B, Z], x [B, T]."""
        token_ids = self.token_ids(event_of(inputs))
        return dreamed(self, with_event(inputs, token_ids), seed, training)

    def call(self, inputs: Any, training: bool = False) -> tf.Tensor:
        return distributions.point_estimate(self.posterior(inputs, training=training))


@tf.custom_gradient
def _with_added_gradient(values: tf.Tensor, auxiliary: tf.Tensor) -> tuple[tf.Tensor, Any]:
    """The values with the gradient of both; to add and take away would spoil them by infinities."""
    return tf.identity(values), lambda gradient: (gradient, gradient)
