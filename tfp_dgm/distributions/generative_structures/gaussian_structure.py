"""What hidden Markov models of vectors share: Normals over frames, some of them not observed."""

from typing import Any

import tensorflow as tf

from tfp_dgm.distributions.generative_structures.gaussian_emissions import (
    GaussianPotentials,
    frames_of,
    log_densities,
)
from tfp_dgm.distributions.generative_structures.generative_structure import GenerativeStructure


class GaussianStructure(GenerativeStructure):
    """p(x) of vectors [T, D], each from a Normal that a hidden structure has chosen.

    Subclasses set the means, the scale and the centre of statistics before this constructor.

    Args:
      num_steps: vectors of a draw.
    Raises:
      ValueError: if `num_steps` is below 1.
    """

    event_ndims = 2

    _loc: tf.Tensor
    _scale: tf.Tensor
    _centre: tf.Tensor

    def __init__(self, *, num_steps: int, **kwargs: Any) -> None:
        if num_steps < 1:
            raise ValueError(
                f"{type(self).__name__}: `num_steps` must be >= 1; received {num_steps}"
            )
        self._num_steps = num_steps
        super().__init__(tf.float32, **kwargs)

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
