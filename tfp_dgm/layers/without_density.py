"""Layers of distributions that are known by their draws: encodings without noise, learned noise."""

from typing import Any

import keras
import tensorflow as tf
from tensorflow_probability import distributions as tfd

from tfp_dgm import distributions
from tfp_dgm.layers.prior import Prior
from tfp_dgm.layers.projected_distribution_layer import VectorDistributionLayer


@keras.saving.register_keras_serializable(package="tfp_dgm")
class PointMass(VectorDistributionLayer):
    """One point of R^Z (`units` = Z): the posterior of an autoencoder without noise.

    It has no density; `objectives.WassersteinMMD` and `objectives.AdversarialAutoencoder` ask for
    none. See `distributions.PointMass`.
    """

    @property
    def parameter_size(self) -> int:
        return self.units

    def _distribution(self, parameters: tf.Tensor) -> tfd.Distribution:
        return distributions.PointMass(parameters)


@keras.saving.register_keras_serializable(package="tfp_dgm")
class ImplicitPrior(Prior):
    """z = W generator(noise) + b with noise ~ N(0, I): a prior that is learned by its draws [1].

    It has no density. `objectives.AdversarialAutoencoder` trains it against the latents of the
    data, which with a critic `WassersteinCritic()` is the ARAE of [1].

    Args:
      units: Z.
      generator: Keras layer, noise [N, K] -> features [N, D].
      noise_units: K; Z where None.
      **kwargs: see `Prior`.
    References:
      [1] Zhao, Kim, Zhang, Rush and LeCun. Adversarially Regularized Autoencoders. ICML 2018.
        arXiv:1706.04223
    """

    def __init__(
        self,
        units: int,
        generator: keras.Layer,
        *,
        noise_units: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(units, **kwargs)
        if not isinstance(generator, keras.layers.Layer):
            raise TypeError(
                f"{type(self).__name__}: `generator` must be a Keras layer; received {generator!r}"
            )
        self.generator = generator
        self.noise_units = units if noise_units is None else noise_units
        self._require_positive("noise_units", self.noise_units)
        self.output_layer = keras.layers.Dense(units, dtype="float32", name="output")
        self._hand_on_trainable(self.generator, self.output_layer)

    def _add_weights(self) -> None:
        shape = (None, self.noise_units)
        if not self.generator.built:
            self.generator.build(shape)
        if not self.output_layer.built:
            self.output_layer.build(self.generator.compute_output_shape(shape))

    def call(self, features: tf.Tensor | None = None, training: bool = False) -> tfd.Distribution:
        if not self.built:
            self.build()
        noise = distributions.MultivariateNormalDiag(
            tf.zeros([self.noise_units]), tf.ones([self.noise_units])
        )

        def generate(noise: tf.Tensor) -> tf.Tensor:
            features = self.generator(noise, training=training)
            return self.output_layer(tf.cast(features, tf.float32))

        return distributions.Implicit(generate, noise, self.units)
