"""Data in batches, whatever form it comes in."""

import math
from collections.abc import Iterable, Iterator
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfp_dgm.progress import Progress, no_progress


def batches(
    data: Any, batch_size: int, progress: Progress = no_progress, step: str = "Examples"
) -> Iterator[tuple[Any, int, int]]:
    """Yields (inputs, number of examples, index of the batch).

    Args:
      data: array [N, ...] or a nested structure of such, or a list of N strings; or batches as
        `fit` takes them, a `tf.data.Dataset` or a `keras.utils.PyDataset` such as
        `text.BucketedBatches`. What stands beside the inputs, as in (inputs, targets), is left out.
      batch_size: B, of arrays. Their last batch is filled up with its own first row, so that a
        function compiled for one shape serves them all; the number of examples leaves that out.
      progress: told after each batch how many examples are done.
      step: what it is told that is done to them.
    Raises:
      ValueError: if there is no example, or arrays disagree about their number, or there is no end
        of batches.
    """
    if isinstance(data, tf.data.Dataset):
        yield from _of_batches(data, progress, step)
        return
    if isinstance(data, keras.utils.PyDataset):
        if data.num_batches is None:
            raise ValueError(
                f"data: expected a number of batches; received {type(data).__name__} without end"
            )
        yield from _of_batches((data[i] for i in range(data.num_batches)), progress, step)
        return
    if isinstance(data, list | tuple) and data and all(isinstance(row, str) for row in data):
        data = np.asarray(data)
    total = _num_examples(data)
    batch_size = min(batch_size, total)
    for index, start in enumerate(range(0, total, batch_size)):
        count = min(batch_size, total - start)
        places = start + np.arange(batch_size) * (np.arange(batch_size) < count)
        yield keras.tree.map_structure(lambda a, p=places: _rows(a, p), data), count, index
        progress(step, start + count, total)


def steps_of(num_samples: int, samples_per_step: int) -> tuple[int, int]:
    """How many draws at a time, and how many times: at least `num_samples` together.

    Raises:
      ValueError: if one of the two is less than 1.
    """
    if num_samples < 1 or samples_per_step < 1:
        raise ValueError(
            "num_samples, samples_per_step: expected at least 1; received "
            f"{num_samples}, {samples_per_step}"
        )
    per_step = min(samples_per_step, num_samples)
    return per_step, math.ceil(num_samples / per_step)


def _num_examples(data: Any) -> int:
    arrays = keras.tree.flatten(data)
    unsized = [type(array).__name__ for array in arrays if not np.ndim(array)]
    if unsized or not arrays:
        raise ValueError(
            "data: expected arrays [N, ...] or batches as `fit` takes them; received "
            f"{', '.join(sorted(set(unsized))) or 'no array'}"
        )
    rows = {len(array) for array in arrays}
    if len(rows) != 1 or not min(rows):
        hint = ""
        if isinstance(data, list | tuple) and all(np.ndim(array) == 1 for array in arrays):
            hint = (
                ". Token ids of texts of several lengths are text.BucketedBatches(rows, batch_size)"
            )
        raise ValueError(
            "data: expected arrays of one positive number of examples; received "
            f"{sorted(rows)}{hint}"
        )
    return rows.pop()


def _of_batches(
    data: Iterable[Any], progress: Progress, step: str
) -> Iterator[tuple[Any, int, int]]:
    done = 0
    for index, element in enumerate(data):
        inputs, _, _ = keras.utils.unpack_x_y_sample_weight(element)
        inputs = keras.tree.map_structure(tf.convert_to_tensor, inputs)
        count = len(keras.tree.flatten(inputs)[0])
        yield inputs, count, index
        done += count
        progress(step, done, None)
    if not done:
        raise ValueError("data: expected at least one example; received an empty dataset")


def _rows(array: Any, places: np.ndarray) -> tf.Tensor:
    if isinstance(array, tf.Tensor):
        return tf.gather(array, places)
    return tf.convert_to_tensor(np.asarray(array)[places])
