"""Models of several stochastic layers against NumPy, and against enumeration where binary."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from tensorflow_probability import distributions as tfd

from tests.models.hierarchical_toys import (
    SHAPE,
    X,
    belief_network,
    belief_oracle,
    binary_states,
    categorical,
    evidence,
    gaussian,
    randomized,
    weights_of,
)
from tests.references import densities
from tests.references.networks import dense
from tests.saving import assert_comes_back
from tfp_dgm import layers, objectives
from tfp_dgm.evaluation import (
    active_units,
    elbo_terms,
    importance_weighted_log_likelihood,
    kl_per_dimension,
    mutual_information,
)
from tfp_dgm.inference import (
    annealed_importance_sampling,
    reverse_annealed_importance_sampling,
    tune_step_size,
)
from tfp_dgm.models import VAE, HierarchicalVAE, SigmoidBeliefNetwork
from tfp_dgm.networks import MLP


def with_baseline():
    return belief_network(baseline_units=4)


NVIL = objectives.ScoreFunctionELBO(
    num_samples=1,
    control_variates=[objectives.LearnedBaseline(), objectives.RunningAverage()],
)


def with_surrogate(units=(3, 2)):
    return belief_network(units, surrogate_units=4)


def categorical_with_surrogate():
    return categorical(surrogate=MLP([4], activation="tanh", name="surrogate_network"))


def normal_log_prob(parameters, event):
    half = len(parameters) // 2
    scale = [densities.softplus(rho) for rho in parameters[half:]]
    return densities.normal_diag_log_prob(parameters[:half], scale, event)


def gaussian_oracle(model, z1, z2, x):
    """(log p(x | z), log p(z), log q(z | x)) of one example."""

    def through(network, layer, value):
        return dense(dense(value, weights_of(network), np.tanh), weights_of(layer))

    log_px = densities.bernoulli_log_prob(through(model.decoders[0], model.likelihood, z1), x)
    log_pz = normal_log_prob(through(model.decoders[1], model.conditionals[0], z2), z1)
    log_pz += densities.normal_diag_log_prob(np.zeros(2), np.ones(2), z2)
    first, second = model.posterior_layers
    log_q = normal_log_prob(through(model.encoders[0], first, x.reshape(-1)), z1)
    log_q += normal_log_prob(through(model.encoders[1], second, z1), z2)
    return log_px, log_pz, log_q


def terms_of(model, z, x):
    terms = model.log_likelihood(z, x), model.prior(x).log_prob(z), model.posterior(x).log_prob(z)
    return [np.broadcast_to(term, (np.shape(term)[0], len(x))) for term in terms]


def test_densities_of_normal_layers_equal_numpy():
    model, random = randomized(gaussian()), np.random.default_rng(4)
    z = [random.normal(size=(2, 3, width)).astype(np.float32) for width in (3, 2)]
    actual = terms_of(model, z, X)
    for s, b in np.ndindex(2, 3):
        expected = gaussian_oracle(model, z[0][s, b], z[1][s, b], X[b])
        np.testing.assert_allclose([term[s, b] for term in actual], expected, rtol=1e-4)


@pytest.mark.parametrize("units", [(3,), (3, 2), (2, 2, 2)])
def test_densities_of_binary_layers_equal_numpy(units):
    model = randomized(belief_network(units))
    states = binary_states(units)
    z = [
        np.stack([np.tile(state[index], (3, 1)) for state in states]) for index in range(len(units))
    ]  # [S, B, Z] of each layer.
    actual = terms_of(model, z if len(units) > 1 else z[0], X)
    for s, b in np.ndindex(len(states), 3):
        expected = belief_oracle(model, states[s], X[b])
        np.testing.assert_allclose([term[s, b] for term in actual], expected, rtol=1e-4)
    # Both sides are distributions: they sum to one.
    np.testing.assert_allclose(np.exp(actual[1]).sum(axis=0), 1, rtol=1e-4)
    np.testing.assert_allclose(np.exp(actual[2]).sum(axis=0), 1, rtol=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("units", [(3, 2)])
def test_importance_sampling_finds_the_enumerated_evidence(units):
    """The weights' standard errors are 0.016 nats and less: fails once in 10^6."""
    model = randomized(belief_network(units))
    result = importance_weighted_log_likelihood(
        model, X, num_samples=100_000, samples_per_step=5000, batch_size=3
    )
    expected = [evidence(model, x, units) for x in X]
    np.testing.assert_allclose(result["log_likelihood"], expected, atol=0.08)


def test_latents_of_a_categorical_model_are_one_hot():
    model = randomized(categorical())
    z = model.posterior(X).sample(4, seed=(1, 2))
    assert z.shape == (4, 3, 2, 3)
    np.testing.assert_array_equal(tf.reduce_sum(z, axis=-1), 1)
    (kernel, bias), features = weights_of(model.likelihood), weights_of(model.decoders[0])
    hidden = dense(z[1, 2].numpy().reshape(-1), features, np.tanh)
    expected = densities.bernoulli_log_prob(hidden @ kernel + bias, X[2])
    np.testing.assert_allclose(model.log_likelihood(z, X)[1, 2], expected, rtol=1e-4)


def plain_vae():
    likelihood = layers.IndependentBernoulli(SHAPE)
    return VAE(keras.layers.Flatten(), None, likelihood, latent_units=2, seed=2)


@pytest.mark.parametrize("make", [plain_vae, gaussian, belief_network, categorical])
def test_dreams_are_of_the_model(make):
    """Means over 20,000 dreams, within 5 standard errors at most: fails less than once in 10^5."""
    model = randomized(make())
    _, x = model.dream(np.zeros((20_000, *SHAPE), np.float32), seed=(3, 4))
    assert x.dtype == tf.float32
    z = model.prior(X).sample(20_000, seed=(8, 9))
    expected = tf.reduce_mean(model.decode(z).mean(), axis=0)
    np.testing.assert_allclose(tf.reduce_mean(x, axis=0), expected, atol=5 * 0.5 * 2**0.5 / 141)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("make", "objective"),
    [
        pytest.param(
            gaussian, objectives.ImportanceWeighted(num_samples=4), marks=pytest.mark.slow
        ),
        pytest.param(belief_network, None, marks=pytest.mark.slow),
        pytest.param(with_baseline, NVIL, marks=pytest.mark.slow),
        pytest.param(with_surrogate, objectives.RELAX(num_samples=2), marks=pytest.mark.slow),
        (categorical, None),
    ],
)
def test_fit_learns_two_kinds_of_images(make, objective):
    """The image and its complement: ln 2 nats tell them apart, 4 ln 2 do not."""
    kinds = np.array([[[1, 1], [0, 0]], [[0, 0], [1, 1]]], np.float32)
    data = tf.data.Dataset.from_tensors(np.repeat(kinds, 32, axis=0)).repeat(100)
    model = make()
    model.compile(keras.optimizers.Adam(0.03), objective)
    bounds = model.fit(data, epochs=2, verbose=0, shuffle=False).history["bound"]
    assert bounds[1] > bounds[0]
    assert bounds[1] > -0.65 * 4 * np.log(2)


def test_learned_baseline_is_linear_in_its_features():
    model = randomized(with_baseline())
    features = dense(X[1].reshape(-1), weights_of(model.baseline_network), np.tanh)
    (kernel, bias) = weights_of(model.baseline_layer)
    np.testing.assert_allclose(
        model.joint(X).baseline[1], features @ kernel[:, 0] + bias[0], rtol=1e-4
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    ("make", "objective"),
    [
        (gaussian, objectives.ImportanceWeighted(num_samples=2)),
        (with_baseline, NVIL),
        (categorical_with_surrogate, objectives.RELAX()),
    ],
)
def test_comes_back(make, objective, tmp_path):
    assert_comes_back(make(), (X,), tmp_path, objective)


def test_learned_control_variates_are_linear_in_their_features():
    model, random = randomized(with_surrogate()), np.random.default_rng(3)
    for n, (function, width) in enumerate(zip(model.joint(X).surrogate, (3, 2), strict=True)):
        z = random.normal(size=(2, 3, width))
        features = dense(z[1, 2], weights_of(model.surrogate_networks[n]), np.tanh)
        kernel, bias = weights_of(model.surrogate_layers[n])
        expected = features @ kernel[:, 0] + bias[0]
        assert function(z.astype(np.float32)).shape == (2, 3)
        np.testing.assert_allclose(function(z.astype(np.float32))[1, 2], expected, rtol=1e-4)


@pytest.mark.slow
def test_fit_teaches_the_control_variate_to_lessen_the_variance():
    """By more than a third, where variances of 4,000 gradients are good to a few percent."""
    model, objective = randomized(with_surrogate((3,))), objectives.RELAX(scale=0.0, decay=1.0)
    for part in (*model.posterior_layers, model.likelihood, model.prior_layer):
        part.trainable = False  # Only the control variate learns.

    def variance():
        x = np.tile(X, (4_000, 1, 1))
        logits = tf.identity(model.posterior(x).distribution.logits)
        with tf.GradientTape() as tape:
            tape.watch(logits)
            posterior = tfd.Independent(tfd.Bernoulli(logits=logits, dtype=tf.float32), 1)
            joint = model.joint(x).replaced(posterior=lambda: posterior)
            loss = objective(joint, seed=(5, 3)).loss
        return tape.gradient(loss, logits).numpy().reshape(4_000, 3, 3).var(axis=0).sum()

    before = variance()
    model.compile(keras.optimizers.Adam(0.02), objective)
    data = tf.data.Dataset.from_tensors(np.tile(X, (20, 1, 1))).repeat(150)
    model.fit(data, verbose=0, shuffle=False)
    assert variance() < before / 1.5


@pytest.mark.usefixtures("eager")
def test_predict_gives_the_mean_of_the_first_layer():
    model = randomized(belief_network())
    kernel, bias = weights_of(model.posterior_layers[0])
    logits = (X.reshape(3, 4) - [0.2, 0.7, 0.5, 0.4]) @ kernel + bias
    np.testing.assert_allclose(model.predict(X, verbose=0), 1 / (1 + np.exp(-logits)), rtol=1e-4)


def test_the_network_starts_at_the_mean_image():
    model = belief_network()
    model.build((None, *SHAPE))
    model.likelihood.projection.kernel.assign(np.zeros((3, 4)))
    mean = model.decode([tf.zeros([1, 3]), tf.zeros([1, 2])]).mean()
    np.testing.assert_allclose(mean, [[[0.2, 0.7], [0.5, 0.4]]], rtol=1e-5)


@pytest.mark.slow
def test_evaluation_takes_layers():
    """Quicker: `test_importance_sampling_finds_the_enumerated_evidence`."""
    model = randomized(gaussian())
    x = np.concatenate([X, X, X])
    terms = elbo_terms(model, x, num_samples=200, batch_size=4)
    weighted = importance_weighted_log_likelihood(model, x, num_samples=200, batch_size=4)
    assert (weighted["log_likelihood"] > terms["bound"]).all()
    assert active_units(model, x)["units"] == 5
    information = mutual_information(model, x, num_samples=50, batch_size=4, draws_per_step=64)
    # Three different images, each three times.
    assert 0 < information["mutual_information"] < np.log(3)
    with pytest.raises(ValueError, match="whose dimensions are independent"):
        kl_per_dimension(model, x)


@pytest.mark.slow
@pytest.mark.parametrize("reverse", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_annealing_takes_layers(reverse):
    """Either direction agrees with the mean likelihood of 20,000 draws of the prior."""
    model = randomized(gaussian())
    z, x = model.dream(np.zeros((40, *SHAPE), np.float32), seed=(5, 1))
    likelihoods = model.log_likelihood(
        [layer[:, tf.newaxis] for layer in model.prior(x).sample(20_000, seed=(3, 3))], x
    )
    expected = np.log(np.exp(likelihoods).mean(axis=0)).mean()
    leapfrog = {"num_leapfrog_steps": 2}

    @tf.function(autograph=False)
    def estimate():
        # Tuned sizes of steps are traced with as much again.
        tuning = {"num_steps": 20, "seed": (1, 2), **leapfrog}
        sizes = tune_step_size(model, x, **tuning) if reverse else 0.3
        settings = {"num_steps": 40, "step_size": sizes, "num_chains": 4, **leapfrog}
        if reverse:
            return reverse_annealed_importance_sampling(model, x, z, seed=(3, 2), **settings)
        return annealed_importance_sampling(model, x, seed=(3, 2), **settings)

    assert np.mean(estimate().log_likelihood) == pytest.approx(expected, abs=0.15)


@pytest.mark.parametrize("make", [gaussian, categorical])
@pytest.mark.usefixtures("eager")
def test_serves_encoding_and_reconstruction_without_noise(make):
    model = randomized(make())
    signatures = model.serving_signatures()
    assert set(signatures) == {"serving_default", "encode", "reconstruct"}
    mean = model.predict(X, verbose=0)
    np.testing.assert_allclose(signatures["encode"].plain()(X)["mean"], mean, rtol=1e-5)
    hidden = dense(mean[1], weights_of(model.decoders[0]), np.tanh)
    logits = dense(hidden, weights_of(model.likelihood))
    served = signatures["reconstruct"].plain()(X)["reconstruction"]
    np.testing.assert_allclose(served[1], 1 / (1 + np.exp(-logits.reshape(SHAPE))), rtol=1e-4)


def test_lists_must_fit():
    with pytest.raises(ValueError, match="L - 1 conditionals; received 1, 1, 1 and 1"):
        HierarchicalVAE(
            [MLP([3])],
            [layers.MultivariateNormalDiag(2)],
            [MLP([3])],
            layers.IndependentBernoulli(SHAPE),
            conditionals=[layers.MultivariateNormalDiag(2)],
            prior=layers.StandardNormalPrior(2),
        )


@pytest.mark.parametrize("mean", [[0.5] * 3, [0.5, 0.2, 0.1, 1.2], [0.5, 0.2, 0.1, np.nan]])
def test_mean_must_be_probabilities_of_the_inputs(mean):
    with pytest.raises(ValueError, match=r"`mean` must be 4 numbers in \[0, 1\]"):
        SigmoidBeliefNetwork(SHAPE, mean=mean)


def test_every_layer_has_a_surrogate_or_none():
    with pytest.raises(ValueError, match="surrogate for each of the 2 layers, or none; received 1"):
        gaussian(surrogates=[MLP([3])])


def test_nothing_is_learned_beside_where_nothing_was_given():
    model = SigmoidBeliefNetwork(SHAPE, units=[3])
    with pytest.raises(NotImplementedError, match="no learned baseline"):
        _ = model.joint(X).baseline
    with pytest.raises(NotImplementedError, match="no learned control variate"):
        _ = model.joint(X).surrogate


def test_conditionals_are_over_the_latents_below():
    normal = layers.MultivariateNormalDiag
    with pytest.raises(ValueError, match=r"of shapes \[\(2,\)\]; received \[\(3,\)\]"):
        HierarchicalVAE(
            [None, None],
            [normal(2), normal(1)],
            [None, None],
            layers.IndependentBernoulli(4),
            conditionals=[normal(3)],
            prior=layers.StandardNormalPrior(1),
        )
