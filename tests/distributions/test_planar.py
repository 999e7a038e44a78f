"""The planar flow against SciPy, where it bends hard and where it hardly bends."""

import decimal
from decimal import Decimal

import numpy as np
import pytest
import tensorflow as tf

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


def exact(u, w, b, x):
    """v and log(1 + w . v (1 - tanh(w . x + b)^2)) by the textbook's formulae in 300 digits."""

    def dot(one, other):
        return sum(a * b for a, b in zip(one, other, strict=True))

    with decimal.localcontext(prec=300):
        u, w, x = ([Decimal(float(value)) for value in part] for part in (u, w, x))
        inner = dot(w, u)
        slope = (1 + (Decimal(1).exp() - 1) * inner.exp()).ln() - 1
        v = [a + (slope - inner) * b / dot(w, w) for a, b in zip(u, w, strict=True)]
        power = (2 * (dot(w, x) + Decimal(b))).exp()
        tanh = (power - 1) / (power + 1)
        return [float(part) for part in v], float((1 + slope * (1 - tanh**2)).ln())


@pytest.mark.parametrize("inner", [-400.0, -100.0, -40.0, -18.0, -5.0, 5.0, 100.0])
def test_volume_and_way_back_where_space_is_all_but_folded(inner):
    """At w . x + b of 0, where s = 1 + w . v counts alone, beside it, and far away."""
    w = np.array([2.0, -1.0, 0.5], np.float32)
    u = np.array([0.0, -inner, 0.0], np.float32)
    x = np.array([[0.0, 0, 0], [1e-12, 0, 0], [1e-3, 0, 0], [0.0, 0, 0.6], [9.0, 0, 0]], "f4")
    bijector = Planar(u, w, np.float32(0.0))
    expected = np.array([exact(u, w, 0.0, row)[1] for row in x])
    found = bijector.forward_log_det_jacobian(x, 1)
    np.testing.assert_allclose(found, expected, rtol=2e-6, atol=1e-6)
    y = bijector.forward(x)
    with tf.GradientTape() as tape:
        parts = [tf.constant(part) for part in (u, w, np.float32(0.0), x)]
        tape.watch(parts)
        flow = Planar(*parts[:3])
        both = flow.forward_log_det_jacobian(parts[3], 1), flow.inverse(y)
    gradients = tape.gradient(both, parts)
    assert all(np.isfinite(gradient).all() for gradient in gradients)
    # Rounding of y comes back larger by as much as space was squeezed; a fold has a + a^3 / 3.
    moved = np.abs((both[1] - x) @ w[:, np.newaxis])[:, 0]
    rounding = 1e-6 * (1 + abs(inner))
    allowed = np.minimum(rounding * np.exp(-expected), 2 * np.cbrt(rounding)) + rounding
    np.testing.assert_array_less(moved, allowed)


@pytest.mark.parametrize("length", [1e-25, 1e-10, 1e12])
def test_direction_without_the_length_of_w(length):
    """|w|^2 is out of float32's range, or below what would keep it from 0."""
    w = (length * np.array([2.0, -1.0, 0.5])).astype("f4")
    u = (np.array([0.3, 0.7, -0.2]) * min(1.0, 1 / length)).astype("f4")
    bend = Planar(u, w, np.float32(0.3)).forward(np.zeros(3, "f4"))
    v, _ = exact(u, w, 0.3, np.zeros(3))
    np.testing.assert_allclose(bend, np.multiply(v, np.tanh(0.3)), rtol=1e-5)
