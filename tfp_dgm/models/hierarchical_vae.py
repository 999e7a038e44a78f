"""Latents in several stochastic layers."""

from collections.abc import Callable, Sequence
from typing import Any

import keras
import tensorflow as tf
from tensorflow_probability import distributions as tfd

from tfp_dgm.distributions import TopDown, point_estimate
from tfp_dgm.distributions.same_space import require_events
from tfp_dgm.layers import (
    Prior,
    ProjectedDistributionLayer,
    require_distribution_layer,
    require_prior,
)
from tfp_dgm.models.latent_variable_model import LatentVariableModel
from tfp_dgm.models.reconstruction_signatures import reconstruction_signatures
from tfp_dgm.models.signature import Signature
from tfp_dgm.models.vae import build_network, dreamed


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
      prior: prior layer, over z_L.
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
        prior: Prior,
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
        require_distribution_layer(self, "likelihood", likelihood)
        for name, given in {"posteriors": posteriors, "conditionals": conditionals}.items():
            for layer in given:
                require_distribution_layer(self, name, layer)
        require_prior(self, "prior", prior)
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
        self.baseline_layer = None
        if baseline is not None:
            self.baseline_layer = keras.layers.Dense(1, dtype="float32", name="baseline")
        self.surrogate_networks = list(surrogates)
        self.surrogate_layers = [
            keras.layers.Dense(1, dtype="float32", name=f"surrogate_{n}")
            for n in range(len(surrogates))
        ]

    def build(self, input_shape: Sequence[int | None]) -> None:
        shape = tuple(input_shape)
        for encoder, posterior in zip(self.encoders, self.posterior_layers, strict=True):
            posterior.build(_build(encoder, shape))
            shape = (None, posterior.event_size)
        self.prior_layer.build()
        below = [self.likelihood, *self.conditionals]
        for decoder, posterior, layer in zip(
            self.decoders, self.posterior_layers, below, strict=True
        ):
            layer.build(_build(decoder, (None, posterior.event_size)))
        if self.baseline_layer is not None:
            features = _build(self.baseline_network, tuple(input_shape))
            if not self.baseline_layer.built:
                self.baseline_layer.build(features)
        for network, output, posterior in zip(
            self.surrogate_networks, self.surrogate_layers, self.posterior_layers, strict=False
        ):
            features = build_network(network, (None, posterior.event_size))
            if not output.built:
                output.build(features)
        self.built = True

    def posterior(self, inputs: Any, training: bool = False) -> tfd.Distribution:
        features = _features(self.encoders[0], inputs, training)
        first = self.posterior_layers[0](features, training=training)
        upward = [
            _conditional(encoder, below, layer, training)
            for encoder, below, layer in zip(
                self.encoders[1:], self.posterior_layers, self.posterior_layers[1:], strict=False
            )
        ]
        return tfd.JointDistributionSequential([first, *upward]) if upward else first

    def prior(self, inputs: Any, training: bool = False) -> tfd.Distribution:
        top = self.prior_layer(None)
        # The layers below would fail to take its draws, and say so in words of their own.
        require_events(self, [tf.TensorShape(self.posterior_layers[-1].event_shape)], top)
        downward = [
            _conditional(decoder, above, layer, training)
            for decoder, above, layer in zip(
                self.decoders[1:], self.posterior_layers[1:], self.conditionals, strict=True
            )
        ]
        return TopDown([top, *downward[::-1]]) if downward else top

    def log_likelihood(self, z: Any, inputs: Any, training: bool = False) -> tf.Tensor:
        return self.decode(z, training=training).log_prob(tf.cast(inputs, tf.float32))  # [S, B]

    def decode(self, z: Any, training: bool = False) -> tfd.Distribution:
        """p(x | z) for latents [..., Z]; batch shape [...]. Layers but the first play no part."""
        first = z[0] if isinstance(z, list | tuple) else z
        to_input = _conditional(
            self.decoders[0], self.posterior_layers[0], self.likelihood, training
        )
        return to_input(first)

    def baseline(self, inputs: Any, training: bool = False) -> tf.Tensor:
        if self.baseline_layer is None:
            return super().baseline(inputs, training=training)
        features = _features(self.baseline_network, inputs, training)
        return self.baseline_layer(features)[:, 0]

    def surrogate(
        self, inputs: Any, training: bool = False
    ) -> Callable[[tf.Tensor], tf.Tensor] | list[Callable[[tf.Tensor], tf.Tensor]]:
        if not self.surrogate_layers:
            return super().surrogate(inputs, training=training)
        functions = [
            _scalar(network, output, posterior.event_size, training)
            for network, output, posterior in zip(
                self.surrogate_networks, self.surrogate_layers, self.posterior_layers, strict=True
            )
        ]
        return functions if len(functions) > 1 else functions[0]

    def dream(self, inputs: Any, *, seed: tf.Tensor, training: bool = False) -> tuple[Any, Any]:
        return dreamed(self, inputs, seed, training)

    def call(self, inputs: Any, training: bool = False) -> tf.Tensor:
        features = _features(self.encoders[0], inputs, training)
        mean = point_estimate(self.posterior_layers[0](features, training=training))
        return tf.reshape(mean, [-1, self.posterior_layers[0].event_size])

    def serving_signatures(self) -> dict[str, Signature]:
        """`encode` and `reconstruct`, from the mean of q(z_1 | x)."""

        def reconstruct(inputs: tf.Tensor) -> tf.Tensor:
            shape = [-1, *self.posterior_layers[0].event_shape]
            return self.decode(tf.reshape(self(inputs), shape)).mean()

        return reconstruction_signatures(self.likelihood.event_shape, self, reconstruct)

    def get_config(self) -> dict[str, Any]:
        parts = {
            "encoders": self.encoders,
            "posteriors": self.posterior_layers,
            "decoders": self.decoders,
            "likelihood": self.likelihood,
            "conditionals": self.conditionals,
            "prior": self.prior_layer,
            "baseline": self.baseline_network,
            "surrogates": self.surrogate_networks,
        }
        return {
            **super().get_config(),
            "seed": self.seed,
            **{name: keras.saving.serialize_keras_object(part) for name, part in parts.items()},
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "HierarchicalVAE":
        return cls(**{name: _revived(value) for name, value in config.items()})


def _build(network: keras.Layer | None, shape: tuple[int | None, ...]) -> Any:
    if network is not None:
        return build_network(network, shape)
    size = 1
    for length in shape[1:]:
        size *= length or 1
    return (shape[0], size)


def _features(network: keras.Layer | None, inputs: tf.Tensor, training: bool) -> tf.Tensor:
    """Features [B, D] of inputs [B, ...]."""
    if network is not None:
        return network(inputs, training=training)
    size = tf.TensorShape(inputs.shape[1:]).num_elements()
    return tf.reshape(tf.cast(inputs, tf.float32), [-1, size])


def _conditional(
    network: keras.Layer | None,
    given: ProjectedDistributionLayer,
    layer: ProjectedDistributionLayer,
    training: bool,
) -> Callable[[tf.Tensor], tfd.Distribution]:
    """A value of `given`'s family, [..., *event shape] -> `layer`'s distribution."""

    # TFP names a layer after the argument that it is given as, unless that is "_".
    def distribution(_: tf.Tensor) -> tfd.Distribution:
        z = tf.cast(_, tf.float32)
        leading = tf.shape(z)[: z.shape.rank - len(given.event_shape)]
        # Networks see one batch axis, however many axes of draws there are (none, in the prior).
        features = tf.reshape(z, [-1, given.event_size])  # [N, Z]
        if network is not None:
            features = network(features, training=training)
        parameters = layer.parameters(features, training)  # [N, P]
        shape = tf.concat([leading, [layer.parameter_size]], axis=0)
        return layer.distribution(tf.reshape(parameters, shape))

    return distribution


def _scalar(
    network: keras.Layer, output: keras.layers.Dense, size: int, training: bool
) -> Callable[[tf.Tensor], tf.Tensor]:
    """Values [S, B, ...] of so many elements each -> [S, B]."""

    def function(value: tf.Tensor) -> tf.Tensor:
        features = network(tf.reshape(value, [-1, size]), training=training)  # [S B, D]
        return tf.reshape(output(features), tf.shape(value)[:2])

    return function


def _revived(value: Any) -> Any:
    if isinstance(value, list | dict):
        return keras.saving.deserialize_keras_object(value)
    return value
