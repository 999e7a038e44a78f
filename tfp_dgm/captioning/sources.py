"""Where a captioner's sources come from: images, or features of them."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tfp_dgm.captioning.images import load_images
from tfp_dgm.data import CaptionedImages, DataError, ImageFeatures, ImageFiles
from tfp_dgm.training import Progress


@dataclass(frozen=True)
class CaptionedSources:
    """Captions and the sources that they are of, row by row.

    Attributes:
      captions: of I images, all of them there.
      sources: [I, ...]; pixels uint8 [I, H, W, 3], or features.
      are_images: whether they are pixels.
    """

    captions: CaptionedImages
    sources: NDArray[Any]
    are_images: bool

    @property
    def source_of(self) -> list[int]:
        """The row of `sources` of each caption, [N]."""
        return [place for place, _ in self.captions.pairs()]

    @property
    def texts(self) -> list[str]:
        """All captions, [N]."""
        return [caption for _, caption in self.captions.pairs()]


def load_sources(
    captions: CaptionedImages,
    where: ImageFiles | ImageFeatures,
    *,
    image_size: int,
    strict: bool = False,
    cache: Path | None = None,
    progress: Progress = lambda step, done, total: None,
) -> CaptionedSources:
    """The sources of captions; images that cannot be decoded are left out and reported.

    Args:
      captions: of images that are there; see `CaptionedImages.matched`.
      where: the images, or features of them.
      image_size: to which images are resized.
      strict: a broken image is an error.
      cache: see `load_images`.
      progress: see `load_images`.
    Raises:
      DataError: if `strict` and an image is broken, or if none is left.
    """
    if isinstance(where, ImageFeatures):
        features = np.asarray(where.of(captions.names), np.float32)
        return CaptionedSources(captions, features, False)
    pixels, broken = load_images(where, captions.names, image_size, cache=cache, progress=progress)
    if not broken:
        return CaptionedSources(captions, pixels, True)
    if strict:
        raise DataError.at(
            where.path, f"{len(broken)} images that cannot be decoded: {', '.join(broken[:5])}"
        )
    dropped = set(broken)
    kept = [row for row, name in enumerate(captions.names) if name not in dropped]
    captions = captions.without(broken, "that cannot be decoded")
    return CaptionedSources(captions, pixels[kept], True)
