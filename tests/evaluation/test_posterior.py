"""The terms of the bound, the units in use and the divergence of each, where all are known."""

import numpy as np
import pytest
import tensorflow as tf
from scipy import stats
from tensorflow_probability import bijectors as tfb
from tensorflow_probability import distributions as tfd

from tests.evaluation import linear_gaussian_vae as toy
from tfp_dgm.distributions import NormalizingFlow
from tfp_dgm.evaluation import active_units, elbo_terms, kl_per_dimension
from tfp_dgm.models import LatentVariableModel
from tfp_dgm.objectives import Joint

_, X = toy.draw(9)
KERNEL, BIAS = toy.mean_map()
MEANS = X.astype(np.float64) @ KERNEL + BIAS


def test_terms_equal_the_closed_form():
    """10,000 draws: the mean of nine within 5 standard errors, which fails once in 10^6."""
    model, scale = toy.factorised(shift=0.3)
    terms = elbo_terms(model, X, num_samples=10_000, batch_size=4)
    covariance = np.diag(scale**2)
    expected = [
        toy.REFERENCE.bound(x, mean + 0.3, covariance)
        for x, mean in zip(X.astype(np.float64), MEANS, strict=True)
    ]
    kl = 0.5 * ((MEANS + 0.3) ** 2 + scale**2 - 1 - 2 * np.log(scale)).sum(axis=1)
    np.testing.assert_allclose(terms["kl"], kl, rtol=1e-5)
    np.testing.assert_allclose(terms["bound"], expected, atol=0.15)
    np.testing.assert_allclose(terms["bound"], terms["reconstruction"] - terms["kl"], rtol=1e-9)
    # The reconstruction's spread over draws is below 2 nats.
    assert abs((terms["bound"] - expected).mean()) < 5 * 2 / np.sqrt(9 * 10_000)


class Draws(LatentVariableModel):
    """A likelihood that notes the shapes it is asked for, and a mixture without closed forms."""

    def __init__(self):
        super().__init__(seed=1)
        self.shapes = []

    def joint(self, inputs, *, training=False):
        def log_likelihood(z):
            self.shapes.append(tuple(z.shape))
            return -tf.reduce_sum(tf.square(z - inputs), axis=-1)

        components = tfd.MultivariateNormalDiag([[-1.0, 0.0], [1.0, 0.5]], [[1.0, 2.0], [0.5, 1.0]])
        return Joint(
            self,
            log_likelihood=log_likelihood,
            posterior=lambda: tfd.MultivariateNormalDiag(inputs, tf.ones_like(inputs)),
            prior=lambda: tfd.MixtureSameFamily(tfd.Categorical(probs=[0.3, 0.7]), components),
        )


def test_draws_come_in_steps_and_count_as_often_as_asked_for():
    """9,997 draws of a spread of some 2 nats: within 7 standard errors, 0.15 nats."""
    model, x = Draws(), np.array([[0.2, -1.1], [1.4, 0.3]], np.float32)
    terms = elbo_terms(model, x, num_samples=9_997)
    assert set(model.shapes) == {(50, 2, 2)}
    np.testing.assert_allclose(terms["reconstruction"], -2.0, atol=0.15)
    z = x + np.random.default_rng(5).normal(size=(200_000, 2, 2))
    log_p = np.logaddexp(
        np.log(0.3) + stats.norm.logpdf(z, [-1, 0], [1, 2]).sum(-1),
        np.log(0.7) + stats.norm.logpdf(z, [1, 0.5], [0.5, 1]).sum(-1),
    )
    expected = (stats.norm.logpdf(z, x).sum(-1) - log_p).mean(0)
    np.testing.assert_allclose(terms["kl"], expected, atol=0.15)
    with pytest.raises(ValueError, match=r"samples_per_step: expected at least 1; received 3, 0"):
        elbo_terms(model, x, num_samples=3, samples_per_step=0)


def test_surplus_draws_of_the_last_step_are_left_out():
    model, x = Draws(), np.array([[0.2, -1.1]], np.float32)
    one, two = (
        elbo_terms(model, x, num_samples=n, samples_per_step=2)["reconstruction"] for n in (3, 4)
    )
    seeds = tf.random.split((0, 0), 2)
    z = [model.posterior(x).sample(2, seed=seed).numpy() for seed in seeds]
    squares = -np.square(np.concatenate(z) - x).sum(-1)[:, 0]
    np.testing.assert_allclose([one[0], two[0]], [squares[:3].mean(), squares.mean()], rtol=1e-5)


def test_divergence_of_every_dimension():
    model, scale = toy.factorised(shift=0.3)
    expected = 0.5 * ((MEANS + 0.3) ** 2 + scale**2 - 1 - 2 * np.log(scale)).mean(axis=0)
    np.testing.assert_allclose(kl_per_dimension(model, X, batch_size=4), expected, rtol=1e-5)
    with pytest.raises(ValueError, match=r"whose dimensions are independent; received .*TriL"):
        kl_per_dimension(toy.exact(), X)
    laplace = tfd.Independent(tfd.Laplace(model.prior(None).mean(), 1.0), 1)
    joint = model.joint
    # Factorised, but TFP has no closed form.
    model.joint = lambda inputs: joint(inputs).replaced(prior=lambda: laplace)
    with pytest.raises(ValueError, match="needs a closed form for the pair; there is none for"):
        kl_per_dimension(model, X)


def test_active_units_equal_the_variance_of_the_means():
    model, _ = toy.factorised()
    variances = MEANS.var(axis=0, ddof=1)
    between = float(np.mean(variances))
    result = active_units(model, X, threshold=between, batch_size=4)
    np.testing.assert_allclose(result["variances"], variances, rtol=1e-5)
    assert (result["active_units"], result["units"]) == (1, 2)


class WideFlow(LatentVariableModel):
    """A flow whose second unit is idle: E[z | x] = (x_0, 0), standard deviations (1, 8)."""

    def joint(self, inputs, *, training=False):
        loc = tf.stack([inputs[:, 0], tf.zeros_like(inputs[:, 0])], axis=1)
        base = tfd.MultivariateNormalDiag(loc, tf.ones_like(loc) * [1.0, 8.0])
        return Joint(self, posterior=lambda: NormalizingFlow(base, tfb.Scale(1.0)))


def test_noise_of_the_means_of_flows_makes_no_unit_active():
    """Independent noise of 256 draws would give the idle unit a variance of 8^2 / 256 = 0.25."""
    x = np.random.default_rng(4).normal(scale=0.5, size=(200, 2)).astype(np.float32)
    result = active_units(WideFlow(), x, batch_size=64)
    expected = [x[:, 0].var(ddof=1), 0]
    np.testing.assert_allclose(result["variances"], expected, rtol=1e-5, atol=1e-9)
    assert result["active_units"] == 1


class Flow(LatentVariableModel):
    """A posterior whose mean TFP does not know; E[z | x] = (x_0, 0)."""

    def joint(self, inputs, *, training=False):
        loc = tf.stack([inputs[:, 0], tf.zeros_like(inputs[:, 0])], axis=1)
        normal = tfd.MultivariateNormalDiag(tf.zeros_like(loc), tf.ones_like(loc))
        return Joint(self, posterior=lambda: tfd.TransformedDistribution(normal, tfb.Shift(loc)))


def test_active_units_of_a_posterior_without_a_mean():
    """Means of 16 draws of variance 1 alone vary by 1/16 > 0.01; their covariance does not.

    The standard error of the idle unit's variance is 1 / (16 sqrt(4000)) = 0.001.
    """
    x = np.random.default_rng(3).normal(scale=0.5, size=(4000, 2)).astype(np.float32)
    result = active_units(Flow(), x, batch_size=1000)
    assert result["active_units"] == 1
    np.testing.assert_allclose(result["variances"], [0.25, 0], atol=0.05)
    assert abs(result["variances"][1]) < 0.005


def test_one_example_shows_no_variance():
    with pytest.raises(ValueError, match="at least 2 examples"):
        active_units(toy.factorised()[0], X[:1])
