"""The variational autoencoder, for bags of words and for images (M1)."""

from typing import Any

import keras
import tensorflow as tf
from tensorflow_probability import distributions as tfd

from tfp_dgm.distributions import point_estimate
from tfp_dgm.layers import (
    DistributionLayer,
    MultivariateNormalDiag,
    ProjectedDistributionLayer,
    require_prior_of_features,
    require_projected_layer,
    standard_prior,
)
from tfp_dgm.models.conditions import build_prior, condition_of, event_of
from tfp_dgm.models.dreams import dreamed, log_posterior_of_dreams
from tfp_dgm.models.latent_critic import LatentCritic, critic_part
from tfp_dgm.models.latent_variable_model import LatentVariableModel
from tfp_dgm.models.reconstruction_signatures import reconstruction_signatures
from tfp_dgm.models.signature import Signature
from tfp_dgm.objectives import Joint


@keras.saving.register_keras_serializable(package="tfp_dgm")
class VAE(LatentVariableModel):
    """Variational autoencoder [1]; "M1" where its latent feeds a classifier [2].

        z ~ p(z);    x ~ p(x | z) = likelihood(decoder(z));    q(z | x) = posterior(encoder(x))

    `predict` and calling the model give the posterior's mean (on the unit sphere its mean
    direction), [B, Z].

    Args:
      encoder: Keras layer, inputs [B, ...] -> features [B, D].
      decoder: Keras layer, latents [N, Z] -> features [N, D']; None connects the latent to the
        likelihood directly (log-linear).
      likelihood: distribution layer over the inputs.
      latent_units: Z, where `posterior` is not given.
      posterior: distribution layer over the latent; `MultivariateNormalDiag(latent_units)`.
      prior: `layers.standard_prior(posterior)`, N(0, I) for a Normal posterior. With a layer of
        p(z | c), inputs are {"condition": c [B, ...], "event": x [B, ...]}.
      critic: Keras layer, latents [N, Z] -> features [N, D]; what the critic that adversarial
        objectives ask for is a linear function of. None: there is none.
      seed: see `LatentVariableModel`.
    Raises:
      TypeError: if likelihood, posterior or prior are no such layers.
      ValueError: if neither `latent_units` nor `posterior` is given.
    References:
      [1] Kingma and Welling. Auto-Encoding Variational Bayes. ICLR 2014. arXiv:1312.6114
      [2] Kingma et al. Semi-supervised Learning with Deep Generative Models. NeurIPS 2014.
        arXiv:1406.5298
    """

    def __init__(
        self,
        encoder: keras.Layer,
        decoder: keras.Layer | None,
        likelihood: ProjectedDistributionLayer,
        *,
        latent_units: int | None = None,
        posterior: ProjectedDistributionLayer | None = None,
        prior: DistributionLayer | None = None,
        critic: keras.Layer | None = None,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(seed=seed, **kwargs)
        if posterior is None:
            if latent_units is None:
                raise ValueError("VAE: give `latent_units` or a `posterior` layer; received none")
            posterior = MultivariateNormalDiag(latent_units, name="posterior")
        prior = standard_prior(posterior) if prior is None else prior
        require_projected_layer(self, "likelihood", likelihood)
        require_projected_layer(self, "posterior", posterior)
        require_prior_of_features(self, "prior", prior)
        self.encoder = encoder
        self.decoder = decoder
        self.posterior_layer = posterior
        self.prior_layer = prior
        if critic is not None:
            self.critic_layer = LatentCritic(critic, name="critic")
        self.likelihood = likelihood
        self.save_as(posterior=posterior, prior=prior)

    def build(self, input_shape: Any) -> None:
        self.posterior_layer.build(build_network(self.encoder, tuple(event_of(input_shape))))
        build_prior(self, self.prior_layer, input_shape)
        latent = (None, self.posterior_layer.event_size)
        self.likelihood.build(build_network(self.decoder, latent))
        if self.critic_layer is not None:
            self.critic_layer.build((None, self.posterior_layer.event_size))
        self.built = True

    def joint(self, inputs: Any, *, training: bool = False) -> Joint:
        def log_likelihood(z: tf.Tensor) -> tf.Tensor:
            x = tf.cast(event_of(inputs), tf.float32)
            return self.decode(z, training=training).log_prob(x)  # [S, B]

        def prior() -> tfd.Distribution:
            return self.prior_layer.as_prior(
                condition_of(inputs), posterior_of_features=self.posterior, training=training
            )

        def parameters() -> tf.Tensor:
            features = self.encoder(event_of(inputs), training=training)
            return self.posterior_layer.parameters(features, training)  # [B, P]

        return Joint(
            self,
            log_likelihood=log_likelihood,
            prior=prior,
            parameters=parameters,
            family=self.posterior_layer.distribution,
            dream_log_posterior=log_posterior_of_dreams(self, inputs, training),
            critic=critic_part(self.critic_layer, training),
            training=training,
        )

    def decode(self, z: tf.Tensor, training: bool = False) -> tfd.Distribution:
        """p(x | z) for latents [..., Z]; batch shape [...]."""
        # One batch axis: products with weights are slower where there are more.
        features = tf.reshape(z, [-1, z.shape[-1]])  # [N, Z]
        if self.decoder is not None:
            features = self.decoder(features, training=training)
        parameters = self.likelihood.parameters(features, training)  # [N, P]
        shape = tf.concat([tf.shape(z)[:-1], [self.likelihood.parameter_size]], axis=0)
        return self.likelihood.distribution(tf.reshape(parameters, shape))

    def dream(self, inputs: Any, *, seed: tf.Tensor, training: bool = False) -> tuple[Any, Any]:
        """Pairs from the model itself, as many as there are inputs: z [B, ...], x [B, ...]."""
        return dreamed(self, inputs, seed, training)

    def call(self, inputs: Any, training: bool = False) -> tf.Tensor:
        return point_estimate(self.posterior(inputs, training=training))

    def serving_signatures(self) -> dict[str, Signature]:
        """`encode` and `reconstruct`, from the posterior's mean."""
        return reconstruction_signatures(
            self.likelihood.event_shape, self, lambda inputs: self.decode(self(inputs)).mean()
        )


def build_network(network: keras.Layer | None, input_shape: Any) -> Any:
    """Builds a network, unless loading has built it already; gives its output shape."""
    if network is None:
        return input_shape
    if not network.built:
        network.build(input_shape)
    return network.compute_output_shape(input_shape)


def over_leading_axes(network: keras.Layer, x: tf.Tensor, training: bool) -> tf.Tensor:
    """Applies a network of one batch axis to [..., D]; gives [..., D']."""
    leading = tf.shape(x)[:-1]
    flat = network(tf.reshape(x, [-1, x.shape[-1]]), training=training)  # [N, D']
    return tf.reshape(flat, tf.concat([leading, tf.shape(flat)[1:]], axis=0))
