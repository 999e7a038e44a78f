"""Log-probabilities of a softmax over a large vocabulary, at one token per position."""

from collections.abc import Callable

import tensorflow as tf


def linear_log_softmax(
    features: tf.Tensor,
    kernel: tf.Tensor,
    bias: tf.Tensor,
    token_ids: tf.Tensor,
    *,
    positions_at_once: int | None = None,
) -> tf.Tensor:
    """Scores one token at each of M positions under softmax(features kernel' + bias).

        answer[m] = logits[m, token_ids[m]] - logsumexp_v logits[m, v]

    The logits [M, V] are what a language model spends most of its time and memory on. With
    `positions_at_once` they exist for so many positions only, and are computed a second time for
    the gradient: a third more work, and memory that M does not enter.

    Args:
      features: [M, D].
      kernel: [V, D].
      bias: float32 [V].
      token_ids: int32 [M].
      positions_at_once: None for all M.
    Returns:
      float32 [M], nats.
    """
    if positions_at_once is None:
        return _all_at_once(features, kernel, bias, token_ids)
    return _in_chunks(features, kernel, bias, token_ids, positions_at_once)


def _all_at_once(
    features: tf.Tensor, kernel: tf.Tensor, bias: tf.Tensor, token_ids: tf.Tensor
) -> tf.Tensor:
    logits = tf.cast(tf.matmul(features, kernel, transpose_b=True), tf.float32) + bias  # [M, V]
    return -tf.nn.sparse_softmax_cross_entropy_with_logits(token_ids, logits)  # [M]


def _in_chunks(
    features: tf.Tensor, kernel: tf.Tensor, bias: tf.Tensor, token_ids: tf.Tensor, size: int
) -> tf.Tensor:
    positions = tf.shape(features)[0]
    chunks = -(-positions // size)
    # Zero rows fill the last chunk up, so that every chunk has one static size.
    missing = chunks * size - positions
    padded = tf.pad(features, [[0, missing], [0, 0]])
    ids = tf.reshape(tf.pad(token_ids, [[0, missing]]), [chunks, size])
    padded = tf.reshape(padded, [chunks, size, features.shape[-1]])  # [C, size, D]
    return tf.reshape(_chunked(padded, kernel, bias, ids), [-1])[:positions]  # [M]


@tf.custom_gradient
def _chunked(
    features: tf.Tensor, kernel: tf.Tensor, bias: tf.Tensor, token_ids: tf.Tensor
) -> tuple[tf.Tensor, Callable[[tf.Tensor], tuple[tf.Tensor, ...]]]:
    """The same for chunks [C, size, D] and [C, size]; keeps no logits for the gradient."""

    def score(chunk: tuple[tf.Tensor, tf.Tensor]) -> tf.Tensor:
        return _all_at_once(chunk[0], kernel, bias, chunk[1])

    answer = tf.map_fn(
        score, (features, token_ids), fn_output_signature=tf.float32, parallel_iterations=1
    )

    def gradient(upstream: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor, None]:
        count = tf.shape(features)[0]

        def add_chunk(
            c: tf.Tensor, to_features: tf.TensorArray, to_kernel: tf.Tensor, to_bias: tf.Tensor
        ) -> tuple[tf.Tensor, tf.TensorArray, tf.Tensor, tf.Tensor]:
            rows, weights = features[c], upstream[c]
            logits = tf.cast(tf.matmul(rows, kernel, transpose_b=True), tf.float32) + bias
            # d log softmax(l)[k] / d l = one_hot(k) - softmax(l)
            to_logits = -tf.nn.softmax(logits) * weights[:, tf.newaxis]  # [size, V]
            index = tf.stack([tf.range(tf.shape(weights)[0]), token_ids[c]], axis=1)
            to_logits = tf.tensor_scatter_nd_add(to_logits, index, weights)
            to_bias += tf.reduce_sum(to_logits, axis=0)
            to_logits = tf.cast(to_logits, rows.dtype)
            to_kernel += tf.cast(tf.matmul(to_logits, rows, transpose_a=True), tf.float32)
            return c + 1, to_features.write(c, tf.matmul(to_logits, kernel)), to_kernel, to_bias

        start = (
            0,
            tf.TensorArray(features.dtype, count, element_shape=features.shape[1:]),
            tf.zeros_like(kernel, tf.float32),
            tf.zeros_like(bias),
        )
        _, to_features, to_kernel, to_bias = tf.while_loop(
            lambda c, *_: c < count, add_chunk, start, parallel_iterations=1
        )
        return to_features.stack(), tf.cast(to_kernel, kernel.dtype), to_bias, None

    return answer, gradient
