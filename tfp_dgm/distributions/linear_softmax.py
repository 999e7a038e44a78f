"""Log-probabilities of a softmax over a large vocabulary, at one token per position."""

from collections.abc import Callable

import tensorflow as tf

# Below it, a probability in float32 or bfloat16 may have lost digits; its logarithm is -85.
_LEAST = 1.2e-37


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


def rough_log_softmax(
    features: tf.Tensor, kernel: tf.Tensor, bias: tf.Tensor, token_ids: tf.Tensor
) -> tf.Tensor:
    """`linear_log_softmax` in bfloat16, for who compares texts and takes no gradient.

    Products are of bfloat16 and summed up in float32; logits, and probabilities, are rounded to
    bfloat16, by 1 / 512 of themselves at most. So an answer is off by no more than

        |error| <= (2 largest |logit| + 2) / 512 + what rounded features and weights add to logits

    nats, and mostly by far less, since errors of a row's logits differ in sign. No answer is below
    -85 nats.

    Args:
      features, kernel, bias, token_ids: see `linear_log_softmax`.
    Returns:
      float32 [M], nats; without a gradient.
    """
    parts = (tf.cast(tf.stop_gradient(part), tf.bfloat16) for part in (features, kernel, bias))
    features, kernel, bias = parts
    # `bias_add` becomes part of oneDNN's product.
    logits = tf.nn.bias_add(tf.matmul(features, kernel, transpose_b=True), bias)  # [M, V]
    own = tf.gather(tf.nn.softmax(logits), token_ids, batch_dims=1)
    return tf.math.log(tf.maximum(tf.cast(own, tf.float32), _LEAST))


@tf.custom_gradient
def _all_at_once(
    features: tf.Tensor, kernel: tf.Tensor, bias: tf.Tensor, token_ids: tf.Tensor
) -> tuple[tf.Tensor, Callable[[tf.Tensor], tuple[tf.Tensor, ...]]]:
    answer, probabilities = _score(features, kernel, bias, token_ids)

    def gradient(upstream: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor, None]:
        return *_gradients(features, kernel, token_ids, probabilities, upstream), None

    return answer, gradient


def _score(
    features: tf.Tensor, kernel: tf.Tensor, bias: tf.Tensor, token_ids: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    """The answer [M], and the probabilities of all tokens [M, V].

    The normaliser is what the largest logit and its probability differ by: beside the softmax, of
    which TensorFlow has a fast kernel, it takes two passes over the logits, where that of the cross
    entropy takes several times as long as all of them.
    """
    logits = tf.cast(tf.matmul(features, kernel, transpose_b=True), tf.float32)
    logits = tf.nn.bias_add(logits, bias)  # [M, V]
    probabilities = tf.nn.softmax(logits)
    largest = tf.reduce_max(logits, axis=-1)
    normaliser = largest - tf.math.log(tf.reduce_max(probabilities, axis=-1))  # [M]
    return tf.gather(logits, token_ids, batch_dims=1) - normaliser, probabilities


def _gradients(
    features: tf.Tensor,
    kernel: tf.Tensor,
    token_ids: tf.Tensor,
    probabilities: tf.Tensor,
    upstream: tf.Tensor,
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Those of features, kernel and bias: d answer / d logits = one_hot(token) - probabilities.

    An upstream weight goes with the features, of which there are fewer than of the logits.
    """
    index = tf.stack([tf.range(tf.shape(token_ids)[0]), token_ids], axis=1)
    less = tf.tensor_scatter_nd_sub(probabilities, index, tf.ones_like(upstream))  # [M, V]
    rows = tf.cast(less, features.dtype)
    weights = -tf.cast(upstream, features.dtype)[:, tf.newaxis]  # [M, 1]
    to_features = weights * tf.matmul(rows, kernel)  # [M, D]
    to_kernel = tf.matmul(rows, weights * features, transpose_a=True)  # [V, D]
    return to_features, to_kernel, tf.linalg.matvec(less, -upstream, transpose_a=True)


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

    @tf.autograph.experimental.do_not_convert
    def score(chunk: tuple[tf.Tensor, tf.Tensor]) -> tf.Tensor:
        return _score(chunk[0], kernel, bias, chunk[1])[0]

    answer = tf.map_fn(
        score, (features, token_ids), fn_output_signature=tf.float32, parallel_iterations=1
    )

    def gradient(upstream: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor, None]:
        count = tf.shape(features)[0]

        def add_chunk(
            c: tf.Tensor, to_features: tf.TensorArray, to_kernel: tf.Tensor, to_bias: tf.Tensor
        ) -> tuple[tf.Tensor, tf.TensorArray, tf.Tensor, tf.Tensor]:
            _, probabilities = _score(features[c], kernel, bias, token_ids[c])
            more = _gradients(features[c], kernel, token_ids[c], probabilities, upstream[c])
            to_kernel += tf.cast(more[1], tf.float32)
            return c + 1, to_features.write(c, more[0]), to_kernel, to_bias + more[2]

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
