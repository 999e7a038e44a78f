"""Distribution layers in the functional and Sequential APIs, by plain compile and fit."""

import keras
import numpy as np
import pytest
import scipy.stats
import tensorflow as tf
from tensorflow_probability import distributions as tfd

from tests.references import densities
from tests.references.networks import dense
from tests.saving import assert_same_weights
from tfp_dgm import layers

FEATURES = np.random.default_rng(2).normal(size=(6, 3)).astype(np.float32)


def randomize(layer):
    random = np.random.default_rng(4)
    for weight in layer.trainable_weights:
        weight.assign(random.normal(scale=0.7, size=weight.shape))


def latent_model(**kwargs):
    """Features -> latent of two dimensions, with random weights in posterior and prior."""
    posterior = layers.MultivariateNormalDiag(2, min_scale=0.1)
    sample = layers.Sample(posterior, **kwargs)
    model = keras.Sequential([keras.Input((3,)), sample])
    randomize(model)
    return model, sample


def loc_and_scale(sample, features):
    weights = [weight.numpy() for weight in sample.layer.weights]
    parameters = np.array([dense(row, weights) for row in features])
    return parameters[:, :2], 0.1 + np.vectorize(densities.softplus)(parameters[:, 2:])


def mean_kl(sample, features):
    loc, log_scale = (weight.numpy() for weight in sample.prior.weights)
    terms = [
        densities.normal_diag_kl(m, s, loc, np.exp(log_scale))
        for m, s in zip(*loc_and_scale(sample, features), strict=True)
    ]
    return np.mean(terms)


def test_kl_of_closed_form_joins_the_losses():
    model, sample = latent_model(prior=layers.LearnedNormalPrior(2), kl_weight=0.3)
    model(FEATURES)
    np.testing.assert_allclose(model.losses, [0.3 * mean_kl(sample, FEATURES)], rtol=1e-5)


def test_the_kl_has_the_precision_of_keras_losses(monkeypatch):
    monkeypatch.setattr(keras.config, "floatx", lambda: "float64")
    model, sample = latent_model(prior=layers.LearnedNormalPrior(2))
    model(FEATURES)
    (loss,) = model.losses
    assert loss.dtype == tf.float64
    np.testing.assert_allclose(loss, mean_kl(sample, FEATURES), rtol=1e-5)


def test_without_a_prior_there_is_no_loss():
    model, _ = latent_model()
    model(FEATURES)
    assert model.losses == []


@pytest.mark.slow
def test_assigned_kl_weight_reaches_the_compiled_step():
    model, sample = latent_model(prior=layers.LearnedNormalPrior(2))
    model.compile(keras.optimizers.SGD(0.0))
    anneal = keras.callbacks.LambdaCallback(
        on_epoch_begin=lambda epoch, logs: sample.kl_weight.assign(0.5 * epoch)
    )
    history = model.fit(FEATURES, epochs=3, callbacks=[anneal], verbose=0).history
    expected = mean_kl(sample, FEATURES) * np.array([0.0, 0.5, 1.0])
    np.testing.assert_allclose(history["loss"], expected, rtol=1e-5)


def test_draws_are_of_the_distribution_and_differ_from_call_to_call():
    """10 x 600 x 2 standardised draws are standard Normal; Kolmogorov-Smirnov fails 1 in 1,000."""
    model, sample = latent_model(seed=3)
    features = np.repeat(FEATURES, 100, axis=0)
    loc, scale = (np.repeat(part, 100, axis=0) for part in loc_and_scale(sample, FEATURES))
    draws = np.array([model(features) for _ in range(10)])
    assert scipy.stats.kstest(np.ravel((draws - loc) / scale), "norm").pvalue > 1e-3


def test_mean_at_inference_only():
    model, sample = latent_model(mean_at_inference=True)
    loc, _ = loc_and_scale(sample, FEATURES)
    np.testing.assert_allclose(model.predict(FEATURES, verbose=0), loc, rtol=1e-5, atol=1e-6)
    assert np.abs(model(FEATURES, training=True) - loc).max() > 0.1


def test_at_inference_the_direction_stands_for_a_point_on_the_sphere():
    sample = layers.Sample(layers.PowerSpherical(3, concentration=2.0), mean_at_inference=True)
    lengths = np.linalg.norm(sample(FEATURES), axis=1)
    np.testing.assert_allclose(lengths, 1.0, rtol=1e-5)


def test_one_seed_gives_one_sequence_of_draws():
    same, again, other = (latent_model(seed=seed)[0](FEATURES) for seed in (3, 3, 4))
    np.testing.assert_array_equal(same, again)
    assert np.abs(same - other).max() > 0.1


def test_gradients_pass_through_the_draw():
    model, sample = latent_model()
    with tf.GradientTape() as tape:
        total = tf.reduce_sum(model(FEATURES, training=True))
    kernel, bias = tape.gradient(total, [weight.value for weight in sample.layer.weights])
    np.testing.assert_allclose(bias[:2], [6.0, 6.0], rtol=1e-5)  # d (loc + ...) / d loc
    np.testing.assert_allclose(kernel[:, 0], FEATURES.sum(0), rtol=1e-4, atol=1e-5)
    assert np.abs(bias[2:]).min() > 1e-3


def autoencoder():
    """A functional VAE of Bernoulli variables."""
    inputs = keras.Input((3,))
    sample = layers.Sample(
        layers.MultivariateNormalTriL(2), prior=layers.LearnedNormalPrior(2), seed=5
    )
    likelihood = layers.IndependentBernoulli(3)
    outputs = layers.Parameters(likelihood)(keras.layers.Dense(4, "tanh")(sample(inputs)))
    model = keras.Model(inputs, outputs)
    model.compile(keras.optimizers.Adam(0.05), loss=layers.NegativeLogLikelihood(likelihood))
    return model


@pytest.mark.slow
@pytest.mark.usefixtures("eager")
def test_functional_model_learns_and_comes_back_from_a_file(tmp_path):
    """Quicker: `draws` in the golden files, with two steps."""
    model, data = autoencoder(), (FEATURES > 0).astype(np.float32)
    steps = tf.data.Dataset.from_tensors((data, data)).repeat(10)
    losses = model.fit(steps, epochs=3, verbose=0, shuffle=False).history["loss"]
    assert losses[-1] < losses[0] - 0.1
    model.save(tmp_path / "model.keras")
    copy = keras.saving.load_model(tmp_path / "model.keras")
    assert_same_weights(model, copy)
    # The seed's state is saved too: the same noise follows.
    np.testing.assert_array_equal(copy.predict(data, verbose=0), model.predict(data, verbose=0))
    assert copy.evaluate(data, data, verbose=0) == model.evaluate(data, data, verbose=0)
    for either in (model, copy):
        either.fit(data, data, epochs=1, verbose=0, shuffle=False)
    assert_same_weights(model, copy, rtol=1e-6)


@pytest.mark.slow
def test_regression_recovers_mean_and_scale():
    """y ~ N(2 x + 1, 0.5^2), 2,000 draws; within 5 standard errors: fails once in 10^5."""
    random = np.random.default_rng(6)
    x = random.uniform(-1, 1, size=(2000, 1)).astype(np.float32)
    y = (2 * x + 1 + 0.5 * random.normal(size=x.shape)).astype(np.float32)
    normal = layers.MultivariateNormalDiag(1)
    model = keras.Sequential([keras.Input((1,)), layers.Parameters(normal)])
    model.compile(
        keras.optimizers.Adam(0.05),
        layers.NegativeLogLikelihood(normal),
        steps_per_execution=250,
        jit_compile=False,
    )
    model.fit(tf.data.Dataset.from_tensors((x, y)).repeat(250), verbose=0, shuffle=False)
    points = np.array([[-0.5], [0.0], [0.8]], np.float32)
    fitted = normal.distribution(model.predict(points, verbose=0))
    error = 0.5 / np.sqrt(2000)
    np.testing.assert_allclose(fitted.mean(), 2 * points + 1, atol=5 * 2 * error)
    np.testing.assert_allclose(fitted.stddev(), np.full((3, 1), 0.5), atol=5 * 2 * error)


@pytest.mark.parametrize("shape", [(4,), (4, 1)])
def test_column_of_targets_with_and_without_its_axis(shape):
    y = np.array([0.3, -1.0, 2.0, 0.7], np.float32)
    parameters = np.random.default_rng(8).normal(size=(4, 2)).astype(np.float32)
    loss = layers.NegativeLogLikelihood(layers.MultivariateNormalDiag(1, min_scale=0.2))
    expected = [
        -scipy.stats.norm.logpdf(value, loc, 0.2 + densities.softplus(rho))
        for value, (loc, rho) in zip(y, parameters, strict=True)
    ]
    np.testing.assert_allclose(loss(y.reshape(shape), parameters), np.mean(expected), rtol=1e-5)


@pytest.mark.parametrize("shape", [(4,), (4, 1)])
def test_column_of_classes_with_and_without_its_axis(shape):
    logits = np.random.default_rng(8).normal(size=(4, 3)).astype(np.float32)
    classes = np.array([2, 0, 1, 2])
    loss = layers.NegativeLogLikelihood(layers.Categorical(3), reduction="none")
    expected = [-np.log(densities.softmax(row)[k]) for row, k in zip(logits, classes, strict=True)]
    np.testing.assert_allclose(loss(classes.reshape(shape), logits), expected, rtol=1e-5)


@pytest.mark.slow
@pytest.mark.usefixtures("eager")
def test_parameters_and_sample_are_float32_under_a_mixed_policy(dtype_policy):
    dtype_policy("mixed_bfloat16")
    model = autoencoder()
    assert model.layers[2].compute_dtype == "bfloat16"  # The Dense layer between them.
    assert model(FEATURES).dtype == tf.float32
    losses = model.fit(FEATURES, np.abs(FEATURES) % 1, epochs=2, verbose=0).history["loss"]
    assert np.isfinite(losses).all()


def masked_features():
    """Features [3, 4, 3] of texts, and which positions are words."""
    texts = np.array([[1, 2, 3, 4], [4, 2, 0, 0], [3, 0, 0, 0]])
    return keras.layers.Embedding(5, 3, mask_zero=True), texts, texts > 0


POSTERIORS = {
    "normal": layers.MultivariateNormalDiag,
    "batch normalised": layers.BatchNormalizedNormalDiag,
    "flow": lambda units: layers.PlanarFlow(layers.MultivariateNormalDiag(units)),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", POSTERIORS)
@pytest.mark.usefixtures("eager")
def test_a_mask_reaches_the_loss(name):
    """The mean over words only, which the sum over each position's density gives."""
    embed, texts, kept = masked_features()
    target = POSTERIORS[name](2)
    model = keras.Sequential([keras.Input((4,)), embed, layers.Parameters(target)])
    randomize(model)
    y = np.random.default_rng(1).normal(size=(3, 4, 2)).astype(np.float32)
    model.compile("sgd", layers.NegativeLogLikelihood(POSTERIORS[name](2)))
    log_prob = target.distribution(model(texts)).log_prob(y).numpy()
    assert abs(log_prob.mean() - log_prob[kept].mean()) > 0.05
    found = model.evaluate(texts, y, verbose=0)
    np.testing.assert_allclose(found, -log_prob[kept].mean(), rtol=1e-4)


def test_kl_is_of_what_the_mask_keeps():
    embed, texts, kept = masked_features()
    sample = layers.Sample(
        layers.MultivariateNormalDiag(2, min_scale=0.1), prior=layers.LearnedNormalPrior(2)
    )
    model = keras.Sequential([keras.Input((4,)), embed, sample])
    randomize(model)
    model(texts)
    features = embed.embeddings.numpy()[texts]
    expected = mean_kl(sample, features[kept])
    assert abs(expected - mean_kl(sample, features.reshape(-1, 3))) > 0.05
    np.testing.assert_allclose(model.losses, [expected], rtol=1e-5)


@pytest.mark.parametrize(
    ("posterior", "prior"),
    [
        (layers.IndependentBernoulli(2), layers.BernoulliPrior(2)),
        (layers.IndependentOneHotCategorical((2, 3)), layers.OneHotCategoricalPrior(2, 3)),
    ],
)
def test_draws_without_a_gradient_have_no_prior(posterior, prior):
    with pytest.raises(ValueError, match=r"reparameterised.*received Independent"):
        layers.Sample(posterior, prior=prior)(FEATURES)
    assert layers.Sample(posterior)(FEATURES).shape[0] == 6


@pytest.mark.parametrize("depth", [0, 1])
def test_loss_of_a_distribution_with_weights_is_refused(depth):
    flow = layers.InverseAutoregressiveFlow(layers.MultivariateNormalDiag(2))
    for _ in range(depth):
        flow = layers.PlanarFlow(flow)
    with pytest.raises(ValueError, match="depends on weights of the layer"):
        layers.NegativeLogLikelihood(flow)


@pytest.mark.parametrize("shape", [(8, 6, 4), (8, 24), (6, 8, 4), (1, 4, 6)])
def test_targets_of_another_shape_are_refused(shape):
    loss = layers.NegativeLogLikelihood(layers.IndependentBernoulli((4, 6)))
    with pytest.raises(ValueError, match=r"`y`: expected the shape \[B, 4, 6\]; received \("):
        loss(np.zeros(shape, np.float32), np.zeros((8, 24), np.float32))


def test_targets_that_are_no_events_are_refused_unless_they_count_for_nothing():
    """A one-hot row of zeros is padding where its weight is 0, and an error elsewhere."""
    loss = layers.NegativeLogLikelihood(layers.OneHotCategorical(3))
    y = np.array([[[0, 1, 0], [0, 0, 0]], [[1, 0, 0], [0, 0, 1]]], np.float32)
    logits = np.random.default_rng(3).normal(size=(2, 2, 3)).astype(np.float32)
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"`y`: OneHotCategorical expects"):
        loss(y, logits)
    weights = np.array([[1, 0], [2, 1]], np.float32)
    log_prob = (np.log([densities.softmax(row) for row in logits.reshape(4, 3)])).reshape(2, 2, 3)
    expected = -(weights * (y * log_prob).sum(-1)).mean()
    np.testing.assert_allclose(loss(y, logits, weights), expected, rtol=1e-5)


@pytest.mark.parametrize("shape", [(3,), (3, 1)])
def test_weights_of_examples_reach_all_their_positions(shape):
    """As many positions as examples: by broadcasting, the weights would be those of positions."""
    normal = layers.MultivariateNormalDiag(1, min_scale=0.2)
    random = np.random.default_rng(5)
    y = random.normal(size=(3, 3, 1)).astype(np.float32)
    parameters = random.normal(size=(3, 3, 2)).astype(np.float32)
    scale = 0.2 + np.vectorize(densities.softplus)(parameters[..., 1])
    nats = -scipy.stats.norm.logpdf(y[..., 0], parameters[..., 0], scale)
    weights = np.array([0.5, 2.0, 0.0], np.float32)
    found = layers.NegativeLogLikelihood(normal)(y, parameters, weights.reshape(shape))
    np.testing.assert_allclose(found, (weights[:, np.newaxis] * nats).mean(), rtol=1e-5)


@pytest.mark.parametrize("shape", [(4, 2), (1, 4), (3,)])
def test_weights_that_would_broadcast_are_refused(shape):
    loss = layers.NegativeLogLikelihood(layers.Categorical(3))
    with pytest.raises(ValueError, match=r"`sample_weight` must have the shape \(4,\).*received"):
        loss(np.zeros(4), np.zeros((4, 3), np.float32), np.ones(shape, np.float32))


@pytest.mark.parametrize("steps", [3, None])
def test_time_distributed_layers_do_to_each_step_what_they_do_to_all(steps):
    """Their leading axes are free, so that the two ways must agree; the losses of steps add up."""
    x = np.random.default_rng(3).normal(size=(4, 3, 2)).astype("f4")
    target, posterior = layers.Categorical(5), layers.MultivariateNormalDiag(2, min_scale=0.1)
    inputs = keras.Input((steps, 2))
    parameters = keras.layers.TimeDistributed(layers.Parameters(target))(inputs)
    draws = layers.Sample(
        posterior, prior=layers.LearnedNormalPrior(2), mean_at_inference=True, seed=1
    )
    means = keras.layers.TimeDistributed(draws)(inputs)
    assert parameters.shape == (None, steps, 5)
    assert means.shape == (None, steps, 2)
    model = keras.Model(inputs, [parameters, means])
    randomize(model)
    kernel, bias = (weight.numpy() for weight in target.weights)
    loc, _ = loc_and_scale(draws, x.reshape(-1, 2))
    found = model(x)
    np.testing.assert_allclose(found[0], x @ kernel + bias, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(found[1], loc.reshape(4, 3, 2), rtol=1e-4, atol=1e-5)
    expected = sum(mean_kl(draws, x[:, step]) for step in range(3))
    np.testing.assert_allclose(sum(model.losses), expected, rtol=1e-4)


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (layers.Parameters(layers.MultivariateNormalDiag(3)), (None, 7, 6)),
        (layers.Sample(layers.Categorical(3)), (None, 7)),
        (layers.Sample(layers.IndependentOneHotCategorical((2, 3))), (None, 7, 2, 3)),
        (layers.Sample(layers.PlanarFlow(layers.MultivariateNormalDiag(3))), (None, 7, 3)),
    ],
)
def test_shapes_are_told_without_a_call(layer, shape):
    assert layer.compute_output_shape((None, 7, 4)) == shape


@pytest.mark.parametrize(
    ("layer", "instead"),
    [
        (
            layers.MultivariateNormalDiag(2),
            r"`layers.Sample\(layer\)`.*`layers.Parameters\(layer\)`",
        ),
        (layers.StandardNormalPrior(2), "as the `prior` of a `layers.Sample`"),
        (layers.Responsibilities(3), "in a `keras.Model` of your own"),
    ],
)
def test_a_distribution_is_no_output_of_a_functional_model(layer, instead):
    message = f"{type(layer).__name__}: gives a distribution.*{instead}"
    with pytest.raises(TypeError, match=message):
        layer(keras.Input((3,)))
    with pytest.raises(TypeError, match=message):
        keras.Sequential([keras.Input((3,)), layer])


NO_PRIORS = {
    "distribution": (tfd.MultivariateNormalDiag(tf.zeros(2)), "<tfp.distributions.Multivariate"),
    "tensor layer": (keras.layers.Dense(2), "<Dense name"),
    "posterior": (layers.MultivariateNormalDiag(2), "<MultivariateNormalDiag name"),
    "class": (layers.StandardNormalPrior, "<class '.*StandardNormalPrior'>"),
}


@pytest.mark.parametrize("kind", NO_PRIORS)
def test_a_prior_is_a_prior_layer(kind):
    prior, shown = NO_PRIORS[kind]
    with pytest.raises(TypeError, match=f"Sample: `prior` must be a prior layer.*received {shown}"):
        layers.Sample(layers.MultivariateNormalDiag(2), prior=prior)


@pytest.mark.parametrize("make", [layers.Sample, layers.Parameters, layers.NegativeLogLikelihood])
@pytest.mark.parametrize(
    "layer", [keras.layers.Dense(2), tfd.Normal(0.0, 1.0), layers.StandardNormalPrior(2)]
)
def test_what_they_wrap_is_a_distribution_layer(make, layer):
    with pytest.raises(TypeError, match=f"{make.__name__}: `layer` must be a distribution layer"):
        make(layer)


@pytest.mark.parametrize("units", [1, 3])
def test_a_prior_of_another_size_is_refused_by_name(units):
    sample = layers.Sample(
        layers.MultivariateNormalDiag(2), prior=layers.StandardNormalPrior(units)
    )
    message = rf"Sample: `prior`.*of shape \(2,\); received .*of shape \({units},\)"
    with pytest.raises(ValueError, match=message):
        sample(FEATURES)
    with pytest.raises(ValueError, match=message):
        sample(keras.Input((3,)))
