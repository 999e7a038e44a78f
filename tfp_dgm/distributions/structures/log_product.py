"""Products of matrices of logarithms."""

from typing import Any

import tensorflow as tf

# Exponentials of what spans less than this are no zeros in float32, nor are their products.
_NARROW = 80.0


@tf.custom_gradient
def log_product(log_vectors: tf.Tensor, log_matrix: tf.Tensor) -> Any:
    """log(exp(v) exp(M)) of log_vectors v [..., K] and one log_matrix M [K, L], [..., L].

    Where the entries of M span less than 80 nats, as a product of matrices: every entry of it then
    has a term within that span of the largest, and none is lost. Else sum by sum, as exact. The
    first derivative is of the same cost and memory; second derivatives are always sum by sum.
    """

    def gradient(upstream: tf.Tensor) -> Any:
        return _pulled_back(log_vectors, log_matrix, upstream)

    product = tf.cond(
        _is_narrow(log_matrix),
        lambda: _scaled(log_vectors, log_matrix)[2],
        lambda: tf.reduce_logsumexp(log_vectors[..., tf.newaxis] + log_matrix, axis=-2),
    )
    return product, gradient


@tf.custom_gradient
def _pulled_back(log_vectors: tf.Tensor, log_matrix: tf.Tensor, upstream: tf.Tensor) -> Any:
    def gradient(*upstreams: tf.Tensor) -> Any:
        # Not through `cond`, whose derivative XLA cannot compile around loops.
        inputs = (log_vectors, log_matrix, upstream)
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            outputs = _sum_by_sum(*inputs)
        return tape.gradient(outputs, inputs, output_gradients=upstreams)

    pulled = tf.cond(
        _is_narrow(log_matrix),
        lambda: _by_products(log_vectors, log_matrix, upstream),
        lambda: _sum_by_sum(log_vectors, log_matrix, upstream),
    )
    return pulled, gradient


def _is_narrow(log_matrix: tf.Tensor) -> tf.Tensor:
    return tf.reduce_max(log_matrix) - tf.reduce_min(log_matrix) < _NARROW


def _scaled(
    log_vectors: tf.Tensor, log_matrix: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """(exp(v - max v), exp(M - max M), log(exp(v) exp(M)))."""
    peak, largest = tf.reduce_max(log_vectors, axis=-1, keepdims=True), tf.reduce_max(log_matrix)
    vectors, matrix = tf.exp(log_vectors - peak), tf.exp(log_matrix - largest)
    return vectors, matrix, tf.math.log(tf.tensordot(vectors, matrix, 1)) + peak + largest


def _by_products(
    log_vectors: tf.Tensor, log_matrix: tf.Tensor, upstream: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    vectors, matrix, _ = _scaled(log_vectors, log_matrix)
    weights = upstream / tf.tensordot(vectors, matrix, 1)
    pulled = vectors * tf.tensordot(weights, matrix, [[-1], [-1]])
    flat = [tf.reshape(part, [-1, tf.shape(part)[-1]]) for part in (vectors, weights)]
    return pulled, matrix * tf.matmul(flat[0], flat[1], transpose_a=True)


def _sum_by_sum(
    log_vectors: tf.Tensor, log_matrix: tf.Tensor, upstream: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    shares = tf.nn.softmax(log_vectors[..., tf.newaxis] + log_matrix, axis=-2)  # [..., K, L]
    flows = shares * upstream[..., tf.newaxis, :]
    shape = tf.concat([[-1], tf.shape(log_matrix)], axis=0)
    return tf.reduce_sum(flows, axis=-1), tf.reduce_sum(tf.reshape(flows, shape), axis=0)
