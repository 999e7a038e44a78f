"""Directions of clusters: what an encoder's vectors of documents say beside their words."""

import numpy as np
from numpy.typing import NDArray

from tfp_dgm.topic_modelling.topic_starts import unit_rows


class ClusterDirections:
    """Vectors of unit length, von Mises-Fisher in each cluster [1]; one concentration for all.

        log p(v | c) = kappa m_c . v + constant,    kappa = r (d - r^2) / (1 - r^2)

    with r the mean length of the clusters' mean vectors. Numbers of a vector go together, as words
    do: so d is not how many they are but their effective number, (trace C)^2 / trace(C^2) of their
    covariance C. With the former a vector would outweigh all words.

    Args:
      vectors: float32 [N, D]; zeros say nothing.
      start: [N, K]; p(cluster | document) from which kappa is estimated. It stays, so that every
        step of EM is one of a fixed objective.
    Attributes:
      weights: kappa m_c, [K, D], with the directions of the posterior that was asked about last;
        before that, those of the start.
    References:
      [1] Banerjee, Dhillon, Ghosh and Sra. Clustering on the Unit Hypersphere using von Mises-
        Fisher Distributions. JMLR 6, 2005, eq. 4.4.
    """

    def __init__(self, vectors: NDArray[np.floating], start: NDArray[np.floating]) -> None:
        self._vectors = unit_rows(np.asarray(vectors, np.float32)).astype(np.float64)
        covariance = np.atleast_2d(np.cov(self._vectors.T))
        squared = float(np.sum(np.square(covariance)))
        self.dimension = float(np.trace(covariance)) ** 2 / squared if squared > 0 else 0.0
        length = float(np.linalg.norm(start.T @ self._vectors, axis=1).sum()) / len(vectors)
        length = min(length, 1 - 1e-6)
        kappa = length * (self.dimension - length**2) / (1 - length**2)
        self.concentration = max(kappa, 0.0)
        self.weights = self._weights(start)

    def __call__(self, posterior: NDArray[np.floating]) -> NDArray[np.float64]:
        """log p(v | c), [N, K], up to a constant, with the likeliest directions m_c of a
        posterior [N, K].
        """
        self.weights = self._weights(posterior)
        found: NDArray[np.float64] = self._vectors @ self.weights.T
        return found

    def _weights(self, posterior: NDArray[np.floating]) -> NDArray[np.float64]:
        sums = posterior.T @ self._vectors  # [K, D]
        length = np.linalg.norm(sums, axis=1, keepdims=True)
        weights: NDArray[np.float64] = self.concentration * sums / np.where(length > 0, length, 1)
        return weights
