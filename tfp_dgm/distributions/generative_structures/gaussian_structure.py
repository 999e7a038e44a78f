"""What hidden Markov models of vectors share: Normals over frames, some of them not observed."""

import tensorflow as tf

from tfp_dgm.distributions.generative_structures.gaussian_emissions import (
    GaussianPotentials,
    frames_of,
    log_densities,
)
from tfp_dgm.distributions.generative_structures.generative_structure import GenerativeStructure


class GaussianStructure(GenerativeStructure):
    """p(x) of vectors [T, D], each from a Normal that a hidden structure has chosen.

    Subclasses set the means, the scale, the centre of statistics, and the vectors of a draw.
    """

    _loc: tf.Tensor
    _scale: tf.Tensor
    _centre: tf.Tensor
    _num_steps: int

    @property
    def loc(self) -> tf.Tensor:
        """The means, [..., D], as they were given."""
        return self._loc

    @property
    def scale(self) -> tf.Tensor:
        """Standard deviations [..., D] or Cholesky factors [..., D, D], as they were given."""
        return self._scale

    @property
    def centre(self) -> tf.Tensor:
        """float64 [D], about which the statistics of vectors are."""
        return self._centre

    def _event_shape(self) -> tf.TensorShape:
        return tf.TensorShape([self._num_steps, self._loc.shape[-1]])

    def _event_shape_tensor(self) -> tf.Tensor:
        return tf.constant([self._num_steps, self._loc.shape[-1]])

    def _densities(
        self, x: tf.Tensor, potentials: GaussianPotentials
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Frames [B, T, D] -> (log-densities [B, T, K], 0 of what is not observed; lengths [B])."""
        x, seen, lengths = frames_of(x)
        unary = log_densities(x, self._centre, potentials)
        return tf.where(seen[..., tf.newaxis], unary, 0.0), lengths
