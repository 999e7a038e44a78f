"""Datasets of what Python generates, which is let go with the dataset."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Generator, Iterable, Iterator
from typing import Any

import keras
import tensorflow as tf


class _Kept:
    """What generates, and all that it refers to."""

    def __init__(self, generate: Callable[[], Iterable[Any]]) -> None:
        self.generate = generate


def generated_dataset(
    generate: Callable[[], Iterable[Any]], output_signature: Any
) -> tf.data.Dataset:
    """`tf.data.Dataset.from_generator`, but what generates goes when the dataset does.

    TensorFlow keeps the Python functions of every dataset until the process ends, and with them
    what they refer to: a training's texts, say, or a model. Here it keeps a weak reference.

    Args:
      generate: gives the elements of one pass.
      output_signature: of an element.
    """
    kept = _Kept(generate)
    reference = weakref.ref(kept)

    def elements() -> Iterable[Any]:
        return _still_there(reference).generate()

    dataset = tf.data.Dataset.from_generator(elements, output_signature=output_signature)
    # Datasets made of this one, and their iterators, hold it.
    dataset._kept = kept
    return dataset


def kept_by_caller(data: Any) -> Any:
    """What Keras may be given in the place of data that Python generates.

    It makes a `from_generator` of `keras.utils.PyDataset`s and generators, which TensorFlow keeps
    with all that they hold. What comes back reads the data as long as the caller keeps them.

    Args:
      data: as `keras.Model.fit` takes them; all but these two kinds come back as they are.
    """
    # Keras may send batches of several processes elsewhere, where nobody else keeps them.
    if isinstance(data, keras.utils.PyDataset) and not data.use_multiprocessing:
        return _BatchesOfCaller(data)
    if isinstance(data, Generator):
        return _elements_of_caller(weakref.ref(data))
    return data


class _BatchesOfCaller(keras.utils.PyDataset):
    """The batches of another, which is kept elsewhere."""

    def __init__(self, batches: keras.utils.PyDataset) -> None:
        super().__init__(workers=batches.workers, max_queue_size=batches.max_queue_size)
        self._batches = weakref.ref(batches)

    @property
    def num_batches(self) -> int | None:
        return self._found().num_batches

    def __getitem__(self, index: int) -> Any:
        return self._found()[index]

    def on_epoch_begin(self) -> None:
        self._found().on_epoch_begin()

    def on_epoch_end(self) -> None:
        self._found().on_epoch_end()

    def _found(self) -> keras.utils.PyDataset:
        return _still_there(self._batches)


def _elements_of_caller(reference: weakref.ref[Any]) -> Iterator[Any]:
    # No variable holds the generator between two elements.
    while (element := next(_still_there(reference), _END)) is not _END:
        yield element
        del element


def _still_there(reference: weakref.ref[Any]) -> Any:
    found = reference()
    if found is None:
        raise RuntimeError("the data are gone: keep them while they are read")
    return found


_END = object()
