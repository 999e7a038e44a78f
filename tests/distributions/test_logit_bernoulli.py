"""The log-probability by SciPy, and what objectives ask of any distribution."""

import numpy as np
import scipy.stats
import tensorflow as tf
from tensorflow_probability import distributions as tfd

from tfp_dgm.distributions import LogitBernoulli

LOGITS = np.array([-90.0, -3.0, -0.4, 0.0, 1.7, 5.0, 90.0], np.float32)


def test_log_prob_equals_scipy():
    probability = scipy.special.expit(LOGITS.astype(np.float64))
    for x in (0, 1):
        with np.errstate(divide="ignore"):
            expected = scipy.stats.bernoulli.logpmf(x, probability)
        expected = np.where(np.isfinite(expected), expected, -np.abs(LOGITS))
        actual = LogitBernoulli(logits=LOGITS, dtype=tf.float32).log_prob(float(x))
        np.testing.assert_allclose(actual, expected, rtol=1e-5, atol=1e-6)


def test_grey_values_get_the_cross_entropy():
    logit, x = 1.3, 0.35
    p = 1 / (1 + np.exp(-logit))
    expected = x * np.log(p) + (1 - x) * np.log(1 - p)
    actual = LogitBernoulli(logits=logit, dtype=tf.float32).log_prob(x)
    np.testing.assert_allclose(actual, expected, rtol=1e-5)


def test_its_parts_can_be_mapped_over():
    """The sticking-the-landing gradients stop the parameters of a distribution this way."""
    copy = tf.nest.map_structure(
        lambda tensor: 2 * tensor,
        LogitBernoulli(logits=LOGITS, dtype=tf.float32),
        expand_composites=True,
    )
    assert type(copy).__name__.startswith("LogitBernoulli")
    np.testing.assert_allclose(copy.logits, 2 * LOGITS)


def test_divergence_is_that_of_bernoulli():
    q, p = 0.3, 0.8
    divergence = tfd.kl_divergence(
        LogitBernoulli(logits=np.log(q / (1 - q))), tfd.Bernoulli(logits=np.log(p / (1 - p)))
    )
    expected = q * np.log(q / p) + (1 - q) * np.log((1 - q) / (1 - p))
    np.testing.assert_allclose(divergence, expected, rtol=1e-5)
