"""Priors that are made of posteriors, and priors of features, in every model; by SciPy."""

import numpy as np
import pytest
import scipy.special
import scipy.stats
import tensorflow as tf

from tests.models import toys
from tests.models.texts import make_vae
from tests.references import densities
from tests.saving import assert_comes_back
from tfp_dgm import layers
from tfp_dgm.models import M2, HierarchicalVAE
from tfp_dgm.networks import MLP
from tfp_dgm.objectives import ELBO

ROWS, FEATURES = 6, 3
TEXTS = np.array([[4, 5, 6, 2], [6, 2, 0, 0], [2, 0, 0, 0]] * 2, np.int32)
CONDITIONS = np.random.default_rng(6).normal(size=(ROWS, FEATURES)).astype(np.float32)


def hierarchical(prior):
    return HierarchicalVAE(
        [MLP([4], name="encoder_0"), MLP([FEATURES], name="encoder_1")],
        [layers.MultivariateNormalDiag(3), layers.MultivariateNormalDiag(2, name="top")],
        [MLP([4], name="decoder_0"), MLP([4], name="decoder_1")],
        layers.IndependentBernoulli(toys.WORDS, name="likelihood"),
        conditionals=[layers.MultivariateNormalDiag(3, name="conditional")],
        prior=prior,
        seed=1,
    )


def text_vae(prior):
    return make_vae(posterior=layers.MultivariateNormalDiag(2, name="posterior"), prior=prior)


# The model, its events, and the size of its posterior layer's features.
MODELS = {
    "VAE": (lambda prior: toys.vae(prior=prior), toys.counts(ROWS)[0], 5),
    "TextVAE": (text_vae, TEXTS, 6),
    "HierarchicalVAE": (hierarchical, toys.binary(ROWS), FEATURES),
    "M2": (lambda prior: toys.m2(prior=prior), toys.counts(ROWS)[0], 3),
}
every_model = pytest.mark.parametrize("name", MODELS)


def randomized(model, inputs):
    model.build(tf.nest.map_structure(np.shape, inputs))
    random = np.random.default_rng(12)
    for weight in model.trainable_weights:
        weight.assign(random.normal(scale=0.7, size=weight.shape))
    return model


def top_prior(model, inputs):
    """p(z), of the last of several layers, or of the style given each row's class."""
    joint = model.joint(inputs)
    if isinstance(model, M2):
        return joint.inner(tf.constant(np.arange(ROWS)[np.newaxis] % toys.CLASSES)).prior
    prior = joint.prior
    return prior.model[0] if hasattr(prior, "model") else prior


def normal_of(layer, features):
    """Means and standard deviations of a diagonal Normal, from its layer's weights."""
    kernel, bias = (np.asarray(weight, np.float64) for weight in layer.weights)
    loc, rho = np.split(np.asarray(features, np.float64) @ kernel + bias, 2, axis=-1)
    return loc, layer.min_scale + np.vectorize(densities.softplus)(rho)


def posterior_layer_of(model):
    return (
        model.posterior_layers[-1] if hasattr(model, "posterior_layers") else model.posterior_layer
    )


@every_model
def test_vamp_prior_is_the_mixture_of_posteriors_at_the_pseudo_inputs(name):
    make, events, size = MODELS[name]
    if name == "VAE":  # Its pseudo-inputs are inputs.
        size = toys.WORDS
    prior = layers.VampPrior(2, 3, (size,), activation="sigmoid")
    model = randomized(make(prior), events)
    features = scipy.special.expit(prior.pseudo_inputs.numpy().astype(np.float64))
    if name == "VAE":
        kernel, bias = (weight.numpy() for weight in model.encoder.weights)
        features = np.tanh(features @ kernel + bias)
    z = np.random.default_rng(2).normal(size=(4, 1, 2))
    terms = scipy.stats.norm.logpdf(z, *normal_of(posterior_layer_of(model), features)).sum(axis=-1)
    expected = scipy.special.logsumexp(terms, b=1 / 3, axis=1)  # [4, K] -> [4]
    assert np.ptp(expected) > 0.1
    actual = top_prior(model, events).log_prob(z[:, 0].astype("f4"))
    np.testing.assert_allclose(actual, expected, rtol=1e-4)


@every_model
def test_a_prior_of_features_is_a_conditional_one(name):
    make, events, _ = MODELS[name]
    prior = layers.MultivariateNormalDiag(2, min_scale=0.1, name="prior")
    inputs = events if name == "M2" else {"condition": CONDITIONS, "event": events}
    model = randomized(make(prior), inputs)
    features = np.eye(toys.CLASSES)[np.arange(ROWS) % toys.CLASSES] if name == "M2" else CONDITIONS
    z = np.random.default_rng(3).normal(size=(ROWS, 2))
    expected = scipy.stats.norm.logpdf(z, *normal_of(prior, features)).sum(axis=-1)
    assert np.ptp(expected) > 0.1
    actual = tf.reshape(top_prior(model, inputs).log_prob(z.astype("f4")), [ROWS])
    np.testing.assert_allclose(actual, expected, rtol=1e-4)


@pytest.mark.parametrize("keys", [("condition", "x"), ("event",), ()], ids=str)
def test_what_lacks_an_event_or_a_condition_is_told_its_keys(keys):
    model = MODELS["VAE"][0](layers.MultivariateNormalDiag(2, name="prior"))
    model.compile("adam", run_eagerly=True)
    inputs = {key: CONDITIONS for key in keys}
    received = " and ".join(map(repr, keys)) or "nothing"
    expected = rf'"condition": .*, "event": .* received a dict with {received} in it$'
    with pytest.raises(ValueError, match=expected):
        model.bound(inputs)


def priors_and_inputs(name):
    """Both kinds, with what a model of each takes."""
    _, events, size = MODELS[name]
    inputs = events if name == "M2" else {"condition": CONDITIONS, "event": events}
    vamp = layers.VampPrior(2, 2, (toys.WORDS if name == "VAE" else size,), name="prior")
    return {
        "vamp": (vamp, events),
        "conditional": (layers.MultivariateNormalDiag(2, name="prior"), inputs),
    }


@every_model
@pytest.mark.parametrize("kind", ["vamp", "conditional"])
def test_such_priors_learn(name, kind):
    prior, inputs = priors_and_inputs(name)[kind]
    model = randomized(MODELS[name][0](prior), inputs)
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(model.bound(inputs, seed=tf.constant([1, 2]), training=True).loss)
    gradients = tape.gradient(loss, [weight.value for weight in prior.weights])
    assert all(np.abs(gradient).max() > 1e-3 for gradient in gradients)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("VAE", "conditional"),
        pytest.param("HierarchicalVAE", "conditional", marks=pytest.mark.slow),
        ("M2", "vamp"),
    ],
)
def test_such_models_train_and_come_back(name, kind, tmp_path):
    prior, inputs = priors_and_inputs(name)[kind]
    data = (inputs, toys.counts(ROWS)[1]) if name == "M2" else (inputs,)
    model = MODELS[name][0](prior)
    model.build(tf.nest.map_structure(np.shape, inputs))
    assert_comes_back(model, data, tmp_path, ELBO())


def test_the_divergence_is_that_from_each_rows_own_prior():
    make, events, _ = MODELS["VAE"]
    prior = layers.MultivariateNormalDiag(2, min_scale=0.1, name="prior")
    inputs = {"condition": CONDITIONS, "event": events}
    model = randomized(make(prior), inputs)
    kernel, bias = (weight.numpy() for weight in model.encoder.weights)
    posteriors = normal_of(model.posterior_layer, np.tanh(events @ kernel + bias))
    rows = zip(*posteriors, *normal_of(prior, CONDITIONS), strict=True)
    expected = [densities.normal_diag_kl(*row) for row in rows]
    np.testing.assert_allclose(model.bound(inputs, seed=(1, 2)).kl, expected, rtol=1e-4)


@pytest.mark.parametrize("name", ["VAE", "TextVAE"])
def test_dreams_are_of_each_rows_own_prior(name):
    """4,000 latents dreamed of one condition: their mean within 5 standard errors."""
    make, events, _ = MODELS[name]
    prior = layers.MultivariateNormalDiag(2, min_scale=0.1, name="prior")
    inputs = {"condition": CONDITIONS, "event": events}
    model = randomized(make(prior), inputs)
    many = {
        "condition": np.repeat(CONDITIONS[:1], 4000, axis=0),
        "event": np.repeat(events[:1], 4000, axis=0),
    }
    z, x = model.dream(many, seed=tf.constant([3, 4]))
    loc, scale = normal_of(prior, CONDITIONS[0])
    assert x.shape[0] == 4000
    assert x.dtype == events.dtype
    np.testing.assert_array_less(np.abs(z.numpy().mean(axis=0) - loc), 5 * scale / 4000**0.5)


def test_a_model_without_a_condition_says_so():
    events = toys.counts(2)[0]
    model = toys.vae(prior=layers.MultivariateNormalDiag(2))
    model.compile("adam")
    with pytest.raises(ValueError, match=r"VAE: `prior` .* received events of the shape \(2, 6\)"):
        model.train_on_batch(events)
    model.build({"condition": (None, 3), "event": (None, toys.WORDS)})
    with pytest.raises(ValueError, match="MultivariateNormalDiag: as a prior, depends on features"):
        _ = model.joint(events).prior
