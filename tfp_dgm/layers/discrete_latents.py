"""Several categorical variables as one latent, and priors of discrete latents."""

from typing import Any

import keras
import tensorflow as tf
from tensorflow_probability import distributions as tfd

from tfp_dgm.layers.constraints import ONE_HOT, UNIT_INTERVAL, Constraint
from tfp_dgm.layers.prior import Prior
from tfp_dgm.layers.projected_distribution_layer import ProjectedDistributionLayer


@keras.saving.register_keras_serializable(package="tfp_dgm")
class IndependentOneHotCategorical(ProjectedDistributionLayer):
    """Independent categorical variables of K values each, as one-hot vectors: events [..., K].

    Args:
      event_shape: of the variables, and K last.
      **kwargs: see `ProjectedDistributionLayer`.
    """

    @property
    def parameter_size(self) -> int:
        return self.event_size

    def _distribution(self, parameters: tf.Tensor) -> tfd.Distribution:
        logits = self._as_events(parameters)
        return tfd.Independent(
            tfd.OneHotCategorical(logits=logits, dtype=tf.float32),
            reinterpreted_batch_ndims=len(self.event_shape) - 1,
        )

    @property
    def support(self) -> Constraint:
        return ONE_HOT


@keras.saving.register_keras_serializable(package="tfp_dgm")
class BernoulliPrior(Prior):
    """Independent Bernoulli variables (`units` of them), as floats; fair at the start.

    Args:
      units: how many.
      **kwargs: `trainable`: whether the probabilities are learned.
    """

    def _add_weights(self) -> None:
        self.logits = self.add_weight(shape=(self.units,), initializer="zeros", name="logits")

    def _distribution(self) -> tfd.Distribution:
        return tfd.Independent(
            tfd.Bernoulli(logits=tf.convert_to_tensor(self.logits), dtype=tf.float32),
            reinterpreted_batch_ndims=1,
        )

    @property
    def support(self) -> Constraint:
        return UNIT_INTERVAL


@keras.saving.register_keras_serializable(package="tfp_dgm")
class OneHotCategoricalPrior(Prior):
    """Independent categorical variables (`units` of them) as one-hot vectors: events [N, K].

    Args:
      units: N.
      num_values: K.
      **kwargs: `trainable`: whether the probabilities are learned; they start uniform.
    """

    def __init__(self, units: int, num_values: int, **kwargs: Any) -> None:
        super().__init__(units, **kwargs)
        if num_values < 1:
            raise ValueError(
                f"OneHotCategoricalPrior: `num_values` must be >= 1; received {num_values}"
            )
        self.num_values = num_values

    @property
    def value_shape(self) -> tuple[int, ...]:
        return (self.units, self.num_values)

    @property
    def support(self) -> Constraint:
        return ONE_HOT

    def _add_weights(self) -> None:
        shape = (self.units, self.num_values)
        self.logits = self.add_weight(shape=shape, initializer="zeros", name="logits")

    def _distribution(self) -> tfd.Distribution:
        return tfd.Independent(
            tfd.OneHotCategorical(logits=tf.convert_to_tensor(self.logits), dtype=tf.float32),
            reinterpreted_batch_ndims=1,
        )
