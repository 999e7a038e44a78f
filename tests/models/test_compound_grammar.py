"""The compound grammar: its bound and its trees beside grammars that are enumerated."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy import stats

from tests.references import grammars
from tfp_dgm import layers, models, objectives

A, P, V, Z = 2, 2, 6, 2
X = np.int32([[3, 4, 5, 2], [5, 4, 2, 0]])


def made(seed=1):
    encoder = keras.Sequential([keras.layers.Embedding(V, 3), keras.layers.GlobalMaxPooling1D()])
    likelihood = layers.CompoundContextFreeGrammar(V, A, P, max_length=4, symbol_units=4)
    model = models.CompoundGrammar(encoder, likelihood, latent_units=Z, seed=seed)
    model.build((None, None))
    random = np.random.default_rng(5)
    for weight in model.trainable_weights:
        weight.assign(random.normal(scale=0.7, size=weight.shape))
    return model


def log_likelihood(model, z, x):
    """By every tree, of one latent [Z] and one row, with log-probabilities of its grammar."""
    potentials = model.decode(z[np.newaxis]).log_potentials
    return grammars.log_prob([np.float64(part[0]) for part in potentials], x)


def test_bound_is_of_every_tree():
    """Two draws a row: the reconstruction by enumeration, the divergence in closed form."""
    model = made()
    joint = model.joint(X)
    bound = model.bound_of(joint, objective=objectives.ELBO(num_samples=2), seed=[1, 2])
    posterior = joint.posterior
    z = posterior.sample(2, seed=[3, 4]).numpy()
    expected = [[log_likelihood(model, z[s, b], X[b]) for b in range(2)] for s in range(2)]
    assert np.ptp(expected, axis=0).min() > 1e-3
    np.testing.assert_allclose(joint.log_likelihood(z), expected, rtol=1e-5)
    mean, scale = posterior.mean().numpy(), posterior.stddev().numpy()
    divergence = 0.5 * np.sum(mean**2 + scale**2 - 1 - 2 * np.log(scale), axis=1)
    np.testing.assert_allclose(bound.kl, divergence, rtol=1e-4)
    np.testing.assert_allclose(bound.value, bound.reconstruction - divergence, rtol=1e-4)


def test_trees_are_of_the_posteriors_mean():
    model = made()
    z = model.predict(X, verbose=0)
    np.testing.assert_allclose(z, model.posterior(X).mean(), rtol=1e-6)
    expected = [log_likelihood(model, z[row], X[row]) for row in range(2)]
    np.testing.assert_allclose(model.trees(X).log_partition(), expected, rtol=1e-5)


def test_padding_and_the_batch_change_no_row():
    model = made()
    wide = np.pad(X[1:], [(0, 0), (0, 2)])
    ours, alone, padded = (
        model.log_likelihood(np.ones((1, len(x), Z), np.float32), x) for x in (X, X[1:], wide)
    )
    np.testing.assert_allclose(ours[:, 1:], alone, rtol=1e-6)
    np.testing.assert_allclose(padded, alone, rtol=1e-6)


def test_signature_gives_binary_brackets(tmp_path):
    model = made()
    signature = model.serving_signatures()["serving_default"]
    brackets = signature.body(inputs=tf.constant(X))["brackets"].numpy()
    assert brackets.shape == (2, 4, 4)
    assert (brackets >= 0).sum(axis=(1, 2)).tolist() == [5, 3]
    model.save(tmp_path / "model.keras")
    copy = models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(copy.trees(X).minimum_bayes_risk(), brackets)
    np.testing.assert_array_equal(copy.predict(X, verbose=0), model.predict(X, verbose=0))


def test_dreams_are_of_the_prior(eager):
    z, x = made().dream(np.repeat(X[:1], 200, axis=0), seed=[5, 6])
    assert stats.kstest(np.ravel(z), "norm").pvalue > 1e-3
    closed = np.asarray(x)[np.any(x, axis=1)]
    assert all(grammars.words_of(row) for row in closed)


@pytest.mark.slow
def test_training_raises_the_bound(eager):
    """Quicker: `test_bound_is_of_every_tree`; a step is in the golden files."""
    model = made()
    model.compile(keras.optimizers.Adam(0.1), objectives.ELBO())
    before = model.evaluate(X, verbose=0, return_dict=True)["bound"]
    model.fit(X, epochs=4, batch_size=2, verbose=0)
    assert model.evaluate(X, verbose=0, return_dict=True)["bound"] > before + 0.5


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"likelihood": layers.StandardNormalPrior(2)}, TypeError, "`likelihood` must be a Comp"),
        ({"latent_units": None}, ValueError, "give `latent_units` or a `posterior`"),
        ({"prior": layers.MultivariateNormalDiag(2)}, TypeError, "`prior` must be a prior layer"),
    ],
)
def test_bad_arguments_are_named(change, error, message):
    likelihood = layers.CompoundContextFreeGrammar(V, A, P, max_length=4)
    arguments = {"encoder": None, "likelihood": likelihood, "latent_units": Z} | change
    with pytest.raises(error, match=f"CompoundGrammar: {message}"):
        models.CompoundGrammar(**arguments)
