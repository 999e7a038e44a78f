"""Dense layers of rows that are mostly zeros."""

import keras
import tensorflow as tf


def dense_of(layer: keras.layers.Dense, rows: tf.Tensor | tf.SparseTensor) -> tf.Tensor:
    """A built dense layer's output [B, units] of rows [B, D].

    Args:
      layer: the layer.
      rows: float32 [B, D]; where they are sparse, in the order of rows, zeros cost nothing. XLA
        has no such operations.
    """
    if not isinstance(rows, tf.SparseTensor):
        return layer(rows)
    # A fifth of what `tf.sparse.sparse_dense_matmul` takes, which Keras would call. A last row with
    # an entry, since TensorFlow ends the process where there is no row, or no entry.
    size = rows.dense_shape[0]
    last = tf.stack([size, tf.constant(0, tf.int64)])[tf.newaxis]
    matrix = tf.raw_ops.SparseTensorToCSRSparseMatrix(
        indices=tf.concat([rows.indices, last], axis=0),
        values=tf.concat([rows.values, [0.0]], axis=0),
        dense_shape=rows.dense_shape + tf.constant([1, 0], tf.int64),
    )
    product = tf.raw_ops.SparseMatrixMatMul(a=matrix, b=tf.convert_to_tensor(layer.kernel))
    product = tf.ensure_shape(product, [None, layer.units])[:size]
    return layer.activation(product if layer.bias is None else product + layer.bias)
