"""A model with refined posteriors is judged as closed forms say."""

import numpy as np
import pytest
import tensorflow as tf
from tensorflow_probability import distributions as tfd

from tests.evaluation import linear_gaussian_vae as toy
from tfp_dgm.evaluation import elbo_terms
from tfp_dgm.inference import RefinedPosteriors
from tfp_dgm.objectives import ELBO, SemiAmortized

_, X = toy.draw(6)


def bounds(scale, shift=0.0):
    """The mean bound of posteriors of these scales, off by `shift` from the exact means."""
    kernel, bias = toy.mean_map()
    examples = X.astype(np.float64)
    values = [
        toy.REFERENCE.bound(x, x @ kernel + bias + shift, np.diag(np.asarray(scale) ** 2))
        for x in examples
    ]
    return np.mean(values)


def test_bound_rises_to_that_of_the_best_posterior():
    """2,000 draws of six examples, of spread below 2 nats: within 5 standard errors, 0.1 nats."""
    model, scale = toy.factorised(shift=0.4, scale=0.5 * toy.best_scale())
    refined = RefinedPosteriors(model, num_steps=300, num_samples=32, seed=4)
    before, after = (
        elbo_terms(judged, X, num_samples=2000, batch_size=4)["bound"].mean()
        for judged in (model, refined)
    )
    best = bounds(toy.best_scale())
    assert best - bounds(scale, 0.4) > 0.5
    assert before == pytest.approx(bounds(scale, 0.4), abs=0.15)
    assert after == pytest.approx(best, abs=0.1)


def test_a_batch_has_one_posterior_and_the_rest_is_the_models():
    model, _ = toy.factorised(shift=0.4)
    refined = RefinedPosteriors(model, num_steps=5)
    first, second = (refined.joint(X).posterior.mean().numpy() for _ in range(2))
    np.testing.assert_array_equal(first, second)
    assert np.abs(first - model.posterior(X).mean()).max() > 0.01
    z = np.ones((1, 6, toy.Z), np.float32)
    joint = refined.joint(X)
    np.testing.assert_array_equal(joint.log_likelihood(z), model.log_likelihood(z, X))
    np.testing.assert_array_equal(joint.prior.log_prob(z), model.prior(X).log_prob(z))


def test_without_a_number_of_steps_they_are_those_of_training():
    """The divergence is the one in the bound that `evaluate` logs, for the same noise."""
    model, _ = toy.factorised(shift=0.4)
    # A weight of training, which evaluation does not know.
    objective = SemiAmortized(ELBO(kl_weight=0.2), num_steps=3, learning_rate=0.1, max_norm=2.0)
    model.compile("sgd", objective)
    refined = RefinedPosteriors(model, seed=4)
    assert refined.num_steps == 3
    joint = refined.joint(X)
    divergence = tfd.kl_divergence(joint.posterior, joint.prior)
    bound = model.bound(X, seed=tf.constant([4, 3]))
    np.testing.assert_allclose(divergence, bound.kl, rtol=1e-5)
    by_adam = RefinedPosteriors(model, num_steps=3, seed=4).joint(X).posterior.mean()
    assert np.abs(by_adam - joint.posterior.mean()).max() > 0.01


def test_without_a_number_of_steps_the_model_must_have_some():
    with pytest.raises(ValueError, match=r"give `num_steps`, or a model .* received one with ELBO"):
        RefinedPosteriors(toy.factorised()[0])
