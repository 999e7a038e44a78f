"""A prior over several categorical variables that depend on each other."""

from typing import Any

import keras
import tensorflow as tf
from tensorflow_probability import distributions as tfd

from tfp_dgm import distributions
from tfp_dgm.layers.constraints import ONE_HOT, Constraint
from tfp_dgm.layers.prior import Prior


@keras.saving.register_keras_serializable(package="tfp_dgm")
class NeuralAutoregressivePrior(Prior):
    """Categorical variables (`units` of them), one-hot, each given those before it: events [N, K].

    See `distributions.NeuralAutoregressive`. Uniform at the start.

    Args:
      units: N.
      num_values: K.
      hidden_units: H, of the network of each variable.
      **kwargs: see `Prior`.
    """

    def __init__(
        self, units: int, num_values: int, *, hidden_units: int = 64, **kwargs: Any
    ) -> None:
        super().__init__(units, **kwargs)
        self._require_positive("num_values", num_values)
        self._require_positive("hidden_units", hidden_units)
        self.num_values = num_values
        self.hidden_units = hidden_units

    @property
    def value_shape(self) -> tuple[int, ...]:
        return (self.units, self.num_values)

    @property
    def support(self) -> Constraint:
        return ONE_HOT

    def _add_weights(self) -> None:
        n, k, h = self.units, self.num_values, self.hidden_units
        # A one-hot value takes one row: those of size one move a hidden unit by as much.
        drawn = keras.initializers.RandomNormal(stddev=0.5)
        self.hidden_kernel = self.add_weight(
            shape=(n - 1, k, h), initializer=drawn, name="hidden_kernel"
        )
        self.hidden_bias = self.add_weight(shape=(n, h), initializer=drawn, name="hidden_bias")
        self.output_kernel = self.add_weight(
            shape=(n, h, k), initializer="zeros", name="output_kernel"
        )
        self.output_bias = self.add_weight(shape=(n, k), initializer="zeros", name="output_bias")

    def _distribution(self) -> tfd.Distribution:
        weights = (self.hidden_kernel, self.hidden_bias, self.output_kernel, self.output_bias)
        return distributions.NeuralAutoregressive(*map(tf.convert_to_tensor, weights))
