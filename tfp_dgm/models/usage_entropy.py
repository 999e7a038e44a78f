"""How evenly experts share the work."""

from typing import Any

import keras
import tensorflow as tf

from tfp_dgm.models.example_weights import checked_weights


class UsageEntropy(keras.metrics.Metric):
    """Entropy, in nats, of the shares that the experts have of all texts; log K where all are even.

    Args:
      num_experts: K.
    """

    def __init__(self, num_experts: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.total = self.add_variable((num_experts,), "zeros", name="total")

    def update_state(self, values: tf.Tensor, sample_weight: tf.Tensor | None = None) -> None:
        """Adds responsibilities [B, K], weighted [B] or [B, 1] where weights are given."""
        if sample_weight is not None:
            weights = checked_weights(sample_weight, values.shape[0], type(self).__name__)
            values = values * tf.cast(weights, values.dtype)[:, tf.newaxis]
        self.total.assign(self.total + tf.reduce_sum(values, axis=0))

    def result(self) -> tf.Tensor:
        total = tf.convert_to_tensor(self.total)
        shares = total / tf.maximum(tf.reduce_sum(total), 1e-12)
        return -tf.reduce_sum(tf.math.xlogy(shares, shares))


class UsagePerplexity(UsageEntropy):
    """exp of that entropy: as many experts, or codes, as would be used, were all used evenly."""

    def result(self) -> tf.Tensor:
        return tf.exp(super().result())
