"""Distributions on the unit sphere: a posterior around a direction, and the uniform prior."""

from typing import Any

import keras
import tensorflow as tf
from tensorflow_probability import distributions as tfd

from tfp_dgm.layers.constraints import UNIT_VECTOR, Constraint
from tfp_dgm.layers.prior import Prior
from tfp_dgm.layers.projected_distribution_layer import VectorDistributionLayer


@keras.saving.register_keras_serializable(package="tfp_dgm")
class PowerSpherical(VectorDistributionLayer):
    """Power spherical distribution [1] on the unit sphere in R^Z (`units` = Z).

        log_prob(z) = concentration log(1 + mu . z) + constant,    |z| = |mu| = 1

    It looks like the von Mises-Fisher distribution, but can be reparameterised and computed in
    every dimension. With a fixed concentration its divergence from `SphericalUniformPrior` is one
    number for every text: the rate is chosen, and the posterior cannot collapse [2]. On the circle
    (Z = 2) gradients are not finite at concentrations of 1,000 and more, where draws in float32 are
    the direction itself.

    Args:
      units: Z, at least 2.
      concentration: positive; None learns it, as min_concentration + Z softplus(rho(features)). The
        factor Z lets the rate start at some nats in every dimension, instead of at nothing.
      min_concentration: lower limit of a learned one.
      **kwargs: see `ProjectedDistributionLayer`.
    References:
      [1] De Cao and Aziz. The Power Spherical Distribution. INNF+ 2020. arXiv:2006.04437
      [2] Xu and Durrett. Spherical Latent Spaces for Stable Variational Autoencoders. EMNLP 2018.
        arXiv:1808.10805
    """

    def __init__(
        self,
        units: int,
        *,
        concentration: float | None = None,
        min_concentration: float = 0.01,
        **kwargs: Any,
    ) -> None:
        self.concentration = None if concentration is None else float(concentration)
        super().__init__(units, **kwargs)
        if units < 2:
            raise ValueError(f"PowerSpherical: `units` must be >= 2; received {units}")
        if concentration is not None and concentration <= 0:
            raise ValueError(
                f"PowerSpherical: `concentration` must be positive; received {concentration}"
            )
        self.min_concentration = min_concentration

    @property
    def parameter_size(self) -> int:
        return self.units + (self.concentration is None)

    def _distribution(self, parameters: tf.Tensor) -> tfd.Distribution:
        mean_direction = tf.math.l2_normalize(parameters[..., : self.units], axis=-1)
        if self.concentration is None:
            excess = self.units * tf.nn.softplus(parameters[..., -1])
            concentration = self.min_concentration + excess
        else:
            concentration = tf.fill(tf.shape(parameters)[:-1], self.concentration)
            concentration = tf.ensure_shape(concentration, parameters.shape[:-1])
        return tfd.PowerSpherical(mean_direction, concentration)

    @property
    def support(self) -> Constraint:
        return UNIT_VECTOR


@keras.saving.register_keras_serializable(package="tfp_dgm")
class SphericalUniformPrior(Prior):
    """The uniform distribution on the unit sphere in R^Z (`units` = Z)."""

    def _distribution(self) -> tfd.Distribution:
        return tfd.SphericalUniform(self.units)

    @property
    def support(self) -> Constraint:
        return UNIT_VECTOR
