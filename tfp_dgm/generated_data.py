"""Datasets of what Python generates, which is let go with the dataset."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterable
from typing import Any

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
        found = reference()
        if found is None:
            raise RuntimeError("the dataset is gone: keep it while it is read")
        return found.generate()

    dataset = tf.data.Dataset.from_generator(elements, output_signature=output_signature)
    # Datasets made of this one, and their iterators, hold it.
    dataset._kept = kept
    return dataset
