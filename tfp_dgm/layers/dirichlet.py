"""Dirichlet distributions over mixtures."""

import math
from typing import Any

import keras
import tensorflow as tf
from tensorflow_probability import distributions as tfd

from tfp_dgm.distributions import OpenDirichlet
from tfp_dgm.layers.constraints import MIXTURES, Constraint
from tfp_dgm.layers.prior import Prior
from tfp_dgm.layers.projected_distribution_layer import VectorDistributionLayer


@keras.saving.register_keras_serializable(package="tfp_dgm")
class Dirichlet(VectorDistributionLayer):
    """Dirichlet distribution over mixtures of K parts (`units` = K).

        concentration = min_concentration + softplus(W features + b)

    Draws have implicit gradients [1], so that it may be the posterior of an `ELBO`.

    Args:
      units: K.
      min_concentration: lower limit; smaller draws leave the range of float32.
      **kwargs: see `ProjectedDistributionLayer`.
    References:
      [1] Figurnov, Mohamed and Mnih. Implicit Reparameterization Gradients. NeurIPS 2018.
        arXiv:1805.08498
    """

    def __init__(self, units: int, *, min_concentration: float = 0.01, **kwargs: Any) -> None:
        super().__init__(units, **kwargs)
        if not min_concentration > 0:
            raise ValueError(
                f"Dirichlet: `min_concentration` must be > 0; received {min_concentration}"
            )
        self.min_concentration = min_concentration

    @property
    def parameter_size(self) -> int:
        return self.units

    @property
    def support(self) -> Constraint:
        return MIXTURES

    def _distribution(self, parameters: tf.Tensor) -> tfd.Distribution:
        return OpenDirichlet(self.min_concentration + tf.nn.softplus(parameters))


@keras.saving.register_keras_serializable(package="tfp_dgm")
class DirichletPrior(Prior):
    """A Dirichlet distribution over mixtures of K parts (`units` = K), learned or fixed.

    Args:
      units: K.
      concentration: of every part, where it starts; below 1 mixtures are sparse.
      **kwargs: see `Prior`.
    """

    def __init__(self, units: int, *, concentration: float = 1.0, **kwargs: Any) -> None:
        super().__init__(units, **kwargs)
        if not concentration > 0:
            raise ValueError(
                f"DirichletPrior: `concentration` must be > 0; received {concentration}"
            )
        self.concentration = concentration

    def _add_weights(self) -> None:
        self.log_concentration = self.add_weight(
            shape=(self.units,),
            initializer=keras.initializers.Constant(math.log(self.concentration)),
            name="log_concentration",
        )

    def _distribution(self) -> tfd.Distribution:
        return OpenDirichlet(tf.exp(tf.convert_to_tensor(self.log_concentration)))

    @property
    def support(self) -> Constraint:
        return MIXTURES
