import numpy as np
import scipy.stats
import tensorflow as tf
from tensorflow_probability import distributions as tfd

from tfp_dgm.distributions import OpenDirichlet

CONCENTRATION = np.array([0.05, 0.1, 2.0], np.float32)


def test_every_draw_has_a_density_and_a_gradient():
    rows = np.tile(CONCENTRATION, (20_000, 1))  # A draw of each: no draw costs another its own.
    with tf.GradientTape() as tape:
        concentration = tf.Variable(rows)
        distribution = OpenDirichlet(concentration)
        draws = distribution.sample(seed=[1, 2])
        total = tf.reduce_sum(draws[:, 2])
    assert tfd.Dirichlet(rows).sample(seed=[1, 2]).numpy().min() == 0
    assert draws.numpy().min() > 0
    assert np.isfinite(distribution.log_prob(draws)).all()
    # E[x_2] = a_2 / (a_0 + a_1 + a_2), differentiated by each.
    size = CONCENTRATION.sum()
    wanted = np.array([-2.0, -2.0, 0.15]) / size**2
    found = tape.gradient(total, concentration).numpy().mean(axis=0)
    np.testing.assert_allclose(found, wanted, atol=0.03)


def test_moments_and_densities_are_those_of_scipy():
    distribution = OpenDirichlet(CONCENTRATION)
    peer = scipy.stats.dirichlet(CONCENTRATION.astype(np.float64))
    event = np.array([0.2, 0.5, 0.3])
    np.testing.assert_allclose(distribution.log_prob(event.astype(np.float32)), peer.logpdf(event))
    draws = distribution.sample(100_000, seed=[3, 4]).numpy()
    np.testing.assert_allclose(draws.mean(axis=0), peer.mean(), atol=0.003)
    np.testing.assert_allclose(draws.var(axis=0), peer.var(), atol=0.003)


def test_divergences_are_tfps():
    other = np.array([1.0, 0.4, 0.7], np.float32)
    wanted = tfd.kl_divergence(tfd.Dirichlet(CONCENTRATION), tfd.Dirichlet(other))
    found = tfd.kl_divergence(OpenDirichlet(CONCENTRATION), OpenDirichlet(other))
    np.testing.assert_allclose(found, wanted, rtol=1e-6)
