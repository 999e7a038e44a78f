"""Normal distributions over vectors, with diagonal and with full covariance."""

from typing import Any

import keras
import tensorflow as tf
import tensorflow_probability as tfp
from tensorflow_probability import distributions as tfd

from tfp_dgm import distributions
from tfp_dgm.layers.projected_distribution_layer import VectorDistributionLayer


@keras.saving.register_keras_serializable(package="tfp_dgm")
class MultivariateNormalDiag(VectorDistributionLayer):
    """Normal distribution over R^Z with a diagonal covariance.

        loc, rho = split(W features + b);    scale = min_scale + softplus(rho)

    Args:
      units: Z, the number of dimensions.
      min_scale: lower limit of the standard deviations; keeps densities finite.
      **kwargs: see `ProjectedDistributionLayer`.
    """

    def __init__(self, units: int, *, min_scale: float = 1e-4, **kwargs: Any) -> None:
        super().__init__(units, **kwargs)
        self.min_scale = min_scale

    @property
    def parameter_size(self) -> int:
        return 2 * self.units

    def _distribution(self, parameters: tf.Tensor) -> tfd.Distribution:
        loc, rho = tf.split(parameters, 2, axis=-1)  # [..., Z] each
        return distributions.MultivariateNormalDiag(loc, self.min_scale + tf.nn.softplus(rho))


@keras.saving.register_keras_serializable(package="tfp_dgm")
class MultivariateNormalTriL(VectorDistributionLayer):
    """Normal distribution over R^Z with a full covariance L L', by its Cholesky factor L.

    Args:
      units: Z, the number of dimensions; the layer has Z (Z + 3) / 2 parameters an event.
      min_scale: lower limit of the diagonal of L.
      **kwargs: see `ProjectedDistributionLayer`.
    """

    def __init__(self, units: int, *, min_scale: float = 1e-4, **kwargs: Any) -> None:
        super().__init__(units, **kwargs)
        self.min_scale = min_scale

    @property
    def parameter_size(self) -> int:
        return self.units * (self.units + 3) // 2

    def _distribution(self, parameters: tf.Tensor) -> tfd.Distribution:
        loc = parameters[..., : self.units]  # [..., Z]
        fill = tfp.bijectors.FillScaleTriL(diag_shift=self.min_scale)
        scale_tril = fill.forward(parameters[..., self.units :])  # [..., Z, Z]
        return tfd.MultivariateNormalTriL(loc, scale_tril)
