"""The images that a model is judged on."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tfp_dgm.data import DataError, binarise
from tfp_dgm.image_modelling.settings import ImageModelSettings

_SEED = 0  # One set of pixels for all models and all seeds, so that figures compare.


def held_out_images(
    images: NDArray[np.float32], settings: ImageModelSettings
) -> NDArray[np.float32]:
    """Images as the model of the settings knows them: grey ones binarised once, or as they are."""
    return images if settings.binarisation.kind == "none" else binarise(images, _SEED)


def check_shape(event_shape: Sequence[int], images: NDArray[np.float32], path: str) -> None:
    """Checks that images are of the size that a model knows.

    Args:
      event_shape: of the model's likelihood.
      images: [N, ...].
      path: where they come from, for the message.
    Raises:
      DataError: where they are not.
    """
    expected = tuple(event_shape)
    if images.shape[1:] != expected:
        raise DataError.at(
            path,
            f"expected images of the shape {expected}, as trained on; received {images.shape[1:]}",
        )
