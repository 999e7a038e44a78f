"""Word counts, with the length of the text given or fixed."""

from typing import Any

import keras
import tensorflow as tf
from tensorflow_probability import distributions as tfd

from tfp_dgm import distributions
from tfp_dgm.layers.constraints import COUNTS, Constraint, counts_that_sum_to
from tfp_dgm.layers.projected_distribution_layer import VectorDistributionLayer


@keras.saving.register_keras_serializable(package="tfp_dgm")
class BagOfWords(VectorDistributionLayer):
    """Counts of V words (`units` = V) in a text whose length is given by the counts themselves.

    See `distributions.BagOfWords` for the density, and for what it leaves out.
    """

    @property
    def parameter_size(self) -> int:
        return self.units

    def _distribution(self, parameters: tf.Tensor) -> tfd.Distribution:
        return distributions.BagOfWords(parameters)

    @property
    def support(self) -> Constraint:
        return COUNTS


@keras.saving.register_keras_serializable(package="tfp_dgm")
class Multinomial(VectorDistributionLayer):
    """Multinomial counts over V outcomes (`units` = V) that sum to a known `total_count`."""

    def __init__(self, units: int, *, total_count: float, **kwargs: Any) -> None:
        super().__init__(units, **kwargs)
        if total_count < 0:
            raise ValueError(f"Multinomial: `total_count` must be >= 0; received {total_count}")
        self.total_count = float(total_count)

    @property
    def parameter_size(self) -> int:
        return self.units

    def _distribution(self, parameters: tf.Tensor) -> tfd.Distribution:
        return tfd.Multinomial(self.total_count, logits=parameters)

    @property
    def support(self) -> Constraint:
        return counts_that_sum_to(self.total_count)
