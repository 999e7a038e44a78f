"""Householder reflections against their matrices, at every length of the vector."""

import numpy as np
import pytest
import tensorflow as tf

from tests.references import flows
from tfp_dgm.distributions import Householder

X = np.random.default_rng(4).normal(size=(6, 3)).astype("f4")
V = np.array([2.0, -1.0, 0.5])


@pytest.mark.parametrize("length", [1e-30, 1e-10, 1.0, 1e12, 1e30])
def test_reflects_whatever_the_length_of_the_vector(length):
    """|v|^2 is out of float32's range at either end."""
    v = tf.constant((length * V).astype("f4"))
    x = tf.constant(X)
    with tf.GradientTape() as tape:
        tape.watch([v, x])
        y = Householder(v).forward(x)
    np.testing.assert_allclose(y, X @ flows.householder(V), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(Householder(v).inverse(y), X, rtol=1e-5, atol=1e-6)
    volumes = [flows.log_det_jacobian(lambda x: flows.householder(V) @ x, X[0].astype(float))]
    np.testing.assert_allclose(volumes, 0.0, atol=1e-9)
    np.testing.assert_array_equal(Householder(v).forward_log_det_jacobian(X, 1), 0.0)
    of_v, of_x = tape.gradient(y, [v, x])
    assert np.isfinite(of_v).all()
    np.testing.assert_allclose(of_x, np.ones((6, 3)) @ flows.householder(V), rtol=1e-5)


def test_gradient_of_the_vector():
    """Central differences in float64."""

    def total(v):
        return np.sum(np.sin(X @ flows.householder(v)))

    v = tf.constant(V)
    with tf.GradientTape() as tape:
        tape.watch(v)
        value = tf.reduce_sum(tf.sin(Householder(v).forward(X.astype(float))))
    expected = [(total(V + e) - total(V - e)) / 2e-5 for e in 1e-5 * np.eye(3)]
    np.testing.assert_allclose(tape.gradient(value, v), expected, rtol=1e-7)


def test_no_direction_is_no_reflection():
    v = tf.zeros(3)
    with tf.GradientTape() as tape:
        tape.watch(v)
        y = Householder(v).forward(X)
    np.testing.assert_array_equal(y, X)
    assert np.isfinite(tape.gradient(y, v)).all()


def test_as_many_reflections_as_dimensions_make_any_rotation():
    """The vectors are those of NumPy's QR decomposition, which is by Householder reflections."""
    rotation, _ = np.linalg.qr(np.random.default_rng(5).normal(size=(4, 4)))
    left, vectors = rotation.copy(), []
    for column in range(4):
        v = left[:, column].copy()
        v[:column] = 0.0
        v[column] += np.copysign(np.linalg.norm(v), v[column])
        left = flows.householder(v) @ left
        vectors.append(v)
    signs = np.diag(left)  # What is left after the last reflection.
    x = np.random.default_rng(6).normal(size=(5, 4))
    y = x * signs
    for v in vectors[::-1]:
        y = Householder(tf.constant(v)).forward(y)
    np.testing.assert_allclose(y, x @ rotation.T, atol=1e-12)
