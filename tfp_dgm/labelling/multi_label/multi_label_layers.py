"""What the classes say of each other, and how sure they are of it, as layers."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfp_dgm.saved_arguments import SavesArguments

_TINY = 1e-7


@keras.saving.register_keras_serializable(package="tfp_dgm")
class LabelDependence(SavesArguments, keras.layers.Layer):
    """A trained `LabelMixture`: logits [B, K] of each class alone -> those of all together.

    Args:
      num_components: C.
      num_classes: K.
    """

    def __init__(self, num_components: int, num_classes: int, **kwargs: Any) -> None:
        kwargs["dtype"] = "float32"
        super().__init__(**kwargs)
        self.num_components, self.num_classes = num_components, num_classes

    def build(self, input_shape: Any = None) -> None:
        shape = (self.num_components, self.num_classes)
        self.shares = self.add_weight(
            shape=shape[:1], trainable=False, initializer="ones", name="shares"
        )
        self.rates = self.add_weight(
            shape=shape,
            trainable=False,
            initializer=keras.initializers.Constant(0.5),
            name="rates",
        )
        self.built = True

    def call(self, logits: tf.Tensor) -> tf.Tensor:
        """Probabilities [B, K] that each class applies."""
        yes, no = self._log_factors(logits)
        either = tf.math.log(tf.exp(yes) + tf.exp(no))  # [B, C, K]
        responsible = tf.nn.softmax(self._log_shares() + tf.reduce_sum(either, axis=2))
        return tf.einsum("bc,bck->bk", responsible, tf.exp(yes - either))

    def log_probability(self, logits: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
        """log p(labels | x) [B] of sets of classes, bool [B, K]; nats."""
        yes, no = self._log_factors(logits)
        either = tf.math.log(tf.exp(yes) + tf.exp(no))
        seen = tf.where(labels[:, tf.newaxis], yes, no)
        return tf.reduce_logsumexp(
            self._log_shares() + tf.reduce_sum(seen, axis=2), axis=1
        ) - tf.reduce_logsumexp(self._log_shares() + tf.reduce_sum(either, axis=2), axis=1)

    def _log_shares(self) -> tf.Tensor:
        return tf.math.log(tf.convert_to_tensor(self.shares))

    def _log_factors(self, logits: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """See `LabelMixture`; [B, C, K] each."""
        rates = tf.convert_to_tensor(self.rates)
        marginals = tf.linalg.matvec(rates, tf.convert_to_tensor(self.shares), transpose_a=True)
        yes = tf.math.log_sigmoid(logits)[:, tf.newaxis]
        no = tf.math.log_sigmoid(-logits)[:, tf.newaxis]
        return (
            yes + tf.math.log(rates) - tf.math.log(marginals),
            no + tf.math.log1p(-rates) - tf.math.log1p(-marginals),
        )


@keras.saving.register_keras_serializable(package="tfp_dgm")
class SigmoidCalibration(SavesArguments, keras.layers.Layer):
    """sum_t weight[t, k] sigmoid(logit(p[k]) / temperature[t]) + floor[k] / 2 of p [B, K].

    Args:
      temperatures: T of them.
      num_classes: K.
    """

    def __init__(
        self, temperatures: Sequence[float] | np.ndarray, num_classes: int, **kwargs: Any
    ) -> None:
        kwargs["dtype"] = "float32"
        super().__init__(**kwargs)
        self.temperatures = [float(value) for value in temperatures]
        self.num_classes = num_classes

    def build(self, input_shape: Any = None) -> None:
        shape = (len(self.temperatures), self.num_classes)
        self.mixture = self.add_weight(
            shape=shape,
            trainable=False,
            initializer=keras.initializers.Constant(1 / shape[0]),
            name="mixture",
        )
        self.floor = self.add_weight(
            shape=shape[1:], trainable=False, initializer="zeros", name="floor"
        )
        self.built = True

    def call(self, probabilities: tf.Tensor) -> tf.Tensor:
        kept = tf.clip_by_value(probabilities, _TINY, 1 - _TINY)
        logits = tf.math.log(kept) - tf.math.log1p(-kept)
        total = tf.zeros_like(logits) + tf.convert_to_tensor(self.floor) / 2
        for number, temperature in enumerate(self.temperatures):
            total += self.mixture[number] * tf.math.sigmoid(logits / temperature)
        return total
