"""The VAE against NumPy, with a posterior so narrow that its draws are its mean."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.models import toys
from tests.references.densities import normal_diag_kl, softplus, tokens_log_prob
from tests.references.networks import dense
from tests.saving import assert_comes_back
from tfp_dgm import layers
from tfp_dgm.models import VAE
from tfp_dgm.networks import MLP
from tfp_dgm.objectives import ELBO

X, _ = toys.counts(5)


def weights_of(layer):
    return [weight.numpy().astype(np.float64) for weight in layer.weights]


def oracle_posterior(model, row):
    """(loc, scale) of q(z | x) for one row."""
    features = dense(row, weights_of(model.encoder), np.tanh)
    parameters = dense(features, weights_of(model.posterior_layer))
    return parameters[:2], np.array([softplus(rho) for rho in parameters[2:]])


def oracle_log_likelihood(model, z, row):
    features = dense(z, weights_of(model.decoder), np.tanh)
    return tokens_log_prob(dense(features, weights_of(model.likelihood)), row)


def test_bound_equals_numpy():
    model = toys.quiet(toys.vae())
    bound = model.bound(X)
    for b, row in enumerate(X):
        loc, scale = oracle_posterior(model, row)
        kl = normal_diag_kl(loc, scale, [0, 0], [1, 1])
        reconstruction = oracle_log_likelihood(model, loc, row)
        np.testing.assert_allclose(bound.reconstruction[b], reconstruction, rtol=1e-5)
        np.testing.assert_allclose(bound.kl[b], kl, rtol=1e-5)
        np.testing.assert_allclose(bound.value[b], reconstruction - kl, rtol=1e-5)


def test_log_likelihood_of_several_draws_equals_numpy():
    model = toys.randomized(toys.vae())
    z = np.random.default_rng(4).normal(size=(3, 5, 2)).astype(np.float32)  # [S, B, Z]
    actual = model.log_likelihood(z, X)
    for s, b in np.ndindex(3, 5):
        expected = oracle_log_likelihood(model, z[s, b], X[b])
        np.testing.assert_allclose(actual[s, b], expected, rtol=1e-5)


@pytest.mark.usefixtures("eager")
def test_predict_gives_the_posterior_mean():
    model = toys.randomized(toys.vae())
    expected = [oracle_posterior(model, row)[0] for row in X]
    np.testing.assert_allclose(model.predict(X, verbose=0), expected, rtol=1e-4, atol=1e-5)


def test_fit_lowers_the_loss_of_images():
    """Images [B, 2, 3] of two kinds; one bit tells them apart, 6 ln 2 nats do without."""
    kinds = np.array([[[1, 1, 1], [0, 0, 0]], [[0, 0, 0], [1, 1, 1]]], np.float32)
    images = np.repeat(kinds, 16, axis=0)
    model = VAE(MLP([8]), MLP([8]), layers.IndependentBernoulli((2, 3)), latent_units=1, seed=1)
    model.compile(keras.optimizers.Adam(0.05))
    data = tf.data.Dataset.from_tensors(images).repeat(80)
    losses = model.fit(data, epochs=2, verbose=0, shuffle=False).history["loss"]
    assert losses[1] < losses[0] - 0.5
    assert losses[1] < 0.6 * 6 * np.log(2)


@pytest.mark.usefixtures("eager")
@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_mixed_precision(policy, dtype_policy):
    dtype_policy(policy)
    model = VAE(MLP([4]), None, layers.BagOfWords(toys.WORDS), latent_units=2, seed=1)
    model.compile("adam")
    history = model.fit(X, epochs=2, verbose=0).history
    assert np.isfinite(history["loss"]).all()
    assert model.encoder.compute_dtype == policy.removeprefix("mixed_")
    assert {field.dtype for field in model.bound(X)} == {tf.float32}
    assert model.predict(X, verbose=0).dtype == np.float32


@pytest.mark.slow
def test_comes_back_with_its_objective_as_training_left_it(tmp_path):
    objective = ELBO(num_samples=2, analytic_kl=False, kl_weight=0.1)
    objective.kl_weight.assign(0.6)
    model = VAE(
        MLP([4], batch_normalization=True, name="encoder"),
        None,
        layers.BagOfWords(toys.WORDS, name="likelihood"),
        posterior=layers.MultivariateNormalTriL(2, name="posterior"),
        prior=layers.LearnedNormalPrior(2, name="prior"),
        seed=4,
    )
    assert_comes_back(model, (X,), tmp_path, objective)


def test_needs_the_size_of_its_latent():
    with pytest.raises(ValueError, match="`latent_units` or a `posterior`"):
        VAE(MLP([4]), None, layers.BagOfWords(4))
