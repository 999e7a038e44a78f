"""Products of stacks of matrices, past a fault of oneDNN's."""

import tensorflow as tf


def stacked_product(
    left: tf.Tensor, right: tf.Tensor, *, transpose_right: bool = False
) -> tf.Tensor:
    """`tf.matmul` of draws or experts [..., T, D] with what they share, [..., D, M]: [..., T, M].

    Where four axes meet fewer or shorter ones, and a batch is of one, oneDNN reads and writes
    beyond its memory as soon as there are two threads [1], TensorFlow 2.21's among others: numbers
    are wrong, or the process dies. By way of five axes it does not, in the same time.

    Args:
      left: float [..., T, D].
      right: float [..., D, M], or [..., M, D] if it is transposed; its leading axes broadcast.
      transpose_right: whether it is.
    References:
      [1] oneDNN's issue 4396; TensorFlow's issues 117700 and 123109.
    """
    if left.shape.rank != 4:
        return tf.matmul(left, right, transpose_b=transpose_right)
    product = tf.matmul(
        tf.expand_dims(left, 2), tf.expand_dims(right, -3), transpose_b=transpose_right
    )
    return tf.squeeze(product, 2)
