"""Posteriors and priors of every kind in one VAE: they train, move as one, and come back."""

import itertools

import keras
import numpy as np
import pytest
import scipy.stats
from tensorflow_probability import distributions as tfd

from tests.models import toys
from tests.models.texts import make_vae
from tests.saving import assert_comes_back
from tfp_dgm import layers
from tfp_dgm.models import M2, VAE, HierarchicalVAE
from tfp_dgm.networks import MLP
from tfp_dgm.objectives import ELBO

X = toys.binary(6)
PAIRS = {
    "planar_mixture": (
        lambda: layers.PlanarFlow(layers.MultivariateNormalTriL(2), num_flows=1),
        lambda: layers.MixtureOfNormalsPrior(2, 3),
    ),
    "inverse_autoregressive_flow_prior": (
        lambda: layers.InverseAutoregressiveFlow(
            layers.MultivariateNormalDiag(2), num_flows=1, hidden_units=(4,), context_units=3
        ),
        lambda: layers.AutoregressiveFlowPrior(2, num_flows=1, hidden_units=(4,)),
    ),
    "householder_spline_prior": (
        lambda: layers.HouseholderFlow(layers.MultivariateNormalDiag(2), num_flows=2),
        lambda: layers.SplineCouplingFlowPrior(2, hidden_units=(4,), num_bins=3),
    ),
    "spline_continuous_prior": (
        lambda: layers.SplineCouplingFlow(
            layers.MultivariateNormalDiag(2), hidden_units=(4,), context_units=3, num_bins=3
        ),
        lambda: layers.ContinuousFlowPrior(2, hidden_units=(4,)),
    ),
    "continuous_flow": (
        lambda: layers.ContinuousFlow(
            layers.MultivariateNormalDiag(2), hidden_units=(4,), context_units=3
        ),
        lambda: layers.StandardNormalPrior(2),
    ),
    "batch_normalized_vamp": (
        lambda: layers.BatchNormalizedNormalDiag(2),
        lambda: layers.VampPrior(2, 3, (toys.WORDS,), activation="sigmoid"),
    ),
    "power_spherical_uniform": (
        lambda: layers.PowerSpherical(3),
        lambda: layers.SphericalUniformPrior(3),
    ),
}


def vae_of(pair):
    posterior, prior = (make() for make in PAIRS[pair])
    model = VAE(
        MLP([4], name="encoder"),
        MLP([4], name="decoder"),
        layers.IndependentBernoulli(toys.WORDS, name="likelihood"),
        posterior=posterior,
        prior=prior,
        seed=3,
    )
    model.build((None, toys.WORDS))
    return model


@pytest.mark.parametrize("pair", PAIRS)
def test_trains_every_weight(pair):
    """One step, in which a weight without a gradient is an error."""
    model = vae_of(pair)
    before = [weight.numpy() for weight in model.trainable_weights]
    model.compile(keras.optimizers.Adam(0.05), ELBO(num_samples=3), run_eagerly=True)
    model.train_on_batch(X)
    for weight, start in zip(model.trainable_weights, before, strict=True):
        assert (weight.numpy() != start).any(), weight.path
    if pair.startswith("power_spherical"):  # Where latents lie on the sphere, so do encodings.
        np.testing.assert_allclose(
            np.linalg.norm(model.predict(X, verbose=0), axis=1), 1, rtol=1e-5
        )


@pytest.mark.slow
def test_comes_back_with_moving_averages_and_a_prior_made_of_the_posterior(tmp_path):
    """The other pairs' files are those of `tests/golden`."""
    assert_comes_back(vae_of("batch_normalized_vamp"), (X,), tmp_path, ELBO(num_samples=3))


def test_vamp_prior_is_made_of_the_models_own_posterior():
    """The density of the prior at z is the mean of q(z | sigmoid(u_k)), encoder and all."""
    prior = layers.VampPrior(2, 3, (toys.WORDS,), activation="sigmoid")
    model = toys.randomized(toys.vae(prior=prior))
    z = np.random.default_rng(2).normal(size=(4, 2)).astype("f4")
    images = 1 / (1 + np.exp(-prior.pseudo_inputs.numpy()))
    densities = [np.exp(model.posterior(images[k : k + 1]).log_prob(z)) for k in range(3)]
    np.testing.assert_allclose(
        np.exp(model.prior(None).log_prob(z)), np.mean(densities, axis=0), rtol=1e-4
    )


def test_batch_normalisation_keeps_the_rate_up_where_the_plain_posterior_may_drop_it():
    """The mean KL is at least Z gamma^2 / 2, however little the encoder says."""
    model = VAE(
        MLP([4], activation="tanh"),
        None,
        layers.IndependentBernoulli(toys.WORDS),
        posterior=layers.BatchNormalizedNormalDiag(2, gamma=1.2),
        seed=1,
    )
    model.build((None, toys.WORDS))
    kernel = model.posterior_layer.projection.kernel
    kernel.assign(0.1 * kernel)
    assert np.mean(model.bound(X, training=True).kl) > 0.99 * 2 * 1.2**2 / 2


@pytest.mark.parametrize(
    ("posterior", "draws"),
    [
        (layers.MultivariateNormalTriL(3), [[0.3, -1.0, 2.0]]),
        (layers.PowerSpherical(3), [[0.6, 0.0, 0.8]]),
        (layers.IndependentBernoulli(3), [[1.0, 0.0, 1.0]]),
        (layers.IndependentOneHotCategorical((2, 3)), [[[0.0, 1.0, 0.0], [1.0, 0.0, 0.0]]]),
    ],
    ids=["normal", "spherical", "binary", "one-hot"],
)
def test_the_prior_by_default_is_over_the_posteriors_own_space(posterior, draws):
    expected = {
        "MultivariateNormalTriL": scipy.stats.norm.logpdf([0.3, -1.0, 2.0]).sum(),
        "PowerSpherical": -np.log(4 * np.pi),  # One over the area of the sphere.
        "IndependentBernoulli": 3 * np.log(0.5),
        "IndependentOneHotCategorical": 2 * np.log(1 / 3),
    }[type(posterior).__name__]
    model = VAE(MLP([4]), None, layers.BagOfWords(toys.WORDS), posterior=posterior)
    assert model.prior_layer.trainable_weights == []
    np.testing.assert_allclose(model.prior(None).log_prob(draws), expected, rtol=1e-5)


LAYERS = {
    "likelihood": layers.BagOfWords,
    "posterior": layers.MultivariateNormalDiag,
    "prior": layers.StandardNormalPrior,
}
MODELS = {
    "VAE": lambda likelihood, **parts: VAE(MLP([2]), None, likelihood, **parts),
    "M2": lambda likelihood, **parts: M2(3, MLP([2]), None, likelihood, **parts),
    "HierarchicalVAE": lambda likelihood, posterior, prior: HierarchicalVAE(
        [None], [posterior], [None], likelihood, prior=prior
    ),
    "TextVAE": lambda likelihood, **parts: make_vae(latent_units=None, **parts),
}


@pytest.mark.parametrize(
    ("model", "argument"),
    [pair for pair in itertools.product(MODELS, LAYERS) if pair != ("TextVAE", "likelihood")],
)
@pytest.mark.parametrize("kind", ["distribution", "tensor layer"])
def test_layers_of_another_kind_are_refused_by_name(model, argument, kind):
    distribution = kind == "distribution"
    wrong = tfd.MultivariateNormalDiag([0.0, 0.0]) if distribution else keras.layers.Dense(2)
    parts = {name: make(2) for name, make in LAYERS.items()} | {argument: wrong}
    shown = "<tfp.distributions.MultivariateNormalDiag" if distribution else "<Dense name"
    with pytest.raises(TypeError, match=f"^{model}: `{argument}s?` must be a .*received {shown}"):
        MODELS[model](**parts)


def test_class_prior_of_another_kind_is_refused_by_name():
    with pytest.raises(TypeError, match=r"M2: `class_prior` must be a prior layer.*<Dense"):
        M2(
            3,
            MLP([2]),
            None,
            layers.BagOfWords(toys.WORDS),
            latent_units=2,
            class_prior=keras.layers.Dense(3),
        )


@pytest.mark.parametrize(
    ("model", "shapes"),
    [
        (lambda: toys.vae(prior=layers.StandardNormalPrior(3)), r"\(2,\).*\(3,\)"),
        (lambda: toys.m2(prior=layers.StandardNormalPrior(1)), r"\(2,\).*\(1,\)"),
        (
            lambda: HierarchicalVAE(
                [None, None],
                [layers.MultivariateNormalDiag(2), layers.MultivariateNormalDiag(1)],
                [None, None],
                layers.IndependentBernoulli(toys.WORDS),
                conditionals=[layers.MultivariateNormalDiag(2)],
                prior=layers.StandardNormalPrior(4),
            ),
            r"\(1,\).*\(4,\)",
        ),
    ],
    ids=["VAE", "M2", "HierarchicalVAE"],
)
def test_a_prior_of_another_size_is_refused_by_name(model, shapes):
    model = model()
    model.build((None, toys.WORDS))
    model.compile("sgd", run_eagerly=True)
    targets = [np.zeros(6, np.int32)] if isinstance(model, M2) else []
    with pytest.raises(ValueError, match=f"`prior` must be over .*{shapes}"):
        model.fit(X, *targets, verbose=0)
