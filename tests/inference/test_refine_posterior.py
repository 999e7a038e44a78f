"""Posteriors refined for each example come to the best one there is."""

import numpy as np
import pytest
import tensorflow as tf

from tests.evaluation import linear_gaussian_vae as toy
from tests.models import toys
from tfp_dgm import layers
from tfp_dgm.inference import refine_posterior
from tfp_dgm.models import VAE
from tfp_dgm.networks import MLP

_, X = toy.draw(5)


def test_finds_the_best_factorised_posterior():
    model, _ = toy.factorised(shift=[0.6, -0.5], scale=2.5 * toy.best_scale())
    before = [weight.numpy() for weight in model.weights]
    refine = tf.function(
        lambda: refine_posterior(model.joint(X), num_steps=400, num_samples=32, seed=(1, 2))
    )
    parameters = refine()
    posterior = model.posterior_layer.distribution(parameters)
    kernel, bias = toy.mean_map()
    np.testing.assert_allclose(posterior.mean(), X @ kernel + bias, atol=0.04)
    np.testing.assert_allclose(posterior.stddev(), np.tile(toy.best_scale(), (5, 1)), rtol=0.1)
    for weight, value in zip(model.weights, before, strict=True):
        np.testing.assert_array_equal(weight.numpy(), value)


def test_no_step_leaves_the_posterior_as_it_is():
    model, _ = toy.factorised(shift=0.3)
    start = refine_posterior(model.joint(X), num_steps=0, seed=(1, 2))
    np.testing.assert_array_equal(start, model.joint(X).parameters)


def test_refuses_a_discrete_posterior():
    model = VAE(
        MLP([3]),
        None,
        layers.IndependentBernoulli(toys.WORDS),
        posterior=layers.IndependentBernoulli(4),
        prior=layers.StandardNormalPrior(4),
    )
    with pytest.raises(ValueError, match=r"reparameterised; received .*IndependentBernoulli"):
        refine_posterior(model.joint(tf.zeros([2, toys.WORDS])), seed=(1, 2))
