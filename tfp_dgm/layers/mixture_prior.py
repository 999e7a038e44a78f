"""Priors that are mixtures: of learned Normals, and of posteriors of learned pseudo-inputs."""

from collections.abc import Callable, Sequence
from typing import Any

import keras
import tensorflow as tf
from tensorflow_probability import distributions as tfd

from tfp_dgm import distributions
from tfp_dgm.layers.prior import Prior


@keras.saving.register_keras_serializable(package="tfp_dgm")
class MixtureOfNormalsPrior(Prior):
    """A mixture of K diagonal Normals over R^Z (`units` = Z); weights, means and scales learned.

    Args:
      units: Z.
      num_components: K.
      **kwargs: see `Prior`.
    """

    def __init__(self, units: int, num_components: int, **kwargs: Any) -> None:
        super().__init__(units, **kwargs)
        _check_components(self, num_components)
        self.num_components = num_components

    def _add_weights(self) -> None:
        shape = (self.num_components, self.units)
        self.logits = self.add_weight(shape=shape[:1], initializer="zeros", name="logits")
        # Components that start at one place would stay together.
        self.loc = self.add_weight(
            shape=shape, initializer=keras.initializers.RandomNormal(stddev=0.5), name="loc"
        )
        self.log_scale = self.add_weight(shape=shape, initializer="zeros", name="log_scale")

    def _distribution(self) -> tfd.Distribution:
        return tfd.MixtureSameFamily(
            tfd.Categorical(logits=tf.convert_to_tensor(self.logits)),
            distributions.MultivariateNormalDiag(
                tf.convert_to_tensor(self.loc), tf.exp(tf.convert_to_tensor(self.log_scale))
            ),
        )


@keras.saving.register_keras_serializable(package="tfp_dgm")
class VampPrior(Prior):
    """The mean of the posteriors of K learned pseudo-inputs [1].

        p(z) = 1/K sum_k q(z | activation(u_k))

    A pseudo-input lies where the model's `posterior_of_features` (see `as_prior`) takes it: among
    the features before the posterior layer, or in a `VAE` among the inputs themselves. The
    posterior is evaluated as outside training (no dropout, moving averages), so that the prior
    depends on weights alone.

    Args:
      units: Z.
      num_components: K.
      pseudo_input_shape: of one pseudo-input u_k.
      activation: keeps pseudo-inputs where inputs are; "sigmoid" for pixels in [0, 1].
      initializer: of the u_k; `prior.pseudo_inputs.assign(...)` starts them from data.
      **kwargs: see `Prior`.
    References:
      [1] Tomczak and Welling. VAE with a VampPrior. AISTATS 2018. arXiv:1705.07120
    """

    def __init__(
        self,
        units: int,
        num_components: int,
        pseudo_input_shape: Sequence[int],
        *,
        activation: Any = None,
        initializer: Any = "random_normal",
        **kwargs: Any,
    ) -> None:
        super().__init__(units, **kwargs)
        _check_components(self, num_components)
        self.num_components = num_components
        self.pseudo_input_shape = tuple(pseudo_input_shape)
        self.activation = keras.activations.get(activation)
        self.initializer = keras.initializers.get(initializer)

    def _add_weights(self) -> None:
        self.pseudo_inputs = self.add_weight(
            shape=(self.num_components, *self.pseudo_input_shape),
            initializer=self.initializer,
            name="pseudo_inputs",
        )

    def call(self, features: tf.Tensor | None = None, training: bool = False) -> tfd.Distribution:
        raise TypeError(
            "VampPrior: is made of a model's posterior; expected a call of "
            "`as_prior(features, posterior_of_features=...)`, received one of the layer itself"
        )

    def as_prior(
        self,
        features: tf.Tensor | None,
        *,
        posterior_of_features: Callable[[tf.Tensor], tfd.Distribution],
        training: bool = False,
    ) -> tfd.Distribution:
        if not self.built:
            self.build()
        pseudo_inputs = self.activation(tf.convert_to_tensor(self.pseudo_inputs))  # [K, ...]
        return tfd.MixtureSameFamily(
            tfd.Categorical(logits=tf.zeros([self.num_components])),
            posterior_of_features(pseudo_inputs),
        )


def _check_components(prior: Prior, num_components: int) -> None:
    if not isinstance(num_components, int) or num_components < 1:
        raise ValueError(
            f"{type(prior).__name__}: `num_components` must be a positive int; "
            f"received {num_components!r}"
        )
