"""The inverse autoregressive bijector where its gates are all but closed."""

import numpy as np
import pytest
import scipy.special
import tensorflow as tf

from tfp_dgm.distributions import InverseAutoregressive

M = np.array([0.5, -1.25], np.float32)


def bijector(gate):
    """One whose m and s depend on nothing: y = s x + (1 - s) m with s = sigmoid(gate)."""

    def network(weights, x, context):
        m = tf.broadcast_to(M, tf.shape(x))
        return tf.stack([m, tf.fill(tf.shape(x), np.float32(gate - 2.0))], axis=-1)

    return InverseAutoregressive(network, [tf.zeros([1])])


@pytest.mark.parametrize("gate", [-150.0, -95.0, -12.0, 0.3, 40.0, 150.0])
def test_volume_and_way_back(gate):
    x = np.array([[0.3, 2.0], [-4.0, 0.1]], np.float32)
    flow, s = bijector(gate), scipy.special.expit(gate)
    y = flow.forward(x)
    np.testing.assert_allclose(y, s * x + (1 - s) * M, rtol=1e-5)
    volume = 2 * scipy.special.log_expit(gate)
    np.testing.assert_allclose(
        flow.forward_log_det_jacobian(x, 1), [volume] * 2, rtol=1e-5, atol=1e-30
    )
    # Of x, y holds what s times its distance from m is above the rounding of m.
    back = flow.inverse(y).numpy()
    error = np.minimum(np.abs(x - M), 2e-7 * np.abs(M) / max(s, 1e-38)) + 1e-5
    assert np.isfinite(back).all()
    np.testing.assert_array_less(np.abs(back - x), error + 1e-5)
