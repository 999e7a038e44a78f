"""Words independent of each other given a Gaussian vector: softmax(W z + b), a `VAE`."""

import keras
import numpy as np
import pytest
import scipy.integrate
from scipy.special import log_softmax
from scipy.stats import norm

from tests.saving import assert_comes_back
from tfp_dgm import layers, objectives
from tfp_dgm.evaluation import importance_weighted_log_likelihood
from tfp_dgm.models import VAE

V = 5
COUNTS = np.array([[3, 0, 1, 0, 2], [0, 2, 0, 0, 1], [1, 1, 0, 4, 0], [0, 0, 0, 0, 0]], np.float32)


def continuous_naive_bayes(units=1):
    return VAE(
        keras.layers.Dense(4, "tanh"), None, layers.BagOfWords(V), latent_units=units, seed=1
    )


def randomized(model):
    model.build((None, V))
    random = np.random.default_rng(2)
    for weight in model.trainable_weights:
        weight.assign(random.normal(scale=0.6, size=weight.shape))
    return model


def log_words(model, z):
    """log softmax(W z + b), in float64."""
    kernel, bias = (np.asarray(w, np.float64) for w in model.likelihood.projection.weights)
    return log_softmax(np.atleast_1d(z) @ kernel + bias)


@pytest.mark.usefixtures("eager")
def test_words_are_independent_given_the_vector():
    model = randomized(continuous_naive_bayes(units=2))
    z = np.random.default_rng(3).normal(size=(3, 4, 2)).astype(np.float32)
    expected = [
        [sum(n * w for n, w in zip(COUNTS[b], log_words(model, z[s, b]), strict=True))
         for b in range(4)]
        for s in range(3)
    ]  # fmt: skip
    np.testing.assert_allclose(model.log_likelihood(z, COUNTS), expected, rtol=1e-5)


def test_its_evidence_is_the_integral_over_the_vector():
    model = randomized(continuous_naive_bayes())
    # A posterior that is wider than the true one, so that no weight is far above the others.
    model.posterior_layer.projection.bias.assign([0.0, 1.2])
    exact = [
        np.log(
            scipy.integrate.quad(
                lambda z, row=row: np.exp(row @ log_words(model, z)) * norm.pdf(z), -12, 12
            )[0]
        )
        for row in COUNTS.astype(np.float64)
    ]
    assert exact[-1] == pytest.approx(0, abs=1e-8)  # A text without words says nothing.
    draws = 4_000
    found = importance_weighted_log_likelihood(model, COUNTS, num_samples=draws, seed=3)
    # The relative error of the mean weight, from the effective sample size; 5 of them.
    error = np.sqrt(1 / found["effective_sample_size"] - 1 / draws)
    assert error.max() < 0.1
    np.testing.assert_array_less(np.abs(found["log_likelihood"] - exact), 5 * error + 1e-5)
    # The bound of training lies below, by the gap of its posterior.
    bound = model.bound(COUNTS, objective=objectives.ELBO(num_samples=500)).value.numpy()
    assert (bound[:3] < np.array(exact)[:3] - 1e-2).all()


@pytest.mark.usefixtures("eager")
def test_it_trains_and_comes_back_from_a_file(tmp_path):
    assert_comes_back(continuous_naive_bayes(units=2), (COUNTS,), tmp_path)
