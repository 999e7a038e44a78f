"""Log-probabilities of one softmax, tilted in K ways."""

import numpy as np
import tensorflow as tf


def tilted_log_softmax(
    features: tf.Tensor, kernel: tf.Tensor, bias: tf.Tensor, tilts: tf.Tensor, token_ids: tf.Tensor
) -> tf.Tensor:
    """Scores one token at each of M positions under K softmaxes that differ by biases alone.

        answer[m, k] = log softmax_v(features[m] kernel' + bias + tilts[k])[token_ids[m]]
                     = log p[m, x] + tilts[k, x] - log sum_v p[m, v] exp(tilts[k, v])

    with p the softmax without a tilt: the logits [M, V] are made once, and the K normalisers are
    one product with exp(tilts), so that K cost little more than one.

    Args:
      features: [M, D].
      kernel: [V, D].
      bias: float32 [V].
      tilts: float32 [K, V].
      token_ids: int32 [M].
    Returns:
      float32 [M, K], nats.
    """
    logits = tf.cast(tf.matmul(features, kernel, transpose_b=True), tf.float32)
    log_p = tf.nn.log_softmax(tf.nn.bias_add(logits, bias))  # [M, V]
    largest = tf.stop_gradient(tf.reduce_max(tilts, axis=-1, keepdims=True))  # [K, 1]
    mass = tf.matmul(tf.exp(log_p), tf.exp(tilts - largest), transpose_b=True)  # [M, K]
    log_mass = tf.math.log(tf.maximum(mass, np.finfo(np.float32).tiny)) + largest[:, 0]
    own = tf.gather(log_p, token_ids, batch_dims=1)[:, tf.newaxis]
    return own + tf.gather(tf.transpose(tilts), token_ids) - log_mass
