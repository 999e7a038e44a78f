"""Priors that are mixtures: of learned Normals, and of posteriors of learned pseudo-inputs."""

from collections.abc import Callable, Sequence
from typing import Any

import keras
import tensorflow as tf
from tensorflow_probability import distributions as tfd

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
            tfd.MultivariateNormalDiag(
                tf.convert_to_tensor(self.loc), tf.exp(tf.convert_to_tensor(self.log_scale))
            ),
        )

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "num_components": self.num_components}


@keras.saving.register_keras_serializable(package="tfp_dgm")
class VampPrior(Prior):
    """The mean of the posteriors of K learned pseudo-inputs [1].

        p(z) = 1/K sum_k q(z | activation(u_k))

    A pseudo-input is whatever `posterior` takes, so long as it is continuous: an image, the
    embeddings of a text, or the features before the posterior layer. `posterior` is evaluated as
    outside training (no dropout, moving averages), so that the prior depends on weights alone.

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

    def call(
        self,
        inputs: Any = None,
        *,
        posterior: Callable[[tf.Tensor], tfd.Distribution] | None = None,
    ) -> tfd.Distribution:
        if posterior is None:
            raise ValueError(
                "VampPrior: needs `posterior`, the model's function from inputs to q(z | x); "
                "received None"
            )
        if not self.built:
            self.build()
        pseudo_inputs = self.activation(tf.convert_to_tensor(self.pseudo_inputs))  # [K, ...]
        return tfd.MixtureSameFamily(
            tfd.Categorical(logits=tf.zeros([self.num_components])), posterior(pseudo_inputs)
        )

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "num_components": self.num_components,
            "pseudo_input_shape": list(self.pseudo_input_shape),
            "activation": keras.activations.serialize(self.activation),
            "initializer": keras.initializers.serialize(self.initializer),
        }


def _check_components(prior: Prior, num_components: int) -> None:
    if not isinstance(num_components, int) or num_components < 1:
        raise ValueError(
            f"{type(prior).__name__}: `num_components` must be a positive int; "
            f"received {num_components!r}"
        )
