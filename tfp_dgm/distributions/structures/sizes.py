"""Sizes of axes, as numbers where they are known: XLA wants the lengths of loops to be."""

from typing import Any

import tensorflow as tf


def size_of(tensor: tf.Tensor, axis: int) -> Any:
    """int where the size is static, else int32 []."""
    static = tensor.shape[axis]
    return tf.shape(tensor)[axis] if static is None else static
