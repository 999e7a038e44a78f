"""Where a captioner's sources come from: images, features of them, or texts."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from tfp_dgm.captioning.images import load_images
from tfp_dgm.data import CaptionedImages, DataError, ImageFeatures, ImageFiles
from tfp_dgm.models import MixtureOfExpertsCaptioner
from tfp_dgm.text import StoredRows, Vocabulary
from tfp_dgm.token_ids import PAD
from tfp_dgm.training import Progress

SourceKind = Literal["images", "features", "texts"]
# Of a batch: images or features, in memory or on the disk, or token ids.
Sources = NDArray[Any] | StoredRows


@dataclass(frozen=True)
class CaptionedSources:
    """Captions and the sources that they are of, row by row.

    Attributes:
      captions: of I images, all of them there, or of I texts, which are their own names.
      sources: [I, ...]; pixels uint8 [I, H, W, 3], features, or strings [I].
      kind: which of them.
    """

    captions: CaptionedImages
    sources: NDArray[Any]
    kind: SourceKind

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
    where: ImageFiles | ImageFeatures | None,
    *,
    image_size: int,
    strict: bool = False,
    cache: Path | None = None,
    progress: Progress = lambda step, done, total: None,
) -> CaptionedSources:
    """The sources of captions; images that cannot be decoded are left out and reported.

    Args:
      captions: of images that are there (see `CaptionedImages.matched`), or of texts.
      where: the images, or features of them; None where the sources are texts.
      image_size: to which images are resized.
      strict: a broken image is an error.
      cache: see `load_images`.
      progress: see `load_images`.
    Raises:
      DataError: if `strict` and an image is broken, or if none is left.
    """
    if where is None:
        return CaptionedSources(captions, np.array(captions.names, object), "texts")
    if isinstance(where, ImageFeatures):
        features = np.asarray(where.of(captions.names), np.float32)
        return CaptionedSources(captions, features, "features")
    pixels, broken = load_images(where, captions.names, image_size, cache=cache, progress=progress)
    if not broken:
        return CaptionedSources(captions, pixels, "images")
    if strict:
        raise DataError.at(
            where.path, f"{len(broken)} images that cannot be decoded: {', '.join(broken[:5])}"
        )
    dropped = set(broken)
    kept = [row for row, name in enumerate(captions.names) if name not in dropped]
    captions = captions.without(broken, "that cannot be decoded")
    return CaptionedSources(captions, pixels[kept], "images")


def kind_of_sources(model: MixtureOfExpertsCaptioner) -> SourceKind:
    """What a captioner describes."""
    if model.source_vocabulary is not None:
        return "texts"
    return "features" if model.encoder is None else "images"


def as_read(model: MixtureOfExpertsCaptioner, sources: NDArray[Any]) -> NDArray[Any]:
    """Sources as the model reads them: strings [I] as token ids, anything else as it is."""
    if model.source_vocabulary is None:
        return sources
    return token_rows(model.source_vocabulary, list(sources))


def token_rows(vocabulary: Vocabulary, texts: Sequence[str]) -> NDArray[np.int32]:
    """Texts as rows of token ids, filled with PAD up to the longest: int32 [I, T]."""
    return _filled_up(vocabulary.encode_all(texts))


def _filled_up(rows: Sequence[NDArray[np.int32]]) -> NDArray[np.int32]:
    token_ids = np.full((len(rows), max(map(len, rows))), PAD, np.int32)
    for place, row in enumerate(rows):
        token_ids[place, : len(row)] = row
    return token_ids


def take(sources: Sources, rows: Any) -> NDArray[Any]:
    """Some of the sources, [B, ...]; token ids without columns that are padding alone."""
    if isinstance(sources, StoredRows):
        return _filled_up([sources[row] for row in rows])
    taken = np.asarray(sources[rows])
    if not is_tokens(sources):
        return taken
    return taken[:, : max(1, int((taken != PAD).sum(axis=1).max()))]


def shape_of_batches(sources: NDArray[Any]) -> list[int | None]:
    """The shape of what `take` gives."""
    return [None, None] if is_tokens(sources) else [None, *sources.shape[1:]]


def longest(sources: Sources) -> int:
    """The most tokens of a row."""
    return int(sources.lengths.max() if isinstance(sources, StoredRows) else sources.shape[1])


def is_tokens(sources: Sources) -> bool:
    """Whether sources are rows of token ids."""
    if isinstance(sources, StoredRows):
        return True
    return sources.ndim == 2 and np.issubdtype(sources.dtype, np.integer)
