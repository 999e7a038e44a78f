"""A Normal posterior that is kept from collapsing: its means are normalised over the batch."""

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from tfp_dgm.layers.multivariate_normal import MultivariateNormalDiag

_EPSILON = 1e-5  # What keeps means that are all alike, as those of one row, from dividing by 0.


@keras.saving.register_keras_serializable(package="tfp_dgm")
class BatchNormalizedNormalDiag(MultivariateNormalDiag):
    """Diagonal Normal whose means have a fixed spread over the data (BN-VAE [1]).

        loc_z = gamma (m_z - mean(m_z)) / sqrt(var(m_z) + epsilon) + beta_z,
        m, rho = split(W features + b),    epsilon = 1e-5

    In training mean and var are those of the batch; otherwise their moving averages. With gamma
    fixed and beta learned, the divergence from N(0, I), averaged over the batch, is at least

        gamma^2 / 2 sum_z var(m_z) / (var(m_z) + epsilon)

    nats: Z gamma^2 / 2 (eq. 7 of [1], with scales of 1) where the means vary by far more than
    sqrt(epsilon) = 0.003, and less where they do not; means that are all alike may collapse.

    Args:
      units: Z, the number of dimensions.
      gamma: positive; the standard deviation of each mean over the data, but for epsilon.
      momentum: of the moving averages.
      **kwargs: see `MultivariateNormalDiag`.
    References:
      [1] Zhu et al. A Batch Normalized Inference Network Keeps the KL Vanishing Away. ACL 2020.
        arXiv:2004.12585
    """

    def __init__(
        self, units: int, *, gamma: float = 0.5, momentum: float = 0.99, **kwargs: Any
    ) -> None:
        super().__init__(units, **kwargs)
        if gamma <= 0:
            raise ValueError(
                f"BatchNormalizedNormalDiag: `gamma` must be positive; received {gamma}"
            )
        self.gamma = gamma
        self.momentum = momentum
        self.normalization = keras.layers.BatchNormalization(
            scale=False,
            center=False,
            momentum=momentum,
            epsilon=_EPSILON,
            dtype="float32",
            trainable=self.trainable,
            name="normalization",
        )

    def build(self, input_shape: Sequence[int | None]) -> None:
        if not self.built:
            self.beta = self.add_weight(shape=(self.units,), initializer="zeros", name="beta")
            if not self.normalization.built:
                self.normalization.build((None, self.units))
        super().build(input_shape)

    def _parameters(self, features: tf.Tensor, training: bool) -> tf.Tensor:
        m, rho = tf.split(self.projection(features), 2, axis=-1)  # [..., Z] each
        rows = tf.reshape(m, [-1, self.units])  # Statistics are over all leading axes.
        spread = tf.reshape(self.normalization(rows, training=training), tf.shape(m))
        loc = self.gamma * spread + self.beta
        return tf.concat([tf.ensure_shape(loc, m.shape), rho], axis=-1)
