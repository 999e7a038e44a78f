"""Latents in several stochastic layers."""

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf
from tensorflow_probability import distributions as tfd

from tfp_dgm.distributions import TopDown, point_estimate
from tfp_dgm.distributions.same_space import require_events
from tfp_dgm.layers import (
    DistributionLayer,
    ProjectedDistributionLayer,
    require_prior_of_features,
    require_projected_layer,
)
from tfp_dgm.models.conditions import build_prior, condition_of, event_of
from tfp_dgm.models.dreams import dreamed, log_posterior_of_dreams
from tfp_dgm.models.latent_variable_model import LatentVariableModel
from tfp_dgm.models.reconstruction_signatures import reconstruction_signatures
from tfp_dgm.models.signature import Signature
from tfp_dgm.models.stochastic_layer import (
    build_or_flatten,
    conditional,
    features_of,
    scalar_of,
)
from tfp_dgm.models.vae import build_network
from tfp_dgm.objectives import Joint


@keras.saving.register_keras_serializable(package="tfp_dgm")
class HierarchicalVAE(LatentVariableModel):
    """Variational autoencoder of L stochastic layers [1], each any family of distributions.

        p(x, z) = p(z_L) prod_l p(z_l | z_{l+1}) p(x | z_1)         generated top down
        q(z | x) = q(z_1 | x) prod_l q(z_{l+1} | z_l)               inferred bottom up

    Latents are the list [z_1, ..., z_L], of one layer the tensor z_1 itself. `predict` and calling
    the model give the mean of q(z_1 | x), flattened.

    Args:
      encoders: L networks; inputs -> features of z_1, then z_l -> features of z_{l+1}. None stands
        for the value itself, flattened.
      posteriors: L distribution layers, of z_1 to z_L.
      decoders: L networks; z_1 -> features of the input, then z_{l+1} -> features of z_l, or None.
      likelihood: distribution layer over the inputs.
      conditionals: L - 1 distribution layers, p(z_1 | z_2) to p(z_{L-1} | z_L).
      prior: over z_L; a prior layer, or one of p(z_L | c), with which inputs are
        {"condition": c [B, ...], "event": x [B, ...]}.
      baseline: network, inputs -> features; what a learned control variate (NVIL) is a linear
        function of, for objectives that need one. None: there is none.
      surrogates: L networks, perturbed logits of a layer, flattened -> features; what its learned
        control variate (RELAX) is a linear function of. Empty: there is none.
      seed: see `LatentVariableModel`.
    Raises:
      TypeError: if likelihood, posteriors, conditionals or prior are no such layers.
      ValueError: if the lists do not fit each other.
    References:
      [1] Burda, Grosse and Salakhutdinov. Importance Weighted Autoencoders. ICLR 2016, appendix A.
        arXiv:1509.00519
    """

    def __init__(
        self,
        encoders: Sequence[keras.Layer | None],
        posteriors: Sequence[ProjectedDistributionLayer],
        decoders: Sequence[keras.Layer | None],
        likelihood: ProjectedDistributionLayer,
        *,
        conditionals: Sequence[ProjectedDistributionLayer] = (),
        prior: DistributionLayer,
        baseline: keras.Layer | None = None,
        surrogates: Sequence[keras.Layer] = (),
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(seed=seed, **kwargs)
        lengths = [len(encoders), len(posteriors), len(decoders), len(conditionals) + 1]
        if not posteriors or len(set(lengths)) != 1:
            raise ValueError(
                f"{type(self).__name__}: expected L encoders, posteriors and decoders and L - 1 "
                f"conditionals; received {', '.join(map(str, lengths[:3]))} and {lengths[3] - 1}"
            )
        if len(surrogates) not in (0, lengths[1]):
            raise ValueError(
                f"{type(self).__name__}: expected a surrogate for each of the {lengths[1]} layers, "
                f"or none; received {len(surrogates)}"
            )
        require_projected_layer(self, "likelihood", likelihood)
        for name, given in {"posteriors": posteriors, "conditionals": conditionals}.items():
            for layer in given:
                require_projected_layer(self, name, layer)
        require_prior_of_features(self, "prior", prior)
        latents = [layer.event_shape for layer in posteriors[:-1]]
        if [layer.event_shape for layer in conditionals] != latents:
            raise ValueError(
                f"{type(self).__name__}: `conditionals` must be over the latents of the first "
                f"L - 1 `posteriors`, of shapes {latents}; received "
                f"{[layer.event_shape for layer in conditionals]}"
            )
        self.encoders = list(encoders)
        self.posterior_layers = list(posteriors)
        self.decoders = list(decoders)
        self.conditionals = list(conditionals)
        self.likelihood = likelihood
        self.prior_layer = prior
        self.baseline_network = baseline
        self.baseline_layer: Any = None
        if baseline is not None:
            self.baseline_layer = keras.layers.Dense(1, dtype="float32", name="baseline")
        self.surrogate_networks = list(surrogates)
        self.surrogate_layers = [
            keras.layers.Dense(1, dtype="float32", name=f"surrogate_{n}")
            for n in range(len(surrogates))
        ]

    def build(self, input_shape: Any) -> None:
        event_shape = tuple(event_of(input_shape))
        shape = event_shape
        for encoder, posterior in zip(self.encoders, self.posterior_layers, strict=True):
            posterior.build(build_or_flatten(encoder, shape))
            shape = (None, posterior.event_size)
        build_prior(self, self.prior_layer, input_shape)
        below = [self.likelihood, *self.conditionals]
        for decoder, posterior, layer in zip(
            self.decoders, self.posterior_layers, below, strict=True
        ):
            layer.build(build_or_flatten(decoder, (None, posterior.event_size)))
        if self.baseline_layer is not None:
            features = build_or_flatten(self.baseline_network, event_shape)
            if not self.baseline_layer.built:
                self.baseline_layer.build(features)
        for network, output, posterior in zip(
            self.surrogate_networks, self.surrogate_layers, self.posterior_layers, strict=False
        ):
            features = build_network(network, (None, posterior.event_size))
            if not output.built:
                output.build(features)
        self.built = True

    def joint(self, inputs: Any, *, training: bool = False) -> Joint:
        def log_likelihood(z: Any) -> tf.Tensor:
            x = tf.cast(event_of(inputs), tf.float32)
            return self.decode(z, training=training).log_prob(x)  # [S, B]

        has_baseline, has_surrogate = self.baseline_layer is not None, bool(self.surrogate_layers)
        return Joint(
            self,
            log_likelihood=log_likelihood,
            prior=lambda: self._generative(inputs, training),
            posterior=lambda: self._inference(inputs, training),
            baseline=(lambda: self._baseline(inputs, training)) if has_baseline else None,
            surrogate=(lambda: self._surrogate(training)) if has_surrogate else None,
            dream_log_posterior=log_posterior_of_dreams(self, inputs, training),
            training=training,
        )

    def _inference(self, inputs: Any, training: bool) -> tfd.Distribution:
        features = features_of(self.encoders[0], event_of(inputs), training)
        first = self.posterior_layers[0](features, training=training)
        upward = [
            conditional(encoder, below, layer, training)
            for encoder, below, layer in zip(
                self.encoders[1:], self.posterior_layers, self.posterior_layers[1:], strict=False
            )
        ]
        return tfd.JointDistributionSequential([first, *upward]) if upward else first

    def _generative(self, inputs: Any, training: bool) -> tfd.Distribution:
        top = self.prior_layer.as_prior(
            condition_of(inputs), posterior_of_features=self.posterior_layers[-1], training=training
        )
        # The layers below would fail to take its draws, and say so in words of their own.
        require_events(self, [tf.TensorShape(self.posterior_layers[-1].event_shape)], top)
        downward = [
            conditional(decoder, above, layer, training)
            for decoder, above, layer in zip(
                self.decoders[1:], self.posterior_layers[1:], self.conditionals, strict=True
            )
        ]
        return TopDown([top, *downward[::-1]]) if downward else top

    def _baseline(self, inputs: Any, training: bool) -> tf.Tensor:
        features = features_of(self.baseline_network, event_of(inputs), training)
        return self.baseline_layer(features)[:, 0]  # [B]

    def _surrogate(self, training: bool) -> Any:
        functions = [
            scalar_of(network, output, posterior.event_size, training)
            for network, output, posterior in zip(
                self.surrogate_networks, self.surrogate_layers, self.posterior_layers, strict=True
            )
        ]
        return functions if len(functions) > 1 else functions[0]

    def decode(self, z: Any, training: bool = False) -> tfd.Distribution:
        """p(x | z) for latents [..., Z]; batch shape [...]. Layers but the first play no part."""
        first = z[0] if isinstance(z, list | tuple) else z
        to_input = conditional(
            self.decoders[0], self.posterior_layers[0], self.likelihood, training
        )
        return to_input(first)

    def dream(self, inputs: Any, *, seed: tf.Tensor, training: bool = False) -> tuple[Any, Any]:
        """Pairs from the model itself, as many as there are inputs: z and x [B, ...]."""
        return dreamed(self, inputs, seed, training)

    def call(self, inputs: Any, training: bool = False) -> tf.Tensor:
        features = features_of(self.encoders[0], event_of(inputs), training)
        mean = point_estimate(self.posterior_layers[0](features, training=training))
        return tf.reshape(mean, [-1, self.posterior_layers[0].event_size])

    def serving_signatures(self) -> dict[str, Signature]:
        """`encode` and `reconstruct`, from the mean of q(z_1 | x)."""

        def reconstruct(inputs: tf.Tensor) -> tf.Tensor:
            shape = [-1, *self.posterior_layers[0].event_shape]
            return self.decode(tf.reshape(self(inputs), shape)).mean()

        return reconstruction_signatures(self.likelihood.event_shape, self, reconstruct)
