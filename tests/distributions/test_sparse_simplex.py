import numpy as np
import pytest
import scipy.optimize
import tensorflow as tf

from tfp_dgm.distributions import entmax15, sparsemax

LOGITS = np.array(
    [
        [0.3, -0.2, 0.1, 0.25, -3.0],
        [1.4, 0.9, 0.9, -0.5, 0.0],
        [0.0, 0.0, 0.0, 0.0, 0.0],
        [50.0, 0.0, 49.8, -40.0, 49.0],
    ],
    np.float32,
)


def sparsemax_objective(p, x):
    return np.sum((p - x) ** 2)


def entmax_objective(p, x):
    return -p @ x - 4 / 3 * np.sum(p - np.maximum(p, 0) ** 1.5)


def minimum(objective, x):
    """The least on the simplex, by SciPy's sequential quadratic programmes."""
    sums = {"type": "eq", "fun": lambda p: p.sum() - 1}
    found = scipy.optimize.minimize(
        objective,
        np.full(len(x), 1 / len(x)),
        (x.astype(np.float64) - x.max(),),
        bounds=[(0, 1)] * len(x),
        constraints=[sums],
        options={"ftol": 1e-12, "maxiter": 500},
    )
    assert found.status in (0, 8)  # 8: no step goes further down.
    return found.x


def by_threshold(power, x):
    """max(0, x - tau)^power, with the tau at which it sums to 1, by bisection."""
    x = x.astype(np.float64) - x.max()

    def excess(tau):
        return np.sum(np.maximum(x - tau, 0) ** power) - 1

    return np.maximum(x - scipy.optimize.brentq(excess, -1, 0, xtol=1e-13), 0) ** power


PAIRS = [(sparsemax, sparsemax_objective), (entmax15, entmax_objective)]


@pytest.mark.parametrize(("function", "objective"), PAIRS)
@pytest.mark.parametrize("jit_compile", [False, True])
def test_is_the_optimum_on_the_simplex(function, objective, jit_compile):
    found = tf.function(function, jit_compile=jit_compile)(LOGITS).numpy()
    wanted = [minimum(objective, row) for row in LOGITS[:3]]
    np.testing.assert_allclose(found[:3], wanted, atol=1e-3)
    scale, power = (1, 1) if function is sparsemax else (0.5, 2)
    wanted = [by_threshold(power, scale * row) for row in LOGITS]
    np.testing.assert_allclose(found, wanted, atol=1e-5)
    np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-6)
    assert (found[0] == 0).any()
    assert (found[0] > 0).sum() > 2


@pytest.mark.parametrize("function", [sparsemax, entmax15])
def test_gradients_are_finite_differences(function):
    x = tf.constant(LOGITS[:2], tf.float64)
    weights = tf.constant([0.3, -1.0, 0.7, 2.0, 5.0], tf.float64)

    def total(x):
        return tf.reduce_sum(function(x) * weights)

    with tf.GradientTape() as tape:
        tape.watch(x)
        value = total(x)
    found, step = tape.gradient(value, x).numpy(), 1e-6
    for place in np.ndindex(*x.shape):
        moved = np.zeros(x.shape)
        moved[place] = step
        slope = (total(x + moved) - total(x - moved)) / (2 * step)
        # A tie, where the support is about to change, has a slope of its own on each side.
        np.testing.assert_allclose(found[place], slope, atol=1e-6)


@pytest.mark.parametrize("function", [sparsemax, entmax15])
def test_impossible_ones_and_single_ones_have_finite_gradients(function):
    x = tf.constant([[0.5, -np.inf, 0.1], [0.0, 900.0, -np.inf], [2.0, 2.0, 2.0]])
    with tf.GradientTape() as tape:
        tape.watch(x)
        p = function(x)
        value = tf.reduce_sum(p * [1.0, 2.0, 4.0])
    assert np.isfinite(tape.gradient(value, x)).all()
    assert p[0, 1] == 0
    np.testing.assert_array_equal(p[1], [0, 1, 0])
    np.testing.assert_allclose(p[2], 1 / 3, rtol=1e-6)
