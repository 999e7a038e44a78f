"""One class out of K, as an integer or as a one-hot vector."""

import keras
import tensorflow as tf
from tensorflow_probability import distributions as tfd

from tfp_dgm.layers.constraints import ONE_HOT, Constraint, whole_numbers_below
from tfp_dgm.layers.projected_distribution_layer import VectorDistributionLayer


@keras.saving.register_keras_serializable(package="tfp_dgm")
class Categorical(VectorDistributionLayer):
    """Categorical distribution over the integers 0 .. K-1 (`units` = K)."""

    @property
    def value_shape(self) -> tuple[int, ...]:
        return ()

    @property
    def parameter_size(self) -> int:
        return self.units

    def _distribution(self, parameters: tf.Tensor) -> tfd.Distribution:
        return tfd.Categorical(logits=parameters)

    @property
    def support(self) -> Constraint:
        return whole_numbers_below(self.units)


@keras.saving.register_keras_serializable(package="tfp_dgm")
class OneHotCategorical(VectorDistributionLayer):
    """Categorical distribution over one-hot vectors of length K (`units` = K).

    Vectors of probabilities (smoothed labels) get the cross-entropy.
    """

    @property
    def parameter_size(self) -> int:
        return self.units

    def _distribution(self, parameters: tf.Tensor) -> tfd.Distribution:
        return tfd.OneHotCategorical(logits=parameters, dtype=tf.float32)

    @property
    def support(self) -> Constraint:
        return ONE_HOT
