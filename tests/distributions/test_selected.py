"""One of several distributions by its number: against SciPy, member by member."""

import numpy as np
import pytest
import scipy.stats
import tensorflow as tf
from tensorflow_probability import distributions as tfd

from tfp_dgm.distributions import Selected

LOCS = np.array([[-2.0, 0.0, 1.0], [5.0, 6.0, 9.0]], np.float32)  # [K, B]
INDEX = np.array([[0, 1, 1], [1, 1, 0]])  # [S, B]


@pytest.fixture
def selected():
    return Selected([tfd.Normal(loc, 0.5) for loc in LOCS], INDEX)


def chosen():
    return np.take_along_axis(LOCS, INDEX, axis=0)


@pytest.mark.parametrize("shape", [(3,), (2, 3), (4, 2, 3)])
def test_log_prob_is_that_of_the_chosen_one(selected, shape):
    x = np.random.default_rng(1).normal(3, 2, size=shape).astype(np.float32)
    expected = scipy.stats.norm.logpdf(x, chosen(), 0.5)
    assert expected.shape in ((2, 3), (4, 2, 3))
    np.testing.assert_allclose(selected.log_prob(x), expected, rtol=1e-4)


def test_draws_are_of_the_chosen_one_and_independent(selected):
    """Means of 4,000 draws, and correlations of them, within 5 standard errors."""
    assert selected.batch_shape == (2, 3)
    draws = selected.sample(4000, seed=(1, 2)).numpy()
    assert draws.shape == (4000, 2, 3)
    np.testing.assert_allclose(draws.mean(0), chosen(), atol=5 * 0.5 / 4000**0.5)
    correlations = np.corrcoef(draws.reshape(4000, 6).T) - np.eye(6)
    assert np.abs(correlations).max() < 5 / 4000**0.5


def test_gradients_reach_the_chosen_one_alone():
    locs = [tf.Variable(loc) for loc in LOCS]
    with tf.GradientTape() as tape:
        selected = Selected([tfd.Normal(loc, 1.0) for loc in locs], INDEX)
        total = tf.reduce_sum(selected.log_prob(np.zeros(3, np.float32)))
    gradients = tape.gradient(total, locs)
    for k, gradient in enumerate(gradients):  # d log N(0; m, 1) / dm = -m, for each that chose k.
        np.testing.assert_allclose(gradient, -LOCS[k] * (k == INDEX).sum(axis=0), rtol=1e-5)
