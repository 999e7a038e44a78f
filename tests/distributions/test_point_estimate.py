"""One point for each posterior: on the sphere for those on the sphere, the mean for all others."""

import numpy as np
from tensorflow_probability import distributions as tfd

from tfp_dgm.distributions import point_estimate

LOC = np.array([[0.3, -1.2, 0.4], [2.0, 0.1, 0.7]], np.float32)


def test_on_the_sphere_it_is_the_direction_of_the_mean_and_not_shrunken():
    """The mean of 20,000 draws, scaled to length 1: within 5 standard errors of it."""
    direction = LOC / np.linalg.norm(LOC, axis=1, keepdims=True)
    posterior = tfd.PowerSpherical(direction, np.array([1.5, 4.0], np.float32))
    mean = posterior.sample(20_000, seed=(1, 2)).numpy().mean(axis=0)
    lengths = np.linalg.norm(mean, axis=1, keepdims=True)
    assert lengths.max() < 0.7
    np.testing.assert_allclose(point_estimate(posterior), mean / lengths, atol=5 * 0.01 / 0.4)


def test_elsewhere_it_is_the_mean():
    np.testing.assert_array_equal(point_estimate(tfd.MultivariateNormalDiag(LOC, LOC**2)), LOC)
