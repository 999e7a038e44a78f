"""Word counts, with the length of the text given or fixed."""

from typing import Any

import keras
import tensorflow as tf
from tensorflow_probability import distributions as tfd

from tfp_dgm import distributions
from tfp_dgm.layers.distribution_layer import VectorDistributionLayer
from tfp_dgm.layers.events import is_whole


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
    def support(self) -> str:
        return "counts (or damped counts) of 0 and more"

    def in_support(self, events: tf.Tensor) -> tf.Tensor:
        return (events >= 0) & tf.math.is_finite(events)


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
    def support(self) -> str:
        return f"whole counts of 0 and more that sum to {self.total_count:g}"

    def in_support(self, events: tf.Tensor) -> tf.Tensor:
        whole = tf.reduce_all(is_whole(events) & (events >= 0), axis=-1)
        return whole & (tf.reduce_sum(events, axis=-1) == self.total_count)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "total_count": self.total_count}
