"""The linear heads and mixtures of the predictor, as layers."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfp_dgm.networks import TemperedMixture
from tfp_dgm.saved_arguments import SavesArguments


@keras.saving.register_keras_serializable(package="tfp_dgm")
class BagOfHeads(SavesArguments, keras.layers.Layer):
    """A weighted mean of softmax heads: features [B, D] -> probabilities [B, K].

    Args:
      num_classes: K.
      head_weights: H weights that sum to 1.
    """

    def __init__(self, num_classes: int, head_weights: Sequence[float], **kwargs: Any) -> None:
        kwargs["dtype"] = "float32"
        super().__init__(**kwargs)
        self.num_classes = num_classes
        self.head_weights = [float(weight) for weight in head_weights]

    def build(self, input_shape: Sequence[int | None]) -> None:
        shape = (input_shape[-1], len(self.head_weights) * self.num_classes)
        self.kernel = self.add_weight(shape=shape, trainable=False, name="kernel")
        self.bias = self.add_weight(shape=shape[1:], trainable=False, name="bias")
        self.built = True

    def call(self, features: tf.Tensor) -> tf.Tensor:
        logits = tf.matmul(features, self.kernel) + self.bias
        logits = tf.reshape(logits, [-1, len(self.head_weights), self.num_classes])
        return tf.einsum("bhk,h->bk", tf.nn.softmax(logits), tf.constant(self.head_weights))

    def mean_kernel(self) -> np.ndarray:
        """The kernel [D, K] of its heads' mean logits."""
        kernel = self.kernel.numpy().reshape(-1, len(self.head_weights), self.num_classes)
        return np.einsum("dhk,h->dk", kernel, self.head_weights)


@keras.saving.register_keras_serializable(package="tfp_dgm")
class ClassGroups(SavesArguments, keras.layers.Layer):
    """Calibrated probabilities of groups of classes: of classes [B, K] -> of groups [B, G].

    Args:
      names: G names.
      group: K; the group of each class.
      threshold: the least probability that is accepted; None accepts nothing.
      temperatures, weights, floor: of the calibration; see `TemperedMixture`.
    """

    def __init__(
        self,
        names: Sequence[str],
        group: Sequence[int] | np.ndarray,
        threshold: float | None,
        temperatures: Sequence[float] | np.ndarray,
        weights: Sequence[float] | np.ndarray,
        floor: float,
        **kwargs: Any,
    ) -> None:
        kwargs["dtype"] = "float32"
        super().__init__(**kwargs)
        self.names = tuple(names)
        self.group = np.asarray(group, np.int32)
        self.threshold = threshold
        self.calibration = TemperedMixture(temperatures, weights, floor)
        self.built = True

    def call(self, probabilities: tf.Tensor) -> tf.Tensor:
        sums = tf.matmul(probabilities, tf.one_hot(self.group, len(self.names)))
        return self.calibration([sums] * len(self.calibration.temperatures))
