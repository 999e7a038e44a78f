"""Images of a data set: decoded once, in parallel, and kept."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from tfp_dgm.data import ImageFiles, atomic_write
from tfp_dgm.generated_data import generated_dataset
from tfp_dgm.networks import decode_image
from tfp_dgm.training import Progress

_BATCH = 64


def load_images(
    files: ImageFiles,
    names: Sequence[str],
    size: int,
    *,
    cache: Path | None = None,
    progress: Progress = lambda step, done, total: None,
) -> tuple[NDArray[np.uint8], list[str]]:
    """Decodes and resizes images (see `decode_image`), with as many threads as there are cores.

    Args:
      files: where they are.
      names: of I images that are there.
      size: height and width.
      cache: a folder in which the pixels are kept from one run to the next; they then stay on the
        disk until they are used. None keeps them in memory.
      progress: told of every batch.
    Returns:
      images: uint8 [I, size, size, 3]; black where an image is broken.
      broken: the names of the images that could not be decoded.
    """
    if cache is None:
        pixels = np.zeros((len(names), size, size, 3), np.uint8)
        return pixels, _decode_into(pixels, files, names, progress)
    cache.mkdir(parents=True, exist_ok=True)
    stem = f"upright-{size}-{files.fingerprint(names)[:16]}"
    path, index = cache / f"{stem}.npy", cache / f"{stem}.json"
    if not index.exists():  # Written last.
        pixels = np.lib.format.open_memmap(path, "w+", np.uint8, (len(names), size, size, 3))
        broken = _decode_into(pixels, files, names, progress)
        pixels.flush()
        with atomic_write(index) as file:
            file.write(json.dumps({"broken": broken}).encode())
    broken = json.loads(index.read_text(encoding="utf-8"))["broken"]
    return np.load(path, mmap_mode="r"), broken


def _decode_into(
    pixels: NDArray[np.uint8],
    files: ImageFiles,
    names: Sequence[str],
    progress: Progress,
) -> list[str]:
    size = pixels.shape[1]

    def contents() -> Iterator[tuple[int, bytes]]:
        for row, name in enumerate(names):
            yield row, files.read(name)

    @tf.autograph.experimental.do_not_convert
    def decode(row: tf.Tensor, content: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        return row, decode_image(content, size, size)

    signature = (tf.TensorSpec([], tf.int64), tf.TensorSpec([], tf.string))
    batches = (
        generated_dataset(contents, signature)
        .map(decode, num_parallel_calls=tf.data.AUTOTUNE)
        .ignore_errors()  # What is missing afterwards was broken.
        .batch(_BATCH)
        .prefetch(tf.data.AUTOTUNE)
    )
    decoded = np.zeros(len(names), bool)
    for rows, images in batches.as_numpy_iterator():
        pixels[rows] = images
        decoded[rows] = True
        progress("Decoding images", int(decoded.sum()), len(names))
    return [name for name, done in zip(names, decoded, strict=True) if not done]


def encode_images(
    encoder: keras.Layer,
    images: NDArray[Any],
    *,
    cache: Path | None = None,
    progress: Progress = lambda step, done, total: None,
) -> NDArray[np.float32]:
    """A frozen encoder's features of all images, computed once.

    Args:
      encoder: images [B, H, W, 3] -> [B, ...].
      images: [I, H, W, 3].
      cache: a .npy file that keeps them from one run to the next; the caller names it by all that
        they depend on. None keeps them in memory.
      progress: told of every batch.
    Returns:
      float32 [I, ...].
    """
    if cache is not None and cache.exists():
        return np.load(cache, mmap_mode="r")

    @tf.function(
        autograph=False, input_signature=[tf.TensorSpec([None, *images.shape[1:]], images.dtype)]
    )
    def encode(batch: tf.Tensor) -> tf.Tensor:
        return tf.cast(encoder(batch, training=False), tf.float32)

    rows = []
    for start in range(0, len(images), _BATCH):
        rows.append(encode(tf.constant(images[start : start + _BATCH])).numpy())
        progress("Encoding images", min(start + _BATCH, len(images)), len(images))
    features = np.concatenate(rows)
    if cache is not None:
        with atomic_write(cache) as file:
            np.save(file, features)
    return features
