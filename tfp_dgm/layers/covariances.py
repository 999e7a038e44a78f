"""Scales of Normals as unconstrained weights, and back from covariances."""

from dataclasses import dataclass

import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp

# Covariances are kept this much above the lower limit, which no weight can reach.
_ABOVE = 1.001


@dataclass(frozen=True)
class ScaleWeights:
    """How P unconstrained numbers are a scale over R^D; zeros are about the identity.

        standard deviation (or diagonal of the Cholesky factor) = min_scale + exp(number)

    Attributes:
      units: D.
      full: whether the covariance is full (P = D (D + 1) / 2) or diagonal (P = D).
      min_scale: lower limit of the standard deviations (the diagonal).
    """

    units: int
    full: bool
    min_scale: float

    @property
    def size(self) -> int:
        """P."""
        return self.units * (self.units + 1) // 2 if self.full else self.units

    @property
    def _bijector(self) -> tfp.bijectors.Bijector:
        return tfp.bijectors.FillScaleTriL(
            diag_bijector=tfp.bijectors.Exp(), diag_shift=self.min_scale
        )

    def scale(self, weights: tf.Tensor) -> tf.Tensor:
        """[..., P] -> standard deviations [..., D], or Cholesky factors [..., D, D]."""
        return self._bijector.forward(weights) if self.full else self.min_scale + tf.exp(weights)

    def weights(self, covariance: np.ndarray) -> np.ndarray:
        """Those of covariances [..., D, D], or of variances [..., D], brought above the limit.

        Eigenvalues below are lifted: of all matrices above the limit, the likeliest for vectors of
        that covariance.
        """
        least = (_ABOVE * self.min_scale) ** 2
        if not self.full:
            return np.log(np.sqrt(np.maximum(covariance, least)) - self.min_scale)
        values, vectors = np.linalg.eigh(covariance)
        lifted = np.maximum(values, least)[..., np.newaxis, :]
        scale = np.linalg.cholesky(vectors * lifted @ np.swapaxes(vectors, -1, -2))
        return self._bijector.inverse(tf.constant(scale, tf.float32)).numpy()
