"""The planar flow against SciPy, where it bends hard and where it hardly bends."""

import numpy as np
import pytest

from tests.references import flows
from tfp_dgm.distributions import Planar

random = np.random.default_rng(4)
X = random.normal(size=(6, 3)).astype("f4")


@pytest.mark.parametrize("scale", [1e-4, 1.0, 6.0])
def test_forward_inverse_and_volume(scale):
    u, w = scale * random.normal(size=(2, 3))
    bijector = Planar(u.astype("f4"), w.astype("f4"), np.float32(0.3))
    oracle = flows.planar(u, w, 0.3)
    y = np.array([oracle(x.astype(float)) for x in X])
    np.testing.assert_allclose(bijector.forward(X), y, rtol=1e-4, atol=1e-5)
    volumes = [flows.log_det_jacobian(oracle, x.astype(float)) for x in X]
    actual = bijector.forward_log_det_jacobian(X, 1)
    np.testing.assert_allclose(actual, volumes, rtol=1e-3, atol=1e-3)
    # Where the flow squeezes space, float32 has few digits to find the way back.
    tolerance = 1e-4 * np.exp(-min(0.0, min(volumes)))
    np.testing.assert_allclose(bijector.inverse(y.astype("f4")), X, atol=tolerance)


def test_it_is_invertible_whatever_the_parameters():
    """w . v > -1 even where u points against w: no line is folded."""
    w = np.array([2.0, -1.0, 0.5], np.float32)
    bijector = Planar(-4 * w, w, np.float32(0.0))
    line = np.linspace(-3, 3, 601, dtype="f4")[:, None] * w
    along = bijector.forward(line).numpy() @ w
    assert (np.diff(along) > 0).all()


def test_no_direction_is_no_bend():
    zero = np.zeros(3, np.float32)
    np.testing.assert_allclose(Planar(zero, zero, np.float32(1.0)).forward(X), X, atol=1e-6)
