"""MuProp where the expansion is all there is, and where it is not."""

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp

from tests.objectives import toys
from tests.references import enumerable
from tfp_dgm.objectives import MuProp, ScoreFunctionELBO

tfd = tfp.distributions


def test_no_noise_where_the_log_weights_are_linear_in_the_latents():
    """For log p(x, z) = (a + l_p) z + ..., d ELBO / d l = (a + l_p - l) sigmoid'(l)."""
    a, prior_logits = np.array([1.3, -0.8]), np.array([0.4, -1.1])
    logits = tf.constant([[0.5, -0.9], [1.5, 0.2]])
    for seed in range(3):
        with tf.GradientTape() as tape:
            tape.watch(logits)
            joint = toys.joint(
                lambda z: tf.reduce_sum(tf.constant(a, tf.float32) * z, axis=-1),
                toys.bernoulli(logits),
                toys.bernoulli(tf.constant(prior_logits, tf.float32)),
            )
            bound = MuProp()(joint, seed=(seed, 1))
        gradient = -tape.gradient(bound.loss, logits)
        mean = 1 / (1 + np.exp(-logits.numpy().astype(np.float64)))
        expected = (a + prior_logits - logits) * mean * (1 - mean)
        np.testing.assert_allclose(gradient, expected, rtol=1e-4)


@pytest.mark.parametrize(
    ("make", "model"),
    [(toys.binary, enumerable.Binary()), (toys.two_layers, enumerable.TwoLayers())],
    ids=["one layer", "two layers"],
)
def test_less_variance_than_the_score_function_alone(make, model):
    """By half and more, where variances of 4,000 gradients are good to a tenth."""

    def variance(objective):
        return toys.estimates(objective, make, model, 4_000)[2].var(axis=0).sum()

    plain = ScoreFunctionELBO(num_samples=1, control_variates=[])
    assert variance(MuProp()) < 0.5 * variance(plain)


def test_needs_discrete_latents():
    with pytest.raises(ValueError, match="MuProp: expected Bernoulli or OneHotCategorical"):
        MuProp()(toys.joint(None, *[tfd.Normal(tf.zeros([2]), 1.0)] * 2), seed=(1, 2))
