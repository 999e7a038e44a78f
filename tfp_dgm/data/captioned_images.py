"""Images and their captions, matched by name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Protocol

from tfp_dgm.data.data_error import DataError, listing
from tfp_dgm.data.image_names import name_key


class ImagesByName(Protocol):
    """Where images, or features of them, are found by name, however it is spelled."""

    @property
    def path(self) -> Path:
        """The folder or file."""

    @property
    def warnings(self) -> list[str]:
        """What there is beside them, and is left out, a sentence each."""

    def __contains__(self, name: str) -> bool: ...

    def others(self, names: Iterable[str]) -> list[str]:
        """The images that are not among `names`."""


@dataclass(frozen=True)
class CaptionedImages:
    """Images by name, each with its captions, in the order of the file.

    Attributes:
      captions: image name -> its captions, at least one each, none blank.
      warnings: what was left out and why, a sentence each.
      texts: whether the names are texts, which meet only where they are equal; names of images
        meet where `name_key` is.
    """

    captions: dict[str, list[str]]
    warnings: list[str] = field(default_factory=list)
    texts: bool = False

    @property
    def names(self) -> list[str]:
        """The names of the I images."""
        return list(self.captions)

    @property
    def num_captions(self) -> int:
        """N, over all images."""
        return sum(map(len, self.captions.values()))

    @cached_property
    def _spelled(self) -> dict[str, str]:
        return {} if self.texts else {name_key(name): name for name in self.captions}

    def spelled(self, name: str) -> str:
        """A name as the captions spell it; as it is where they have no such image."""
        return name if self.texts else self._spelled.get(name_key(name), name)

    def pairs(self) -> Iterator[tuple[int, str]]:
        """Yields each caption with the place of its image in `names`."""
        for place, captions in enumerate(self.captions.values()):
            for caption in captions:
                yield place, caption

    def within(self, names: Iterable[str], where: str) -> CaptionedImages:
        """The images of a list, in its order; `warnings` names those without captions.

        Args:
          names: such as `read_image_list` gives.
          where: the list's name for warnings.
        Raises:
          DataError: if there are none, or none of them has a caption.
        """
        names = list(dict.fromkeys(map(self.spelled, names)))
        missing = [name for name in names if name not in self.captions]
        kept = {name: self.captions[name] for name in names if name in self.captions}
        if not names:
            raise DataError(f"{where}: there are none")
        if not kept:
            raise DataError(
                f"{where}: none of the {len(names)} images has a caption, such as {names[0]!r}; "
                f"the captions are of images such as {self.names[0]!r}"
            )
        warnings = report_images(missing, f"of {where} without a caption")
        return replace(self, captions=kept, warnings=warnings)

    def without(self, names: Iterable[str], why: str) -> CaptionedImages:
        """All but the images of the given names; how many and which they are is a warning.

        Raises:
          DataError: if none is left.
        """
        dropped = set(names)
        found = [name for name in self.captions if name in dropped]
        kept = {name: c for name, c in self.captions.items() if name not in dropped}
        if not kept:
            raise DataError(f"no image is left: {len(found)} {why}, such as {found[0]!r}")
        return replace(self, captions=kept, warnings=self.warnings + report_images(found, why))

    def matched(self, images: ImagesByName, *, strict: bool = False) -> CaptionedImages:
        """The images that are there; captions without image, and images without caption, reported.

        Args:
          images: where they should be: `ImageFiles` or `ImageFeatures`.
          strict: a caption whose image is missing is an error.
        Raises:
          DataError: if `strict` and an image is missing, or if none is there.
        """
        missing = [name for name in self.captions if name not in images]
        if missing and strict:
            raise DataError.at(
                images.path, f"{len(missing)} images with captions missing: {listing(missing)}"
            )
        matched = self.without(missing, "with captions missing") if missing else self
        alone = images.others(self.captions)
        warnings = [*matched.warnings, *images.warnings, *report_images(alone, "without a caption")]
        return replace(matched, warnings=warnings)


def gather_captions(
    path: Path, rows: Iterable[tuple[str, str]], *, texts: bool = False
) -> CaptionedImages:
    """The captions of each image together, from rows in any order; blank ones are left out.

    Args:
      path: the file, for the message.
      rows: names and captions.
      texts: see `CaptionedImages`.
    Raises:
      DataError: if there is no caption.
    """
    captions: dict[str, list[str]] = {}
    first: dict[str, str] = {}
    respelled: dict[str, None] = {}
    num_blank = 0
    for name, caption in rows:
        known = first.setdefault(name if texts else name_key(name), name)
        if known != name:
            respelled[f"{name} as {known}"] = None
        caption = " ".join(caption.split())
        if caption:
            captions.setdefault(known, []).append(caption)
        else:
            num_blank += 1
    if not captions:
        raise DataError.at(path, "there is no caption")
    warnings = [f"{num_blank} blank caption{'s' * (num_blank > 1)} left out"] if num_blank else []
    if respelled:
        names = "1 name" if len(respelled) == 1 else f"{len(respelled)} names"
        warnings.append(f"{names} taken for another spelling of one: {listing(list(respelled))}")
    return CaptionedImages(captions, warnings, texts)


def report_images(names: list[str], what: str) -> list[str]:
    """One sentence on some images, such as "2 images without a caption: a.jpg, b.jpg"; or none."""
    if not names:
        return []
    return [f"{len(names)} image{'s' * (len(names) > 1)} {what}: {listing(names)}"]
