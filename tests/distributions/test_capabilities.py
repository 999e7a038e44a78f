"""What distributions can do besides drawing and scoring, and how a new family says that it can."""

import itertools

import numpy as np
import pytest
import scipy.stats
import tensorflow as tf
from tensorflow_probability import distributions as tfd

from tfp_dgm import layers
from tfp_dgm.distributions import (
    from_noise,
    independent_factors,
    is_spherical,
    point_estimate,
    support_of,
)
from tfp_dgm.inference import draw
from tfp_dgm.objectives.binary_latents import binary_logits
from tfp_dgm.objectives.support import enumerated

LOC = np.array([[0.3, -1.2, 0.4], [2.0, 0.1, 0.7]], np.float32)


class Dice(tfd.Distribution):
    """Two fair dice, of a family that is none of TFP's and no composite tensor."""

    def __init__(self):
        super().__init__(
            dtype=tf.float32,
            reparameterization_type=tfd.NOT_REPARAMETERIZED,
            validate_args=False,
            allow_nan_stats=True,
            parameters={},
        )

    def _batch_shape(self):
        return tf.TensorShape([2])

    def _event_shape(self):
        return tf.TensorShape([])

    def _log_prob(self, value):
        return tf.fill(tf.shape(value), -np.log(6.0).astype("f4"))


@support_of.register
def _(distribution: Dice) -> np.ndarray:
    return np.arange(1, 7).astype("f4")


def test_on_the_sphere_the_point_is_the_direction_of_the_mean_and_not_shrunken():
    """The mean of 20,000 draws, scaled to length 1: within 5 standard errors of it."""
    direction = LOC / np.linalg.norm(LOC, axis=1, keepdims=True)
    posterior = tfd.PowerSpherical(direction, np.array([1.5, 4.0], np.float32))
    mean = posterior.sample(20_000, seed=(1, 2)).numpy().mean(axis=0)
    lengths = np.linalg.norm(mean, axis=1, keepdims=True)
    assert lengths.max() < 0.7
    np.testing.assert_allclose(point_estimate(posterior), mean / lengths, atol=5 * 0.01 / 0.4)


def test_elsewhere_the_point_is_the_mean():
    np.testing.assert_array_equal(point_estimate(tfd.MultivariateNormalDiag(LOC, LOC**2)), LOC)


def test_the_last_of_several_variables_changes_fastest():
    pairs = tfd.Independent(tfd.Bernoulli(logits=tf.zeros([4, 2]), dtype=tf.float32), 1)
    assert support_of(pairs).tolist() == [[0, 0], [0, 1], [1, 0], [1, 1]]
    classes = tfd.Independent(tfd.Categorical(logits=tf.zeros([2, 3])), 1)
    assert list(map(tuple, support_of(classes))) == list(itertools.product(range(3), repeat=2))


def test_a_family_that_registers_its_values_is_enumerated_within_others_too():
    values, log_probs = enumerated(tfd.Independent(Dice(), 1))
    assert values.shape == (36, 2)
    np.testing.assert_allclose(np.exp(log_probs), 1 / 36, rtol=1e-5)


def test_spheres_within_mixtures_are_told():
    directions = LOC / np.linalg.norm(LOC, axis=1, keepdims=True)
    choice = tfd.Categorical(logits=[0.0, 0.0])
    assert is_spherical(tfd.MixtureSameFamily(choice, tfd.PowerSpherical(directions, 3.0)))
    assert not is_spherical(tfd.MixtureSameFamily(choice, tfd.MultivariateNormalDiag(LOC)))


def test_factors_of_a_normal_are_its_marginals():
    scale = np.array([0.5, 1.0, 2.0], np.float32)
    factors = independent_factors(tfd.MultivariateNormalDiag(LOC, scale))
    assert factors.batch_shape == (2, 3)
    expected = scipy.stats.norm.logpdf(0.7, LOC, scale)
    np.testing.assert_allclose(factors.log_prob(0.7), expected, rtol=1e-5)


@pytest.mark.parametrize(
    ("capability", "arguments", "raised"),
    [
        (support_of, (), ValueError),
        (independent_factors, (), ValueError),
        (binary_logits, (), ValueError),
        (from_noise, (tf.zeros([1]),), NotImplementedError),
        (draw, (tf.zeros([1, 2], tf.int32), 0), ValueError),
    ],
)
def test_a_family_without_a_rule_is_told_what_to_register(capability, arguments, raised):
    name = capability.__name__
    with pytest.raises(raised, match=rf"expected .*; received Gamma .*`{name}.register\(Gamma"):
        capability(tfd.Gamma(1.0, 1.0), *arguments)


@pytest.mark.parametrize(
    "posterior",
    [
        layers.MultivariateNormalDiag(3),
        layers.MultivariateNormalTriL(3),
        layers.PlanarFlow(layers.MultivariateNormalDiag(3)),
        layers.HouseholderFlow(layers.MultivariateNormalDiag(3)),
        layers.SplineCouplingFlow(layers.MultivariateNormalDiag(3)),
        layers.ContinuousFlow(layers.MultivariateNormalDiag(3)),
        layers.PowerSpherical(3),
        layers.PointMass(3),
        layers.Categorical(3),
        layers.IndependentBernoulli(3),
        layers.IndependentOneHotCategorical((2, 3)),
    ],
    ids=lambda layer: type(layer).__name__,
)
def test_a_standard_prior_is_over_the_posteriors_events_and_learns_nothing(posterior):
    prior = layers.standard_prior(posterior)
    draws = posterior(tf.zeros([4, 2])).sample(seed=(1, 2))
    log_prob = prior(None).log_prob(draws)
    assert log_prob.shape == (4,)
    assert np.isfinite(log_prob).all()
    assert prior.value_shape == posterior.value_shape
    assert prior.trainable_weights == []


def test_posteriors_without_a_standard_prior_are_told_what_to_register():
    with pytest.raises(ValueError, match=r"received BagOfWords\. .*register\(BagOfWords"):
        layers.standard_prior(layers.BagOfWords(3))
    with pytest.raises(ValueError, match=r"events of 1 axes; received one over \(2, 3\)"):
        layers.standard_prior(layers.IndependentBernoulli((2, 3)))
