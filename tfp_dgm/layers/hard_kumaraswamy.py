"""Gates that may be closed or open exactly: a posterior of their own, and a prior."""

import math
from typing import Any

import keras
import tensorflow as tf
from tensorflow_probability import distributions as tfd

from tfp_dgm import distributions
from tfp_dgm.layers.constraints import UNIT_INTERVAL, Constraint
from tfp_dgm.layers.prior import Prior
from tfp_dgm.layers.projected_distribution_layer import VectorDistributionLayer


@keras.saving.register_keras_serializable(package="tfp_dgm")
class HardKumaraswamy(VectorDistributionLayer):
    """Independent `distributions.HardKumaraswamy` variables, `units` of them.

        a, b = min_concentration + softplus(W features + bias)

    Args:
      units: how many.
      min_concentration: lower limit of a and b.
      **kwargs: see `ProjectedDistributionLayer`.
    """

    def __init__(self, units: int, *, min_concentration: float = 0.01, **kwargs: Any) -> None:
        super().__init__(units, **kwargs)
        if not min_concentration > 0:
            raise ValueError(
                f"HardKumaraswamy: `min_concentration` must be > 0; received {min_concentration}"
            )
        self.min_concentration = min_concentration

    @property
    def parameter_size(self) -> int:
        return 2 * self.units

    @property
    def support(self) -> Constraint:
        return UNIT_INTERVAL

    def _distribution(self, parameters: tf.Tensor) -> tfd.Distribution:
        concentration1, concentration0 = tf.split(
            self.min_concentration + tf.nn.softplus(parameters), 2, axis=-1
        )
        return tfd.Independent(
            distributions.HardKumaraswamy(concentration1, concentration0),
            reinterpreted_batch_ndims=1,
        )


@keras.saving.register_keras_serializable(package="tfp_dgm")
class HardKumaraswamyPrior(Prior):
    """Independent `distributions.HardKumaraswamy` variables, `units` of them, learned or fixed.

    Args:
      units: how many.
      concentration1: a, where it starts; with b = 1 as here, smaller ones keep more gates closed.
      concentration0: b.
      **kwargs: see `Prior`.
    """

    def __init__(
        self,
        units: int,
        *,
        concentration1: float = 1.0,
        concentration0: float = 1.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(units, **kwargs)
        for name, value in (("1", concentration1), ("0", concentration0)):
            if not value > 0:
                raise ValueError(
                    f"HardKumaraswamyPrior: `concentration{name}` must be > 0; received {value}"
                )
        self.concentration1 = concentration1
        self.concentration0 = concentration0

    def _add_weights(self) -> None:
        self.log_concentration1, self.log_concentration0 = (
            self.add_weight(
                shape=(self.units,),
                initializer=keras.initializers.Constant(math.log(start)),
                name=f"log_concentration{which}",
            )
            for which, start in (("1", self.concentration1), ("0", self.concentration0))
        )

    def _distribution(self) -> tfd.Distribution:
        concentration1, concentration0 = (
            tf.exp(tf.convert_to_tensor(weight))
            for weight in (self.log_concentration1, self.log_concentration0)
        )
        return tfd.Independent(
            distributions.HardKumaraswamy(concentration1, concentration0),
            reinterpreted_batch_ndims=1,
        )

    @property
    def support(self) -> Constraint:
        return UNIT_INTERVAL
