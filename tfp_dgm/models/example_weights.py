"""Weights of examples: as `fit` takes them, and as a step multiplies losses by them."""

from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfp_dgm.layers.events import assert_valid, is_whole


def with_weights(
    model: str,
    inputs: Any,
    targets: Any = None,
    sample_weight: Any = None,
    class_weight: Mapping[int, float] | None = None,
) -> tuple[Any, Any, Any]:
    """Inputs, targets and weights so that Keras hands all of them on.

    Keras drops weights of arrays that come without targets; a matrix without columns stands for
    targets there (see `given_targets`).

    Args:
      model: its name, for messages.
      inputs: arrays, or whatever holds targets and weights itself.
      targets: [N], [N, K] or None.
      sample_weight: [N], [N, 1] or None.
      class_weight: weights by class; see `weights_of_classes`.
    Raises:
      ValueError: if there are weights of both kinds, or classes' weights and no targets.
    """
    if class_weight is not None:
        if sample_weight is not None:
            raise ValueError(f"{model}: expected `sample_weight` or `class_weight`; received both")
        if isinstance(inputs, tf.data.Dataset):
            weigh = tf.autograph.experimental.do_not_convert(
                lambda *batch: _with_class_weights(model, batch, class_weight)
            )
            return inputs.map(weigh), None, None
        if targets is None:
            raise ValueError(
                f"{model}: `class_weight` needs targets, as arrays or in a tf.data.Dataset; "
                f"received {type(inputs).__name__} without them"
            )
        sample_weight = weights_of_classes(targets, class_weight).numpy()
    if sample_weight is not None and targets is None:
        arrays = keras.tree.flatten(inputs)
        if all(hasattr(array, "shape") for array in arrays):  # Else Keras refuses the weights.
            targets = np.zeros([arrays[0].shape[0], 0], np.float32)
    return inputs, targets, sample_weight


def given_targets(targets: Any) -> Any:
    """The targets, or None where `with_weights` put something in their place."""
    shape = tf.TensorShape(getattr(targets, "shape", None))
    return None if shape.rank == 2 and shape[1] == 0 else targets


def weights_of_classes(targets: Any, class_weight: Mapping[int, float]) -> tf.Tensor:
    """The weights of examples by their classes, float32 [B]; 1 where there is none for the class.

    An example without one class (not annotated, or with several allowed) is of class -1.

    Args:
      targets: classes [B] or [B, 1], or a 0/1 matrix [B, K] of allowed classes.
      class_weight: class -> weight.
    Raises:
      ValueError: if the shape is another one.
      InvalidArgumentError: if a class is no whole number.
    """
    targets = tf.convert_to_tensor(targets)
    if targets.shape.rank == 2 and targets.shape[1] != 1:
        allowed = targets != 0
        count = tf.math.count_nonzero(allowed, axis=1)
        classes = tf.where(count == 1, tf.argmax(tf.cast(allowed, tf.int32), axis=1), -1)
    elif targets.shape.rank in (1, 2):
        assert_valid(is_whole(targets), targets, "targets: expected classes, which are integers")
        classes = tf.cast(tf.reshape(targets, [-1]), tf.int64)
    else:
        raise ValueError(
            "targets: `class_weight` expects classes [B] or a 0/1 matrix [B, K]; received shape "
            f"{targets.shape}"
        )
    weights = tf.ones_like(classes, tf.float32)
    for index, weight in class_weight.items():
        weights = tf.where(classes == index, tf.constant(weight, tf.float32), weights)
    return weights


def checked_weights(sample_weight: Any, examples: int | None, name: str) -> tf.Tensor:
    """Weights [B] or [B, 1] as a tensor [B]; of another shape they would broadcast with losses [B].

    Args:
      sample_weight: an array or a tensor.
      examples: B; None where it is known only when the graph runs.
      name: who is given them, for the message.
    Raises:
      ValueError: if the shape is another one; names it.
    """
    shape = getattr(sample_weight, "shape", None)
    if shape is not None:
        for possible in ([examples], [examples, 1]):
            if tf.TensorShape(possible).is_compatible_with(shape):
                return tf.reshape(sample_weight, [-1])
    raise ValueError(
        f"{name}: `sample_weight` must be [B] or [B, 1], one weight for each of the "
        f"{'B' if examples is None else examples} examples; received "
        f"{type(sample_weight).__name__ if shape is None else f'the shape {tuple(shape)}'}"
    )


def _with_class_weights(
    model: str, batch: tuple[Any, ...], class_weight: Mapping[int, float]
) -> tuple[Any, Any, tf.Tensor]:
    inputs, targets, sample_weight = keras.utils.unpack_x_y_sample_weight(batch)
    if sample_weight is not None:
        raise ValueError(
            f"{model}: expected weights in the data set or `class_weight`; received both"
        )
    if targets is None:
        raise ValueError(f"{model}: `class_weight` needs targets; received batches of inputs alone")
    return inputs, targets, weights_of_classes(targets, class_weight)
