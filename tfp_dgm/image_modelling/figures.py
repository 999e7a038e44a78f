"""Figures of what a model of images draws and how it reconstructs."""

from __future__ import annotations

import math
import os

import matplotlib.image
import numpy as np
from numpy.typing import NDArray

from tfp_dgm.data import atomic_write
from tfp_dgm.models import LatentVariableModel


def sample_figure(
    model: LatentVariableModel, *, count: int = 100, seed: int = 0
) -> NDArray[np.float32]:
    """Mean images of latents from the prior, as tiles in rows of ten."""
    shape = tuple(model.likelihood.event_shape)
    z = model.prior(np.zeros((1, *shape), np.float32)).sample(count, seed=(seed, 1))
    means = model.decode(z).mean().numpy().reshape(count, *shape)
    return tiles(means, min(10, count))


def reconstruction_figure(
    model: LatentVariableModel, images: NDArray[np.float32], *, seed: int = 0
) -> NDArray[np.float32]:
    """Images in the upper row, below the mean images of one draw of their posteriors."""
    z = model.posterior(images).sample(seed=(seed, 2))
    means = model.decode(z).mean().numpy().reshape(images.shape)
    return tiles(np.concatenate([images, means]), len(images))


def tiles(images: NDArray[np.float32], columns: int) -> NDArray[np.float32]:
    """Images [N, H, W] or [N, H, W, C] as one, row by row, with a grey line between."""
    padding = [(0, 0), (1, 0), (1, 0), *[(0, 0)] * (images.ndim - 3)]
    rows = math.ceil(len(images) / columns)
    missing = [(0, rows * columns - len(images)), *[(0, 0)] * (images.ndim - 1)]
    padded = np.pad(np.pad(images, missing), padding, constant_values=0.5)
    return np.concatenate(
        [np.concatenate(list(row), axis=1) for row in np.split(padded, rows)], axis=0
    )


def write_figure(path: str | os.PathLike[str], image: NDArray[np.float32]) -> None:
    """Writes grey values [H, W] (or [H, W, 1]) or colours [H, W, 3] as a PNG, whole or not."""
    if image.ndim == 3 and image.shape[-1] == 1:
        image = image[..., 0]
    with atomic_write(path) as file:
        matplotlib.image.imsave(
            file, np.clip(image, 0, 1), cmap="gray", vmin=0, vmax=1, format="png"
        )
