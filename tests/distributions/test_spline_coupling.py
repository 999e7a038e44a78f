"""Spline couplings where bins are narrow and knots steep, at the ends, and outside of them."""

import numpy as np
import pytest
import tensorflow as tf

from tests.references import flows
from tfp_dgm.distributions import SplineCoupling

BINS = 8
BOUND = 5.0


def coupling(raw, **kwargs):
    """One of vectors [2] whose splines have the raw numbers [..., 3 K - 1] whatever is kept."""
    return SplineCoupling(lambda weights, kept, context: weights[0], [raw], bound=BOUND, **kwargs)


def raw_of(scale, rows=400):
    raw = scale * np.random.default_rng(3).normal(size=(rows, 1, 3 * BINS - 1))
    return raw.astype("f4")


def points(rows=400):
    """Within the bounds, but for a few."""
    return np.random.default_rng(4).uniform(-5.3, 5.3, size=(rows, 2)).astype("f4")


@pytest.mark.parametrize("scale", [0.0, 1.0, 30.0, 1e4])
def test_volume_and_way_back(scale):
    raw, x = raw_of(scale), points()
    with tf.GradientTape(persistent=True) as tape:
        parts = tf.constant(raw), tf.constant(x)
        tape.watch(parts)
        flow = coupling(parts[0])
        y, volume = flow.forward(parts[1]), flow.forward_log_det_jacobian(parts[1], 1)
        back = coupling(parts[0]).inverse(tf.constant(y.numpy()))
    expected, volumes = [], []
    for numbers, row in zip(raw.astype(float), x.astype(float), strict=True):
        spline = flows.spline(numbers[0], BOUND)
        expected.append([row[0], spline(row[1])])
        volumes.append(np.log((spline(row[1] + 1e-6) - spline(row[1] - 1e-6)) / 2e-6))
    # Rounding of x comes out larger by as much as space was stretched.
    allowed = 4e-6 * (1 + np.abs(x[:, 1])) * np.exp(np.maximum(0, volume)) + 1e-5
    np.testing.assert_array_less(np.abs(y - expected).max(axis=1), allowed)
    # Next to a knot the slope may change within what is a step of float32.
    gaps = np.abs(volume - np.array(volumes))
    assert np.quantile(gaps, 0.98) < 2e-3
    # Rounding of y comes back larger by as much as space was squeezed.
    allowed = 4e-6 * (1 + np.abs(x[:, 1])) * np.exp(np.maximum(0, -volume)) + 1e-5
    np.testing.assert_array_less(np.abs(back - x)[:, 1], allowed)
    for value in (y, volume, back):
        gradients = tape.gradient(value, parts)
        assert all(np.isfinite(gradient).all() for gradient in gradients if gradient is not None)


def test_no_numbers_make_a_step_that_float32_cannot_tell():
    """The slope over all of the interval, of numbers of any size."""
    flow = coupling(raw_of(1e4, rows=2000))
    x = np.linspace(-5, 5, 101, dtype="f4")[:, None, None] * np.ones((1, 2000, 2), "f4")
    volume = flow.forward_log_det_jacobian(x, 1).numpy()
    assert -9.5 < volume.min() < -8
    assert 3 < volume.max() < 5
    assert (np.diff(flow.forward(x)[..., 1], axis=0) >= 0).all()


@pytest.mark.parametrize("place", [-np.inf, -1e30, -7.0, -5.0, 5.1, 1e30])
def test_outside_of_the_bounds_nothing_moves(place):
    x = np.full((400, 2), place, np.float32)
    flow = coupling(raw_of(3.0))
    np.testing.assert_array_equal(flow.forward(x), x)
    np.testing.assert_array_equal(flow.inverse(x), x)
    np.testing.assert_array_equal(flow.forward_log_det_jacobian(x, 1), 0.0)
    within = np.nextafter(np.float32(5.0), np.float32(0)) * np.ones((400, 2), "f4")
    np.testing.assert_allclose(flow.forward(within), within, atol=1e-5)  # It joins at the end.


def test_numbers_of_zero_are_the_identity():
    x = points()
    flow = coupling(raw_of(0.0))
    np.testing.assert_allclose(flow.forward(x), x, atol=1e-5)
    np.testing.assert_allclose(flow.forward_log_det_jacobian(x, 1), 0.0, atol=1e-5)


@pytest.mark.parametrize("size", [1, 2, 5])
@pytest.mark.parametrize("reverse", [False, True])
def test_halves(size, reverse):
    moved = size - size // 2
    raw = np.random.default_rng(2).normal(size=(moved, 3 * BINS - 1)).astype("f4")
    x = np.random.default_rng(1).normal(size=(3, size)).astype("f4")
    changed = (coupling(raw, reverse=reverse).forward(x).numpy() != x).all(axis=0)
    stays = [False] * moved + [True] * (size - moved)
    np.testing.assert_array_equal(changed, np.logical_not(stays if reverse else stays[::-1]))
