"""Continuous flows and their solver: SciPy, closed forms, finite differences, extreme weights."""

import numpy as np
import pytest
import tensorflow as tf

from tests.references import flows
from tfp_dgm.distributions import Continuous
from tfp_dgm.distributions.adaptive_steps import solve_rows
from tfp_dgm.networks import VelocityNetwork

random = np.random.default_rng(3)
X = random.normal(size=(2, 4, 3))
SHIFT = random.normal(scale=0.5, size=(4, 6))
SHAPES = [(3, 6), (6, 5), (5,), (5, 3), (3,), (6,)]
WEIGHTS = [random.normal(scale=0.5, size=shape) for shape in SHAPES]
NETWORK = VelocityNetwork(3, units=(6, 5))


def flow(weights=WEIGHTS, shift=SHIFT, dtype="float64", factor=1.0):
    parts = [tf.cast(factor * part, dtype) for part in weights]
    return Continuous(NETWORK.velocity, parts, tf.cast(shift, dtype))


def total(x, shift, *weights):
    """A number that depends on everything: points and volumes, forwards and backwards."""
    bijector = Continuous(NETWORK.velocity, weights, shift)
    y, volume = bijector.forward(x), bijector.forward_log_det_jacobian(x, 1)
    back = Continuous(NETWORK.velocity, weights, shift)
    x_of, volume_of = back.inverse(0.5 * x), back.inverse_log_det_jacobian(0.5 * x, 1)
    terms = tf.sin(y) + tf.cos(x_of), volume * volume + tf.sin(2 * volume_of)
    return tf.add_n([tf.reduce_sum(term) for term in terms])


def test_points_and_volumes_are_scipys():
    y, volume = flow().forward(X), flow().forward_log_det_jacobian(X, 1)
    for s, b in np.ndindex(2, 4):
        oracle = flows.continuous(WEIGHTS, SHIFT[b])
        np.testing.assert_allclose(y[s, b], oracle(X[s, b]), atol=3e-6)
        expected = flows.log_det_jacobian(oracle, X[s, b])
        np.testing.assert_allclose(volume[s, b], expected, atol=1e-5)


@pytest.mark.parametrize("units", [(7,), (7, 4)])
def test_divergence_of_the_network(units):
    """Central differences of the velocity, in float64."""
    network = VelocityNetwork(3, units=units)
    shapes = [(3, 7), (7, 3), (3,)] if len(units) == 1 else [(3, 7), (7, 4), (4,), (4, 3), (3,)]
    weights = [np.random.default_rng(1).normal(size=shape) for shape in [*shapes, (7,)]]
    shift = np.random.default_rng(2).normal(size=7)
    parts = [tf.constant(weight) for weight in weights]
    motion, divergence = network.velocity(parts, X, tf.constant(np.full((2, 4), 0.3)), shift)
    oracle = flows.velocity(weights, shift)
    for s, b in np.ndindex(2, 4):
        x = X[s, b]
        np.testing.assert_allclose(motion[s, b], oracle(0.3, x), rtol=1e-10)
        slopes = [
            (oracle(0.3, x + e)[i] - oracle(0.3, x - e)[i]) / 2e-5
            for i, e in enumerate(1e-5 * np.eye(3))
        ]
        np.testing.assert_allclose(divergence[s, b], np.sum(slopes), rtol=1e-7)


def parts_of_total():
    return [tf.constant(part) for part in (X, SHIFT, *WEIGHTS)]


def differences(function, parts, step):
    """Of a function of all parts: central differences along one direction for each part."""
    directions = [np.random.default_rng(8).normal(size=part.shape) for part in parts]
    result = []
    for index, direction in enumerate(directions):
        moved = [
            function(
                *[p + sign * step * direction if i == index else p for i, p in enumerate(parts)]
            )
            for sign in (1, -1)
        ]
        result.append((moved[0] - moved[1]) / (2 * step))
    return directions, result


@pytest.mark.slow
@pytest.mark.parametrize("compiled", [False, True])
def test_gradient(compiled):
    """The adjoint against central differences, in a graph and under XLA."""

    @tf.function(jit_compile=compiled, autograph=False)
    def gradients(*parts):
        with tf.GradientTape() as tape:
            tape.watch(parts)
            value = total(*parts)
        return tape.gradient(value, parts)

    parts = parts_of_total()
    graph = tf.function(total, autograph=False)
    directions, expected = differences(graph, parts, 1e-3)
    for gradient, direction, slope in zip(gradients(*parts), directions, expected, strict=True):
        np.testing.assert_allclose(np.sum(gradient * direction), slope, rtol=1e-4, atol=2e-4)


@pytest.mark.slow
def test_gradient_of_the_gradient():
    """Semi-amortised inference differentiates its steps: here, of points and volumes forwards."""

    @tf.function(autograph=False)
    def slope(x, shift):
        with tf.GradientTape() as tape:
            tape.watch(x)
            bijector = flow(shift=shift)
            y, volume = bijector.forward(x), bijector.forward_log_det_jacobian(x, 1)
            value = tf.reduce_sum(tf.sin(y)) + tf.reduce_sum(volume * volume)
        return tf.reduce_sum(tf.sin(tape.gradient(value, x)))

    @tf.function(autograph=False)
    def gradients(*parts):
        with tf.GradientTape() as tape:
            tape.watch(parts)
            value = slope(*parts)
        return tape.gradient(value, parts)

    parts = parts_of_total()[:2]
    directions, expected = differences(slope, parts, 1e-3)
    for gradient, direction, found in zip(gradients(*parts), directions, expected, strict=True):
        np.testing.assert_allclose(np.sum(gradient * direction), found, rtol=2e-3, atol=2e-3)


def test_a_row_is_the_same_whatever_stands_beside_it():
    """Another row that takes far smaller steps, and one that is NaN."""
    x = X[0].astype("f4")
    alone = [flow(shift=SHIFT[:1], dtype="float32").forward(x[:1])]
    beside = np.concatenate([x[:1], 40 * x[1:3], np.full((1, 3), np.nan)]).astype("f4")
    crowd = flow(dtype="float32").forward(beside)
    np.testing.assert_allclose(crowd[0], alone[0][0], rtol=1e-6)
    assert np.isfinite(crowd[:3]).all()
    assert np.isnan(crowd[3]).all()


@pytest.mark.slow
@pytest.mark.parametrize("factor", [2.0, 5.0])
def test_extreme_weights(factor):
    """Volumes shrink by up to e^-9, where float32 still finds the way back, and e^-89."""
    x = X.astype("f4")
    bijector = flow(dtype="float32", factor=factor)
    y, volume = bijector.forward(x), bijector.forward_log_det_jacobian(x, 1)
    assert np.min(volume) < -8
    back = flow(dtype="float32", factor=factor).inverse(tf.constant(y.numpy()))
    moved = np.abs(back - x).max(axis=-1)
    for s, b in np.ndindex(2, 4):
        oracle = flows.continuous([factor * w for w in WEIGHTS], SHIFT[b])
        np.testing.assert_allclose(y[s, b], oracle(X[s, b]), rtol=1e-4, atol=1e-4)
        # What the steps' errors come to in y comes back larger by as much as space was squeezed.
        columns = [oracle(X[s, b] + e) - oracle(X[s, b] - e) for e in 1e-5 * np.eye(3)]
        squeeze = np.linalg.svd(np.array(columns) / 2e-5)[1].min()
        if squeeze > 1e-3:
            assert moved[s, b] < 1e-4 / squeeze


def test_what_needs_more_steps_than_there_are_is_not_a_number():
    y = flow(dtype="float32", factor=300.0).forward(X.astype("f4"))
    assert np.isnan(y).all(axis=-1).any()


@pytest.mark.slow
def test_steps_of_each_row_against_closed_forms():
    """Oscillators of several frequencies, and the integral of their squares over the way."""
    frequency = np.array([0.3, 2.0, 25.0])

    def derivative(t, rows):
        place, speed = tf.unstack(rows[0], axis=-1)
        return [tf.stack([speed, -tf.square(frequency) * place], axis=-1)]

    def summands(t, rows, weights):
        return [tf.reduce_sum(weights * tf.square(rows[0][..., 0]))]

    start = np.array([[1.0, 0.0]] * 3)
    for end in (1.7, -0.9):
        (found,), (integral,) = solve_rows(
            derivative,
            [tf.constant(start)],
            0.0,
            end,
            tolerance=1e-8,
            summands=summands,
            sums=[tf.constant(0.0, tf.float64)],
        )
        np.testing.assert_allclose(found[:, 0], np.cos(frequency * end), atol=2e-6)
        squares = end / 2 + np.sin(2 * frequency * end) / (4 * frequency)
        np.testing.assert_allclose(integral, squares.sum(), atol=1e-6)
