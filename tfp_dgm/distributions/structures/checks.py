"""What structured distributions refuse: shapes at once, values by row."""

from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow_probability import distributions as tfd


def require_rank(owner: str, argument: str, tensor: tf.Tensor, axes: str) -> None:
    """Raises ValueError unless the tensor has as many axes as `axes` names, as in "[B, T, K]"."""
    wanted = axes.count(",") + 1
    if tensor.shape.rank != wanted:
        raise ValueError(
            f"{owner}: `{argument}` must be {axes}; received shape {tuple(tensor.shape)}"
        )


def require_sizes(
    owner: str, argument: str, tensor: tf.Tensor, axes: str, sizes: tuple[Any, ...]
) -> None:
    """Raises ValueError where a static size is none of those allowed.

    Args:
      sizes: an axis each: a size, several as a tuple, or None where any will do.
    """
    require_rank(owner, argument, tensor, axes)
    for size, allowed in zip(tensor.shape, sizes, strict=True):
        options = allowed if isinstance(allowed, tuple) else (allowed,)
        if size is not None and None not in options and size not in options:
            wanted = ", ".join(
                " or ".join(str(one) for one in (entry if isinstance(entry, tuple) else (entry,)))
                for entry in sizes
            )
            raise ValueError(
                f"{owner}: `{argument}` must be {axes} = [{wanted.replace('None', 'any')}]; "
                f"received shape {tuple(tensor.shape)}"
            )


def require_precision(owner: str, argument: str, tensor: tf.Tensor) -> None:
    """Raises ValueError unless the numbers can be as far from each other as log 0 is from all."""
    if tensor.dtype not in (tf.float32, tf.float64):
        raise ValueError(
            f"{owner}: `{argument}` must be float32 or float64; received {tensor.dtype.name}"
        )


def require_count(owner: str, argument: str, count: int) -> None:
    """Raises ValueError if a number is below 1."""
    if count < 1:
        raise ValueError(f"{owner}: `{argument}` must be >= 1; received {count}")


def as_lengths(owner: str, lengths: Any, padded: tf.Tensor) -> tf.Tensor:
    """Lengths int32 [B] of what is padded to T, [B, T, ...]; T where there are none.

    Raises:
      ValueError: if they are not one a row, or one is below 1 or beyond T (within graphs,
        InvalidArgumentError).
    """
    most = tf.shape(padded)[1]
    if lengths is None:
        return tf.fill(tf.shape(padded)[:1], most)
    lengths = tf.cast(tf.convert_to_tensor(lengths, name="lengths"), tf.int32)
    require_sizes(owner, "lengths", lengths, "[B]", (padded.shape[0],))
    wrong = (lengths < 1) | (lengths > most)
    if tf.executing_eagerly():
        for row in np.flatnonzero(wrong.numpy())[:1]:
            raise ValueError(
                f"{owner}: `lengths` must be 1 to {int(most)}; received {int(lengths[row])} in row "
                f"{row}"
            )
        return lengths
    message = f"{owner}: `lengths` must be 1 to the number of positions; received, and T"
    check = tf.debugging.Assert(~tf.reduce_any(wrong), [message, lengths, most], summarize=8)
    with tf.control_dependencies([check]):
        return tf.identity(lengths)


def require_same_rows(
    q: tf.Tensor, p: tf.Tensor, q_lengths: tf.Tensor, p_lengths: tf.Tensor
) -> None:
    """Raises ValueError unless two structures, told by q and p [B, ...], are of the same lengths.

    Lengths are compared outside graphs only.
    """
    owner = "kl_divergence"
    ours, theirs = q.shape[1:], p.shape[1:]
    if not ours.is_compatible_with(theirs):
        raise ValueError(
            f"{owner}: `p` must be over the structures of `q`, with potentials of shape "
            f"{tuple(ours)} a row; received {tuple(theirs)}"
        )
    if tf.executing_eagerly():
        ours, theirs = np.broadcast_arrays(q_lengths.numpy(), p_lengths.numpy())
        for row in np.flatnonzero(ours != theirs)[:1]:
            raise ValueError(
                f"{owner}: `p` must have the lengths of `q`, of which this one is {ours[row]}; "
                f"received {theirs[row]} in row {row}"
            )


def require_possible(owner: str, argument: str, log_partition: tf.Tensor) -> None:
    """Raises ValueError, outside graphs, at the first row of which nothing is possible."""
    if tf.executing_eagerly():
        for row in np.flatnonzero(np.isneginf(log_partition.numpy()))[:1]:
            raise ValueError(
                f"{owner}: `{argument}` must allow at least one structure of each row; received "
                f"one that allows none in row {row}"
            )


def require_event_shape(distribution: tfd.Distribution, event: tf.Tensor) -> tf.Tensor:
    """The events [..., *event shape] of a distribution; raises where they have another shape.

    Raises:
      ValueError: so, or InvalidArgumentError where it is known only when a graph runs.
    """
    owner, event_shape = type(distribution).__name__, distribution.event_shape
    rank = event_shape.rank
    own = event.shape[-rank:] if event.shape.rank is not None else tf.TensorShape(None)
    message = f"{owner}: events must have the event shape {tuple(event_shape)}"
    if not own.is_compatible_with(event_shape):
        raise ValueError(f"{message}; received {tuple(event.shape)}")
    if own.is_fully_defined() and event_shape.is_fully_defined():
        return event
    same = tf.debugging.assert_equal(
        tf.shape(event)[-rank:], distribution.event_shape_tensor(), message
    )
    with tf.control_dependencies([] if same is None else [same]):
        return tf.identity(event)
