"""Documents as points of a plane, those of like topics near each other."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from sklearn.manifold import TSNE

_MOST = 1_500
_LEAST_FOR_TSNE = 20


def document_map(
    mixtures: NDArray[np.floating], *, most: int = _MOST, seed: int = 0
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Places some documents on a map, by t-SNE of the square roots of their mixtures.

    Euclidean distances of the square roots are Hellinger distances of the mixtures.

    Args:
      mixtures: [N, K].
      most: documents on the map; of more they are drawn at random.
      seed: of the draw and of the map.
    Returns:
      int64 [n], the rows that are on the map, ascending; float64 [n, 2] from 0 to 1.
    """
    random = np.random.default_rng(seed)
    rows = np.arange(len(mixtures))
    if len(rows) > most:
        rows = np.sort(random.choice(len(rows), most, replace=False))
    points = np.sqrt(np.asarray(mixtures[rows], np.float64))
    # Points in one place would be torn apart by chance.
    points = points + random.normal(0, 1e-4, points.shape)
    if len(rows) >= _LEAST_FOR_TSNE and points.shape[1] > 2:
        perplexity = min(30.0, (len(rows) - 1) / 3)
        plane = TSNE(perplexity=perplexity, init="pca", random_state=seed).fit_transform(points)
    else:
        plane = _first_two(points)
    plane = plane - plane.min(axis=0)
    return rows, plane / np.maximum(plane.max(axis=0), 1e-12)


def _first_two(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """The two principal components; nought where there are fewer."""
    left, scale, _ = np.linalg.svd(points - points.mean(axis=0), full_matrices=False)
    plane = np.zeros((len(points), 2))
    plane[:, : min(2, len(scale))] = (left * scale)[:, :2]
    return plane
