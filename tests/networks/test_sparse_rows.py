"""Dense layers of sparse rows, against products in NumPy."""

import keras
import numpy as np
import pytest
import scipy.sparse
import tensorflow as tf

from tfp_dgm.networks import dense_of


def _sparse(rows):
    found = scipy.sparse.coo_matrix(rows)
    indices = np.stack([found.row, found.col], axis=1).astype(np.int64)
    return tf.SparseTensor(indices, found.data.astype(np.float32), rows.shape)


@pytest.mark.parametrize("as_graph", [False, True])
@pytest.mark.parametrize("rows", [0, 1, 5])
@pytest.mark.parametrize("share", [0.0, 0.4])
def test_sparse_rows_are_multiplied_as_dense_ones(rows, share, as_graph):
    rng = np.random.default_rng(1)
    layer = keras.layers.Dense(3, activation="relu", bias_initializer="random_normal")
    layer.build((None, 7))
    kernel, bias = layer.get_weights()
    inputs = rng.normal(size=(rows, 7)) * (rng.random((rows, 7)) < share)
    expected = np.maximum(inputs @ kernel + bias, 0)
    answer = tf.function(dense_of, autograph=False) if as_graph else dense_of
    np.testing.assert_allclose(answer(layer, _sparse(inputs)), expected, atol=1e-6)
    np.testing.assert_allclose(answer(layer, tf.constant(inputs, tf.float32)), expected, atol=1e-6)


def test_a_layer_without_bias():
    layer = keras.layers.Dense(2, use_bias=False)
    layer.build((None, 4))
    inputs = np.diag([1.0, 0.0, -2.0, 3.0])
    expected = inputs @ layer.get_weights()[0]
    np.testing.assert_allclose(dense_of(layer, _sparse(inputs)), expected, atol=1e-6)
