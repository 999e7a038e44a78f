"""Calibrated mixtures of probabilities."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfp_dgm.saved_arguments import SavesArguments


@keras.saving.register_keras_serializable(package="tfp_dgm")
class TemperedMixture(SavesArguments, keras.layers.Layer):
    """sum_m weight_m p_m^(1 / temperature_m) / Z + floor / K of members' probabilities [..., K].

    Args:
      temperatures: M of them.
      weights: M weights; with `floor` they sum to 1.
      floor: the share of the uniform distribution.
    """

    def __init__(
        self,
        temperatures: Sequence[float] | np.ndarray,
        weights: Sequence[float] | np.ndarray,
        floor: float = 0.0,
        **kwargs: Any,
    ) -> None:
        kwargs["dtype"] = "float32"
        super().__init__(**kwargs)
        self.temperatures = [float(value) for value in temperatures]
        self.weights_ = [float(value) for value in weights]
        self.floor = float(floor)
        self.built = True

    def call(self, members: Sequence[tf.Tensor]) -> tf.Tensor:
        total = tf.fill(tf.shape(members[0]), self.floor / members[0].shape[-1])
        for member, temperature, weight in zip(
            members, self.temperatures, self.weights_, strict=True
        ):
            logits = tf.math.log(tf.maximum(member, 1e-7)) / temperature
            total += weight * tf.nn.softmax(logits)
        return total
