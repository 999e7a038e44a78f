"""Kernels of vectors, functions of their distance."""

from collections.abc import Sequence

import tensorflow as tf

from tfp_dgm.objectives.configuration import Configured


class Kernel(Configured):
    """A positive definite kernel k(x, y) of |x - y|^2, a sum over several widths.

    Args:
      scales: the widths s_i, as factors of the space's own scale c, above 0.
    """

    def __init__(self, *, scales: Sequence[float]) -> None:
        if not scales or not all(scale > 0 for scale in scales):
            raise ValueError(
                f"{type(self).__name__}: `scales` must be numbers above 0; received {scales}"
            )
        self.scales = [float(scale) for scale in scales]

    def __call__(self, squared_distances: tf.Tensor, scale: tf.Tensor) -> tf.Tensor:
        """k(x, y).

        Args:
          squared_distances: |x - y|^2, float32 [...].
          scale: c, float32 []; what |x - y|^2 is on the average.
        """
        return tf.add_n([self._of(squared_distances, s * scale) for s in self.scales])

    def _of(self, squared_distances: tf.Tensor, width: tf.Tensor) -> tf.Tensor:
        raise NotImplementedError


class InverseMultiquadratic(Kernel):
    """k(x, y) = sum_i s_i c / (s_i c + |x - y|^2), whose tails are heavy [1].

    A latent far from the prior still feels it, where a kernel of Gaussian shape is flat.

    Args:
      scales: s_i; those of [1]'s programs.
    References:
      [1] Tolstikhin, Bousquet, Gelly and Schoelkopf. Wasserstein Auto-Encoders. ICLR 2018.
        arXiv:1711.01558
    """

    def __init__(self, *, scales: Sequence[float] = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)) -> None:
        super().__init__(scales=scales)

    def _of(self, squared_distances: tf.Tensor, width: tf.Tensor) -> tf.Tensor:
        return width / (width + squared_distances)


class RadialBasisFunction(Kernel):
    """k(x, y) = sum_i exp(-|x - y|^2 / (s_i c)).

    Args:
      scales: s_i.
    """

    def __init__(self, *, scales: Sequence[float] = (0.2, 1.0, 5.0)) -> None:
        super().__init__(scales=scales)

    def _of(self, squared_distances: tf.Tensor, width: tf.Tensor) -> tf.Tensor:
        return tf.exp(-squared_distances / width)
