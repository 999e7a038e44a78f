"""Sets of images of one size, from whatever they are kept in."""

from __future__ import annotations

import gzip
import io
import warnings
import zipfile
import zlib
from collections.abc import Callable
from os import PathLike
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from tfp_dgm.data.data_error import DataError
from tfp_dgm.data.dataset_cache import fetch
from tfp_dgm.data.idx_file import read_idx
from tfp_dgm.data.image_files import ImageFiles
from tfp_dgm.data.shown_images import shown_image

_NAMES = ("images", "x", "x_train")
_ZIP_MAGIC = b"PK"


def read_images(
    path: str | PathLike[str], *, warn: Callable[[str], None] = lambda sentence: None
) -> NDArray[np.float32]:
    """Reads images [N, H, W] or [N, H, W, C], brought to values from 0 to 1.

    - An IDX file of bytes, gzipped or not, such as MNIST's.
    - An .npz file with one array, or one called images, x or x_train: integers from 0 to 255 or
      all 0 and 1, or floats from 0 to 1.
    - A folder of JPEG, PNG, BMP or GIF files of one size, or a zip file of such, by name; as grey
      values [N, H, W], upright as EXIF data say, and on white where they are transparent.

    Args:
      path: the file or folder.
      warn: told which files of a folder or zip file were left out (see `ImageFiles`).
    Raises:
      DataError: if there is no image, the file cannot be read, images differ in size, values lie
        outside their range or are NaN.
    """
    path = Path(path)
    if path.is_dir():
        return _from_files(path, warn)
    try:
        with path.open("rb") as file:
            magic = file.read(2)
    except FileNotFoundError as error:
        raise DataError.at(path, "no such file or folder") from error
    except OSError as error:
        raise DataError.at(path, f"cannot be read: {error.strerror}") from error
    if magic != _ZIP_MAGIC:
        return checked_images(read_idx(path), path)
    try:
        with zipfile.ZipFile(path) as archive:
            is_npz = any(name.endswith(".npy") for name in archive.namelist())
    except zipfile.BadZipFile as error:
        raise DataError.at(path, f"the file is damaged: {error}") from error
    return checked_images(_from_npz(path), path) if is_npz else _from_files(path, warn)


def checked_images(images: NDArray[Any], path: str | PathLike[str]) -> NDArray[np.float32]:
    """Images [N, H, W] or [N, H, W, C] as floats from 0 to 1; DataError where they are none.

    Args:
      images: booleans, integers from 0 to 255 (or, where none is above 1, binary ones), or
        floats from 0 to 1.
      path: where they come from, for the message.
    """
    if images.ndim not in (3, 4):
        raise DataError.at(
            path, f"expected images [N, H, W] or [N, H, W, C]; received {images.shape}"
        )
    if not images.size:
        raise DataError.at(path, f"expected at least one image and pixel; received {images.shape}")
    if images.ndim == 4 and images.shape[-1] not in (1, 3):
        raise DataError.at(
            path, f"expected 1 or 3 channels, on the last axis; received images {images.shape[1:]}"
        )
    if images.dtype.kind in "ui":
        limit = 255 if images.max() > 1 else 1
        kind = "integers from 0 to 255"
    elif images.dtype.kind in "fb":
        limit, kind = 1, "floats from 0 to 1"
    else:
        raise DataError.at(path, f"expected numbers; received an array of {images.dtype}")
    if images.dtype.kind == "f" and np.isnan(images).any():
        index = int(np.argmax(np.isnan(images).reshape(len(images), -1).any(axis=1)))
        raise DataError.at(path, "expected numbers; received NaN", place=f"image {index}")
    outside = (images < 0) | (images > limit) if images.dtype.kind != "b" else np.zeros(1, bool)
    if outside.any():
        index = int(np.argmax(outside.reshape(len(images), -1).any(axis=1)))
        value = images[outside].flat[0]
        raise DataError.at(path, f"expected {kind}; received {value}", place=f"image {index}")
    return images.astype(np.float32) / np.float32(limit)


def binarise(images: NDArray[np.float32], seed: int) -> NDArray[np.float32]:
    """Draws each pixel once, 1 with its value as probability: the same for the same seed.

    Raises:
      ValueError: if a pixel is no probability.
    """
    check_probabilities(images, "binarise: `images`")
    return (np.random.default_rng(seed).random(images.shape) < images).astype(np.float32)


def check_probabilities(values: NDArray[Any], name: str) -> None:
    """Raises a ValueError that says what the values are called, unless all are from 0 to 1."""
    values = np.asarray(values)
    if not values.size or values.dtype.kind == "b":
        return
    least, greatest = values.min(), values.max()
    if not (least >= 0 and greatest <= 1):  # NaN is neither.
        raise ValueError(
            f"{name}: expected values from 0 to 1; received values from {least} to {greatest}"
        )


def load_digits(split: Literal["train", "test"]) -> NDArray[np.float32]:
    """The 5,000 digits of `mnist-5k`, [N, 28, 28]: 4,500 to train on, 500 to test.

    The split is the same everywhere. Downloads the set where it is not in the cache.

    Raises:
      DataError: if it cannot be had.
    """
    path = fetch("mnist-5k") / "mnist_5k.csv.gz"
    with gzip.open(path, "rb") as file:
        rows = np.loadtxt(io.BytesIO(file.read()), delimiter=",", dtype=np.uint8)
    images = rows[:, :784].reshape(-1, 28, 28)
    order = np.random.default_rng(0).permutation(len(images))  # The file is sorted by digit.
    chosen = order[:500] if split == "test" else order[500:]
    return checked_images(images[np.sort(chosen)], path)


def _from_npz(path: Path) -> NDArray[Any]:
    try:
        with np.load(path, allow_pickle=False) as arrays:
            names = list(arrays)
            known = [name for name in _NAMES if name in names]
            if len(names) != 1 and not known:
                raise DataError.at(
                    path, f"expected one array, or one of {', '.join(_NAMES)}; received {names}"
                )
            return arrays[known[0] if known else names[0]]
    except DataError:
        raise
    except (ValueError, OSError, zipfile.BadZipFile, EOFError, zlib.error) as error:
        raise DataError.at(path, f"cannot be read as .npz: {error}") from error


def _from_files(path: Path, warn: Callable[[str], None]) -> NDArray[np.float32]:
    files = ImageFiles(path)
    for sentence in files.warnings:
        warn(sentence)
    images: list[NDArray[np.uint8]] = []
    first = ""
    for name in files.others([]):
        image = _decoded(files.read(name), path, name)
        if images and image.shape != images[0].shape:
            raise DataError.at(
                path,
                f"expected images of one size; received {_size(images[0])} in {first} and "
                f"{_size(image)} in {name}",
            )
        first = first or name
        images.append(image)
    return checked_images(np.stack(images), path)


def _decoded(content: bytes, path: Path, name: str) -> NDArray[np.uint8]:
    from PIL import Image, UnidentifiedImageError

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(content)) as image:
                if image.mode[0] in "IF":
                    raise DataError.at(
                        path, f"expected 8 bits a channel; received mode {image.mode}", place=name
                    )
                return np.asarray(shown_image(image).convert("L"))
    except DataError:
        raise
    except UnidentifiedImageError as error:  # Its own text names an object in memory.
        problem = (
            "cannot be decoded as an image: expected JPEG, PNG, BMP or GIF; received "
            f"{len(content):,} bytes that start with {content[:8]!r}"
        )
        raise DataError.at(path, problem, place=name) from error
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombWarning) as error:
        raise DataError.at(path, f"cannot be decoded as an image: {error}", place=name) from error


def _size(image: NDArray[np.uint8]) -> str:
    height, width = image.shape
    return f"{width} x {height}"
