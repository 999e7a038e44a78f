"""Whether values are events of a distribution: their shape always, their support in the graph."""

from collections.abc import Sequence

import tensorflow as tf

# What sums and norms of float32 (or of data that came in half precision) may differ by.
_TOLERANCE = 1e-2


def with_event_shape(
    values: tf.Tensor,
    event_shape: Sequence[int | None],
    name: str,
    batch_shape: Sequence[int | None] = (None,),
) -> tf.Tensor:
    """The values, whose shape is that of the batch and then that of the event.

    Raises:
      ValueError: if it is another one; names what it was.
      InvalidArgumentError: likewise, where an axis is known only when the graph runs.
    """
    expected = tf.TensorShape(batch_shape).concatenate(event_shape)
    if not expected.is_compatible_with(values.shape):
        sizes = ["B", *list(expected)[1:]]
        axes = ", ".join("T" if size is None else str(size) for size in sizes)
        raise ValueError(
            f"{name}: expected the shape [{axes}]; received {tuple(values.shape.as_list())}"
        )
    return tf.ensure_shape(values, expected)


def assert_valid(valid: tf.Tensor, values: tf.Tensor, message: str) -> None:
    """Raises, in a graph too, where a value is not valid; names the first of them and its row.

    XLA compiles no assertions: there nothing is raised.

    Args:
      valid: bool [B, ...].
      values: [B, ...], with the same axes and perhaps more.
      message: whose values they are, and what was expected.
    Raises:
      InvalidArgumentError: if one is not valid.
    """

    def refuse() -> tf.Tensor:
        number = tf.size(valid)
        first = tf.argmin(tf.cast(tf.reshape(valid, [-1]), tf.int32), output_type=tf.int32)
        event = tf.shape(values)[tf.rank(valid) :]
        # Gathered: a slice that begins where values say has XLA compile anew for all values.
        received = tf.gather(tf.reshape(values, tf.concat([[number], event], axis=0)), first)
        rows = tf.concat([tf.shape(valid), [1]], axis=0)[0]
        row = first // (number // rows)
        data = [f"{message}; received", received, "in row", row]
        with tf.control_dependencies([tf.debugging.Assert(False, data, summarize=10)]):
            return tf.constant(False)

    tf.cond(tf.reduce_all(valid), lambda: tf.constant(True), refuse)


def is_whole(values: tf.Tensor) -> tf.Tensor:
    """Whether each is a whole number; NaN and infinity are none."""
    if not values.dtype.is_floating:
        return tf.ones_like(values, tf.bool)
    return tf.math.is_finite(values) & (values == tf.round(values))


def is_near(values: tf.Tensor, expected: float) -> tf.Tensor:
    """Whether each is the expected one, up to rounding."""
    return tf.abs(values - expected) <= _TOLERANCE * max(1.0, abs(expected))


def is_probability(values: tf.Tensor) -> tf.Tensor:
    """Whether each vector [..., K] is of probabilities: bool [...]. A one-hot vector is."""
    return tf.reduce_all(values >= 0, axis=-1) & is_near(tf.reduce_sum(values, axis=-1), 1.0)
