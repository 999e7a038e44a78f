"""Maps of scores to probabilities of which many are 0 exactly, in the place of softmax."""

import tensorflow as tf


def sparsemax(logits: tf.Tensor) -> tf.Tensor:
    """The point of the simplex that is nearest to the scores [1].

        p = argmin_p |p - logits|^2 = max(0, logits - tau),    sum_k p_k = 1

    The gradient is exact: that of the map on the support of p.

    Args:
      logits: float [..., K]; -inf has no probability.
    Returns:
      [..., K].
    References:
      [1] Martins and Astudillo. From Softmax to Sparsemax. ICML 2016. arXiv:1602.02068
    """
    shifted, order, rank = _sorted(logits)
    support = _those_of_rank(shifted, order, 1 + rank * order > tf.cumsum(order, axis=-1))
    count, total = _sums(shifted, support)
    return tf.where(support, shifted - (total - 1) / count, 0)


def entmax15(logits: tf.Tensor) -> tf.Tensor:
    """alpha-entmax of alpha = 1.5, halfway between softmax and sparsemax [1].

        p = argmax_p p . logits + 4/3 sum_k (p_k - p_k^1.5) = max(0, logits / 2 - tau)^2

    The gradient is exact: that of the map on the support of p.

    Args:
      logits: float [..., K]; -inf has no probability.
    Returns:
      [..., K], which sum to 1.
    References:
      [1] Peters, Niculae and Martins. Sparse Sequence-to-Sequence Models. ACL 2019.
        arXiv:1905.05702
    """
    shifted, order, rank = _sorted(logits / 2)
    of_first = _threshold(rank, tf.cumsum(order, axis=-1), tf.cumsum(tf.square(order), axis=-1))
    support = _those_of_rank(shifted, order, of_first <= order)
    shifted = tf.where(support, shifted, 0)  # The square of -inf has no derivative.
    count, total = _sums(shifted, support)
    squares = tf.reduce_sum(tf.square(shifted), axis=-1, keepdims=True)
    return tf.where(support, tf.square(shifted - _threshold(count, total, squares)), 0)


def _sorted(logits: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """The logits less their maximum; these, from the largest on, without gradients; 1 .. K."""
    shifted = logits - tf.stop_gradient(tf.reduce_max(logits, axis=-1, keepdims=True))
    # Whatever lies further below the maximum than 1 has no probability.
    order = tf.sort(tf.stop_gradient(tf.maximum(shifted, -4)), axis=-1, direction="DESCENDING")
    return shifted, order, tf.range(1, tf.shape(logits)[-1] + 1, dtype=logits.dtype)


def _those_of_rank(shifted: tf.Tensor, order: tf.Tensor, holds: tf.Tensor) -> tf.Tensor:
    """Which scores are not below the last one in order of which it holds; bool [..., K]."""
    least = tf.reduce_min(tf.where(holds, order, order[..., :1]), axis=-1, keepdims=True)
    return shifted >= least


def _sums(shifted: tf.Tensor, support: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """How many are in the support, and their sum; [..., 1] each."""
    count = tf.reduce_sum(tf.cast(support, shifted.dtype), axis=-1, keepdims=True)
    return count, tf.reduce_sum(tf.where(support, shifted, 0), axis=-1, keepdims=True)


def _threshold(count: tf.Tensor, total: tf.Tensor, squares: tf.Tensor) -> tf.Tensor:
    """tau, with sum_k (x_k - tau)^2 = 1 over so many x of this sum and sum of squares."""
    mean = total / count
    # Rounding may leave less than nothing; the root of 0 has no derivative.
    spread = (1 - (squares - total * mean)) / count
    return mean - tf.sqrt(tf.maximum(spread, 1e-12))
