"""M1+M2 against enumeration in NumPy, and what it promises of its two halves."""

import math

import numpy as np
import pytest

from tests.models import toys
from tests.references.densities import normal_diag_kl, normal_diag_log_prob, softmax, softplus
from tests.references.networks import dense
from tests.saving import assert_comes_back
from tfp_dgm import layers
from tfp_dgm.models import M1M2, M2
from tfp_dgm.networks import MLP
from tfp_dgm.objectives import ELBO

X, _ = toys.counts(6)
TARGETS = np.array([2, -1, 0, -1, 1, -1])
ALPHA = 1.7
MIN_SCALE = 0.2


def m1_m2(vae=None, units=2):
    m2 = M2(
        toys.CLASSES,
        MLP([5], activation="tanh", name="encoder"),
        MLP([4], activation="tanh", name="decoder"),
        layers.MultivariateNormalDiag(units, min_scale=MIN_SCALE, name="likelihood"),
        classifier=MLP([4], activation="tanh", name="classifier"),
        posterior_network=MLP([3], activation="tanh", name="posterior_network"),
        posterior=layers.MultivariateNormalDiag(2, min_scale=0.0, name="posterior"),
        classification_weight=ALPHA,
        seed=2,
        name="upper",
    )
    vae = toys.randomized(toys.vae(name="lower")) if vae is None else vae
    return M1M2(vae, m2, seed=1)


def without_noise(model):
    """Random weights in the upper half too, where its draws are their means."""
    model.build((None, toys.WORDS))
    toys.quiet(model.m2)
    return model


def weights_of(layer):
    return [weight.numpy().astype(np.float64) for weight in layer.weights]


def oracle(model, row, target, kl_weight=1.0):
    """(loss, bound) of one row at the mean of M1's latent, by enumeration of y."""
    vae, m2 = model.vae, model.m2
    latent = dense(row, weights_of(vae.encoder), np.tanh)
    latent = dense(latent, weights_of(vae.posterior_layer))[:2]
    q = softmax(
        dense(
            dense(latent, weights_of(m2.classifier), np.tanh), weights_of(m2.class_posterior_layer)
        )
    )
    features = dense(latent, weights_of(m2.encoder), np.tanh)
    weighted, bounds = [], []
    for one_hot in np.eye(toys.CLASSES):
        joint = dense([*features, *one_hot], weights_of(m2.posterior_network), np.tanh)
        parameters = dense(joint, weights_of(m2.posterior_layer))
        scale = [softplus(rho) for rho in parameters[2:]]
        kl = normal_diag_kl(parameters[:2], scale, np.zeros(2), np.ones(2))
        decoded = dense([*parameters[:2], *one_hot], weights_of(m2.decoder), np.tanh)
        decoded = dense(decoded, weights_of(m2.likelihood))
        scale = [MIN_SCALE + softplus(rho) for rho in decoded[2:]]
        log_likelihood = normal_diag_log_prob(decoded[:2], scale, latent)
        weighted.append(log_likelihood - kl_weight * kl - math.log(toys.CLASSES))
        bounds.append(log_likelihood - kl - math.log(toys.CLASSES))
    if target >= 0:
        return -weighted[target] - ALPHA * math.log(q[target]), bounds[target]
    entropy = -sum(p * math.log(p) for p in q)
    return -np.dot(q, weighted) - entropy, np.dot(q, bounds) + entropy


def test_loss_equals_enumeration_at_the_mean_of_the_latent():
    model = without_noise(m1_m2())
    loss, parts = model.losses_per_example(X, TARGETS, training=False)
    expected = np.array([oracle(model, *row) for row in zip(X, TARGETS, strict=True)])
    assert np.ptp(expected[:, 0]) > 1.0
    np.testing.assert_allclose(loss, expected[:, 0], rtol=1e-4)
    np.testing.assert_allclose(parts["bound"][0], expected[:, 1], rtol=1e-4)


def test_training_takes_a_fresh_draw_of_the_latent_and_the_compiled_objective():
    narrow = toys.quiet(toys.vae())
    model = without_noise(m1_m2(narrow))
    model.compile("sgd", ELBO(kl_weight=0.3))
    loss, _ = model.losses_per_example(X, TARGETS, training=True)
    expected = [oracle(model, *row, kl_weight=0.3)[0] for row in zip(X, TARGETS, strict=True)]
    np.testing.assert_allclose(loss, expected, rtol=1e-4)

    model = without_noise(m1_m2())
    first, _ = model.losses_per_example(X, TARGETS, training=True)
    second, _ = model.losses_per_example(X, TARGETS, training=True)
    assert np.abs(first - second).min() > 1e-3
    run = {"seed": (1, 2), "objective": ELBO()}
    trained = [model.bound(X, training=True, **run).value for _ in range(2)]
    assert np.abs(trained[0] - trained[1]).min() > 1e-3
    evaluated = [oracle(model, x, -1)[1] for x in X]
    np.testing.assert_allclose(model.bound(X, **run).value, evaluated, rtol=1e-4)


def test_rows_have_the_same_loss_in_any_batch():
    model = without_noise(m1_m2())
    together = model.losses_per_example(X, TARGETS, training=False)[0].numpy()
    for b in range(len(X)):
        alone, _ = model.losses_per_example(X[b : b + 1], TARGETS[b : b + 1], training=False)
        np.testing.assert_allclose(alone, together[b : b + 1], rtol=1e-5)


@pytest.mark.parametrize(
    "how", [{"run_eagerly": True}, pytest.param({"jit_compile": True}, marks=pytest.mark.slow)]
)
def test_fit_moves_the_upper_half_alone(how):
    """Under XLA, too, in the slow form; `test_m2.py` has the upper half's step compiled by it."""
    model = m1_m2()
    model.compile("adam", **how)
    lower = [weight.numpy() for weight in model.vae.weights]
    history = model.fit(X, TARGETS, epochs=2, verbose=0).history
    assert set(history) == {"loss", "bound", "reconstruction", "kl", "accuracy"}
    for weight, before in zip(model.vae.weights, lower, strict=True):
        np.testing.assert_array_equal(weight, before, err_msg=weight.path)
    trainable = {weight.path for weight in model.trainable_weights}
    assert trainable == {weight.path for weight in model.m2.trainable_weights} != set()


@pytest.mark.usefixtures("eager")
def test_predict_gives_class_probabilities():
    model = without_noise(m1_m2())
    expected = model.m2.predict(model.vae.predict(X, verbose=0), verbose=0)
    actual = model.predict(X, verbose=0)
    np.testing.assert_allclose(actual, expected, rtol=1e-5)
    np.testing.assert_allclose(actual.sum(axis=1), 1.0, rtol=1e-5)


@pytest.mark.slow
@pytest.mark.usefixtures("eager")
def test_comes_back_from_a_file_and_trains_on(tmp_path):
    vae = toys.vae(name="lower")
    vae.compile("adam")
    vae.fit(X, verbose=0)
    assert_comes_back(m1_m2(vae), (X, TARGETS), tmp_path, ELBO(num_samples=2))


def test_halves_must_fit():
    with pytest.raises(ValueError, match=r"the 2 dimensions of the latent of `vae`; received .* 3"):
        m1_m2(units=3)
