"""Quasi-Newton steps against closed forms and SciPy."""

import numpy as np
import pytest
import scipy.optimize

from tfp_dgm.tagging.limited_memory_descent import descend


def test_the_least_of_a_paraboloid_is_a_linear_solution():
    """Curvatures from 1 to 100."""
    rng = np.random.default_rng(0)
    turned = np.linalg.qr(rng.normal(size=(30, 30)))[0]
    matrix = (turned * np.geomspace(1, 100, 30)) @ turned.T
    target = rng.normal(size=30)

    def smooth(weights):
        return weights @ matrix @ weights / 2 - target @ weights, (
            matrix @ weights - target
        ).astype(np.float32)

    found = descend(smooth, np.zeros(30, np.float32), steps=200, tolerance=1e-9)
    np.testing.assert_allclose(found, np.linalg.solve(matrix, target), atol=2e-3)
    assert found.dtype == np.float32


def test_a_logistic_regression_is_scipys():
    rng = np.random.default_rng(1)
    inputs = rng.normal(size=(80, 5))
    classes = (inputs @ [2, -1, 0, 0, 1] + rng.normal(size=80) > 0).astype(float)

    def loss(weights, dtype=np.float64):
        scores = inputs @ weights
        value = np.logaddexp(0, scores).sum() - classes @ scores + weights @ weights / 2
        slope = inputs.T @ (1 / (1 + np.exp(-scores)) - classes) + weights
        return float(value), slope.astype(dtype)

    expected = scipy.optimize.minimize(loss, np.zeros(5), jac=True, method="BFGS").x
    start = np.full(5, 3, np.float32)
    found = descend(lambda w: loss(w, np.float32), start, steps=100, tolerance=1e-8)
    np.testing.assert_allclose(found, expected, atol=2e-3)
    assert start.tolist() == [3] * 5


def test_a_bent_valley_is_followed_where_curvature_is_negative():
    """Rosenbrock (1960) from its usual start."""

    def smooth(weights):
        x, y = np.float64(weights)
        value = (1 - x) ** 2 + 100 * (y - x**2) ** 2
        slope = [-2 * (1 - x) - 400 * x * (y - x**2), 200 * (y - x**2)]
        return value, np.array(slope, np.float32)

    found = descend(smooth, np.array([-1.2, 1], np.float32), steps=200, tolerance=0)
    np.testing.assert_allclose(found, [1, 1], atol=1e-2)


@pytest.mark.parametrize(("steps", "tolerance"), [(3, 0), (100, 0.5)])
def test_it_ends_where_it_was_told_to(steps, tolerance):
    asked = []

    def smooth(weights):
        asked.append(weights)
        return float((weights**4).sum()), 4 * weights**3

    descend(smooth, np.full(2, 2, np.float32), steps=steps, tolerance=tolerance)
    assert len(asked) < 10
