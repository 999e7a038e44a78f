"""What Keras hands to a step, as its losses take it: one replica's share of a batch."""

from typing import Any

import keras
import tensorflow as tf

from tfp_dgm.models.example_weights import checked_weights, given_targets


def unpacked(data: Any, name: str) -> tuple[Any, Any, tf.Tensor | None]:
    """Inputs, targets and weights float32 [B]; None stands for what there is not.

    Args:
      data: as Keras hands it to `train_step`.
      name: of the model, for messages.
    Raises:
      ValueError: if targets or weights are not of as many examples as inputs; names the shapes.
      InvalidArgumentError: likewise, where it is known only when the graph runs.
    """
    inputs, targets, sample_weight = keras.utils.unpack_x_y_sample_weight(data)
    targets = given_targets(targets)
    first = keras.tree.flatten(inputs)[0]
    examples = first.shape[0]
    for what, part in [("x", inputs), ("y", targets)]:
        for leaf in keras.tree.flatten(part):
            if leaf is not None:
                _check_number(leaf, first, f"{name}: `{what}`")
    if sample_weight is not None:
        sample_weight = tf.cast(checked_weights(sample_weight, examples, name), tf.float32)
        _check_number(sample_weight, first, f"{name}: `sample_weight`")
    return inputs, targets, sample_weight


def refuse_second_inputs(inputs: Any, targets: Any, name: str) -> None:
    """Raises ValueError if targets look like what is to be reconstructed: of inputs there are one.

    Classes, by which `class_weight` tells what an example counts, are left alone.
    """
    if not (tf.is_tensor(inputs) and tf.is_tensor(targets)):
        return
    shape = targets.shape
    alike = shape.rank is not None and shape.rank > 1 and shape[1:].is_fully_defined()
    if targets.dtype == tf.string or (alike and shape[1:] == inputs.shape[1:]):
        raise ValueError(
            f"{name}: learns from `x` alone, and `y` looks like a second one, of shape "
            f"{tuple(shape)}; leave it out. There is no training on noisy inputs towards clean "
            "ones: a likelihood is of what the model reads."
        )


def num_replicas() -> int:
    """How many replicas train the model together."""
    return tf.distribute.get_strategy().num_replicas_in_sync


def are_several_workers() -> bool:
    """Whether replicas of other processes train the model, too."""
    replicas = num_replicas()
    # TensorFlow's default strategy, of one replica, does not tell its devices.
    return replicas > 1 and replicas > len(tf.distribute.get_strategy().extended.worker_devices)


def shared_by_replicas(
    inputs: Any, targets: Any, sample_weight: tf.Tensor | None
) -> tuple[Any, Any, tf.Tensor | None, tf.Tensor]:
    """The same, and the number of examples that all replicas have together.

    That number divides the sum of the losses, so that summed gradients are those of the mean over
    the global batch, even where the last one does not divide evenly. A replica that it leaves
    without any example gets one of zeros and of weight 0: TFP cannot draw from an empty batch.
    """
    rows = tf.shape(keras.tree.flatten(inputs)[0])[0]
    count = tf.cast(rows, tf.float32)
    if num_replicas() > 1:
        count = tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.SUM, count)
        missing = tf.cast(rows == 0, tf.int32)
        sample_weight = tf.ones([rows]) if sample_weight is None else sample_weight
        inputs, targets, sample_weight = keras.tree.map_structure(
            lambda tensor: _append_zeros(tensor, missing), (inputs, targets, sample_weight)
        )
    return inputs, targets, sample_weight, count


def _append_zeros(tensor: tf.Tensor | None, rows: tf.Tensor) -> tf.Tensor | None:
    if tensor is None:
        return None
    shape = tf.concat([[rows], tf.shape(tensor)[1:]], axis=0)
    longer = tf.concat([tensor, tf.zeros(shape, tensor.dtype)], axis=0)
    return tf.ensure_shape(longer, [None, *tensor.shape[1:]])


def _check_number(tensor: tf.Tensor, first: tf.Tensor, name: str) -> None:
    # An assertion: TensorFlow optimises a `tf.reshape` away that would fail here.
    message = f"{name} must be of as many examples as the inputs"
    if not tf.TensorShape(first.shape[:1]).is_compatible_with(tensor.shape[:1]):
        raise ValueError(f"{message}, {first.shape[0]}; received the shape {tuple(tensor.shape)}")
    tf.debugging.assert_equal(tf.shape(tensor)[0], tf.shape(first)[0], message=message)
