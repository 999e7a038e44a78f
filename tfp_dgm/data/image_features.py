"""Features of images that somebody has computed already."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from os import PathLike
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from tfp_dgm.data.caption_files import read_image_list
from tfp_dgm.data.data_error import DataError, listing
from tfp_dgm.data.image_names import name_key, name_of


@dataclass(frozen=True)
class ImageFeatures:
    """Features of I images by name.

    Attributes:
      path: the file that they came from.
      names: the images' names, distinct by `name_key`.
      features: float [I, D], vectors; [I, M, D], lists; or [I, H, W, D], grids.
    """

    path: Path
    names: list[str]
    features: NDArray[np.floating]

    @property
    def warnings(self) -> list[str]:
        """What there is beside them: nothing."""
        return []

    @cached_property
    def _rows(self) -> dict[str, int]:
        return {name_key(name): row for row, name in enumerate(self.names)}

    def __contains__(self, name: str) -> bool:
        return name_key(name) in self._rows

    def of(self, names: Iterable[str]) -> NDArray[np.floating]:
        """The features of some images, [n, ...]."""
        return self.features[[self._rows[name_key(name)] for name in names]]

    def others(self, names: Iterable[str]) -> list[str]:
        """The images that are not among `names`."""
        known = set(map(name_key, names))
        return [name for name in self.names if name_key(name) not in known]


def read_image_features(path: str | PathLike[str]) -> ImageFeatures:
    """Reads features from a .npz file, or from a .npy file and the list of its rows' names.

    Args:
      path: a .npz file with the arrays `names` and `features`, or a .npy file, next to which a text
        file of the same name and the ending .txt holds one image name a line. A .npy file stays
        on the disk until its rows are used.
    Raises:
      DataError: if a file or an array is missing, shapes do not fit, names come twice, or a value
        is not finite.
    """
    path = Path(path)
    try:
        loaded = np.load(path, mmap_mode="r", allow_pickle=False)
        if isinstance(loaded, np.ndarray):
            names, features = read_image_list(path.with_suffix(".txt")), loaded
        else:
            with loaded as arrays:
                missing = [key for key in ("names", "features") if key not in arrays]
                if missing:
                    raise DataError.at(
                        path,
                        "expected the arrays `names` and `features`; received "
                        f"{sorted(arrays.files)}",
                    )
                names = _names(path, arrays["names"])
                features = arrays["features"]
    except FileNotFoundError as error:
        raise DataError.at(path, "no such file") from error
    except (OSError, ValueError, EOFError, BadZipFile) as error:
        if isinstance(error, DataError):
            raise
        raise DataError.at(path, f"expected a .npy or .npz file of numbers: {error}") from error
    _check(path, names, features)
    return ImageFeatures(path, names, features)


def _names(path: Path, names: NDArray[Any]) -> list[str]:
    if names.dtype.kind == "S":
        names = np.char.decode(names, "utf-8")
    read = [name_of(name) for name in names.tolist()]
    known = [name for name in read if name is not None]
    if names.ndim != 1 or len(known) < len(read):
        raise DataError.at(
            path,
            f"expected `names` [I], strings or whole numbers; received {names.dtype} "
            f"{list(names.shape)}: {listing(list(map(str, names)))}",
        )
    return known


def _check(path: Path, names: Sequence[str], features: NDArray[np.floating]) -> None:
    if not np.issubdtype(features.dtype, np.floating) or features.ndim not in (2, 3, 4):
        raise DataError.at(
            path,
            "expected features [I, D], [I, M, D] or [I, H, W, D] of a float type; received "
            f"{features.dtype} {list(features.shape)}",
        )
    if len(names) != len(features):
        raise DataError.at(path, f"{len(features)} rows of features, but {len(names)} names")
    counts = Counter(map(name_key, names))
    if twice := sorted(name for name, count in counts.items() if count > 1):
        raise DataError.at(
            path, f"expected distinct names; received more than one {listing(twice)}"
        )
    for row, values in enumerate(features):
        if not np.isfinite(values).all():
            raise DataError.at(path, "a feature is NaN or infinite", place=f"row {row}")
