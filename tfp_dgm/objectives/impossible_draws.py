"""Draws to which the model gives no probability: log-weights of -inf, and what they count for.

Such a draw adds nothing to a mean of weights, and makes a mean of log-weights -inf. Neither may
turn into NaN by 0 times or minus infinity, in a value or on the way back.
"""

import tensorflow as tf


def zero_where_infinite(x: tf.Tensor) -> tf.Tensor:
    """x, and 0 without a gradient where it is infinite. NaN stays NaN, for all to see."""
    return tf.where(tf.math.is_inf(x), tf.zeros_like(x), x)


def finite_difference(x: tf.Tensor, y: tf.Tensor) -> tf.Tensor:
    """x - y, and 0 where either is infinite; no gradient."""
    infinite = tf.math.is_inf(x) | tf.math.is_inf(y)
    return tf.stop_gradient(tf.where(infinite, 0.0, x - y))


def normalized_weights(log_weights: tf.Tensor, axis: int = 0) -> tf.Tensor:
    """softmax(log_weights), and 0 where all along the axis are -inf."""
    largest = tf.reduce_max(log_weights, axis=axis, keepdims=True)
    impossible = tf.equal(largest, -float("inf"))
    weights = tf.nn.softmax(tf.where(impossible, 0.0, log_weights), axis=axis)
    return tf.where(impossible, 0.0, weights)


def expectation(probabilities: tf.Tensor, x: tf.Tensor) -> tf.Tensor:
    """sum_k p_k x_k over the first axis. An infinite x_k counts where p_k > 0, with no gradient."""
    finite = zero_where_infinite(x)
    infinite = tf.stop_gradient(tf.math.multiply_no_nan(x - finite, probabilities))
    return tf.reduce_sum(probabilities * finite + infinite, axis=0)
