"""Mutual information against quadrature, closed form and its limits."""

import numpy as np
import pytest
import scipy.integrate
import scipy.stats
import tensorflow as tf
from tensorflow_probability import distributions as tfd

from tests.evaluation import linear_gaussian_vae as toy
from tfp_dgm.evaluation import mutual_information
from tfp_dgm.models import LatentVariableModel
from tfp_dgm.objectives import Joint

pytestmark = pytest.mark.usefixtures("eager")


class Line(LatentVariableModel):
    """q(z | x) = N(x, scale^2), p(z) = N(0, 1), on the line."""

    def __init__(self, scale):
        super().__init__(seed=1)
        self.scale = scale

    def joint(self, inputs, *, training=False):
        scale = tf.fill(tf.shape(inputs), self.scale)
        return Joint(
            self,
            posterior=lambda: tfd.MultivariateNormalDiag(inputs, scale),
            prior=lambda: tfd.MultivariateNormalDiag([0.0], [1.0]),
        )


def quadrature(means, scale):
    """I(n; z) and KL(q(z) || p(z)) by numerical integration."""

    def mixture(z):
        return scipy.stats.norm.pdf(z, means, scale).mean()

    def entropy(z):
        return -mixture(z) * np.log(mixture(z))

    def cross(z):
        return -mixture(z) * scipy.stats.norm.logpdf(z)

    limits = min(means) - 8 * scale, max(means) + 8 * scale
    total, crossed = (scipy.integrate.quad(f, *limits, limit=400)[0] for f in (entropy, cross))
    return total - scipy.stats.norm(0, scale).entropy(), crossed - total


@pytest.mark.parametrize("scale", [0.4, 1.5])
def test_equals_quadrature(scale):
    """4,000 draws of each of five examples, within 5 standard errors: fails once in 10^6."""
    means = np.array([-1.0, -0.2, 0.1, 0.6, 1.3])
    result = mutual_information(
        Line(scale),
        means[:, np.newaxis].astype(np.float32),
        num_samples=4000,
        batch_size=2,
        draws_per_step=1300,
    )
    information, marginal_kl = quadrature(means, scale)
    # No term spreads by more than 1.2 nats.
    assert abs(result["mutual_information"] - information) < 5 * 1.2 / np.sqrt(20_000)
    assert abs(result["marginal_kl"] - marginal_kl) < 5 * 1.2 / np.sqrt(20_000)
    assert result["num_examples"] == 5
    assert result["upper_limit"] == pytest.approx(np.log(5))


def test_examples_far_apart_reach_the_upper_limit():
    x = np.arange(0, 110, 10, dtype=np.float32)[:, np.newaxis]
    result = mutual_information(Line(0.1), x, num_samples=3, batch_size=4)
    assert result["mutual_information"] == pytest.approx(np.log(11), abs=1e-4)
    assert result["saturated"] is True


def test_equal_examples_give_none():
    """Every density is the same, so that not even noise is left."""
    result = mutual_information(Line(0.7), np.full((6, 1), 0.4, np.float32), batch_size=4)
    assert result["mutual_information"] == pytest.approx(0, abs=1e-5)


def test_many_examples_tell_the_information_about_the_population():
    """I(x; z) = 0.5 log det(I + W' W / s^2), within 5 standard errors of at most 0.06."""
    _, x = toy.draw(1500)
    result = mutual_information(toy.exact(), x, batch_size=500, draws_per_step=1500)
    w, s = toy.REFERENCE.w, toy.REFERENCE.s
    expected = 0.5 * np.linalg.slogdet(np.eye(toy.Z) + w.T @ w / s**2)[1]
    assert result["mutual_information_standard_error"] < 0.06
    assert abs(result["mutual_information"] - expected) < 0.3
    assert expected < result["upper_limit"] - 2
    assert result["saturated"] is False
    assert abs(result["marginal_kl"]) < 0.3  # The aggregated posterior is the prior.
