"""What every distribution layer and every prior promises: one row in `ROWS` buys all of it."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np
import pytest
import scipy.integrate
import scipy.special
import scipy.stats
import tensorflow as tf
from tensorflow_probability import distributions as tfd

from tests.references import densities, flows
from tests.saving import assert_same_weights
from tfp_dgm import layers

DIMENSIONS = 5  # D, of the features
BASES = {layers.DistributionLayer, layers.VectorDistributionLayer, layers.Prior}


@dataclass(frozen=True)
class Row:
    """One layer with arguments that are not its defaults.

    Attributes:
      layer: its class.
      arguments: of the constructor.
      events: three events.
      log_prob: oracle of one event, from the parameters of one row (a prior's weights).
      support: every event, where they can be enumerated.
      moments: oracle of mean and covariance, where they cannot.
      parameters: of one row of features, from the layer; the flat projection where None.
      num_fixed: weights that training does not change by gradients.
    """

    layer: type[keras.layers.Layer]
    arguments: dict[str, Any]
    events: np.ndarray
    log_prob: Callable[[np.ndarray, np.ndarray], float]
    support: list[np.ndarray] = field(default_factory=list)
    moments: Callable[[Any], tuple[np.ndarray, np.ndarray]] | None = None
    parameters: Callable[[keras.layers.Layer, np.ndarray], Any] | None = None
    num_fixed: int = 0

    def make(self, **kwargs):
        """A new layer; parts that are layers are new too."""
        arguments = {
            name: type(value).from_config(value.get_config())
            if isinstance(value, keras.layers.Layer)
            else value
            for name, value in self.arguments.items()
        }
        return self.layer(**arguments, **kwargs)

    @property
    def is_prior(self) -> bool:
        return issubclass(self.layer, layers.Prior)


def normal_diag(parameters):
    scale = [0.1 + densities.softplus(rho) for rho in parameters[3:]]
    return parameters[:3], np.diag(np.square(scale))


def normal_tril(parameters):
    factor = densities.tril_of_3(parameters[3:], 0.2)
    return parameters[:3], factor @ factor.T


def normal_learned(parameters):
    return parameters[:3], np.diag(np.exp(2 * parameters[3:]))


def normal_standard(parameters):
    return np.zeros(3), np.eye(3)


def float64(weight):
    return np.asarray(weight, np.float64)


def projected(layer, features):
    kernel, bias = map(float64, layer.weights)
    return np.asarray(features, np.float64) @ kernel + bias


def normal_batch_normalized(layer, features):
    """Parameters as of the plain Normal, from the moving averages."""
    parameters = projected(layer.projection, features)
    mean, variance = map(float64, layer.normalization.weights)
    spread = (parameters[:3] - mean) / np.sqrt(variance + 1e-5)
    return np.concatenate([0.7 * spread + float64(layer.beta), parameters[3:]])


def planar_parameters(layer, features):
    base, flow = projected(layer.base.projection, features), projected(layer.projection, features)
    return base, [(part[:3], part[3:6], part[6]) for part in np.split(flow, 2)]


def planar_log_prob(parameters, event):
    base, parts = parameters
    total, y = 0.0, np.asarray(event, np.float64)
    for u, w, b in reversed(parts):
        y = flows.planar_inverse(u, w, b, y)
        total -= flows.log_det_jacobian(flows.planar(u, w, b), y)
    return total + log_prob_from(normal_diag)(base, y)


def autoregressive_parameters(layer, features):
    context = projected(layer.projection, features)
    base = projected(layer.base.projection, features)
    return base, context, [[float64(w) for w in network.weights] for network in layer.networks]


def inverse_autoregressive_log_prob(parameters, event):
    base, context, networks = parameters
    total, y = 0.0, np.asarray(event, np.float64)
    for index in reversed(range(len(networks))):
        reverse = index % 2 == 1
        forward = flows.autoregressive(networks[index], context, reverse, [4])
        y = flows.autoregressive_inverse(forward, y, reverse)
        total -= flows.log_det_jacobian(forward, y)
    return total + log_prob_from(normal_tril)(base, y)


def network_weights(layer, features):
    return [[float64(w) for w in network.weights] for network in layer.networks]


def masked_autoregressive_log_prob(networks, event):
    """From the event to the noise, through the first network last."""
    total, x = 0.0, np.asarray(event, np.float64)
    for index, weights in enumerate(networks):
        to_noise = flows.autoregressive(weights, None, index % 2 == 1, [4, 5])
        total += flows.log_det_jacobian(to_noise, x)
        x = to_noise(x)
    return total + scipy.stats.norm.logpdf(x).sum()


def spherical(parameters):
    """Direction, concentration and the density of the cosine, normalised by quadrature."""
    direction = parameters[:3] / np.linalg.norm(parameters[:3])
    concentration = 4.5 if len(parameters) == 3 else 0.3 + 3 * densities.softplus(parameters[3])
    total, _ = scipy.integrate.quad(lambda t: (1 + t) ** concentration, -1, 1)  # On S^2.
    return direction, concentration, total


def power_spherical_log_prob(parameters, event):
    direction, concentration, total = spherical(parameters)
    cosine = np.dot(direction, np.asarray(event, np.float64))
    return concentration * np.log1p(cosine) - np.log(2 * np.pi * total)


def power_spherical_moments(parameters):
    direction, concentration, total = spherical(parameters)
    first, second = (
        scipy.integrate.quad(lambda t, n=n: t**n * (1 + t) ** concentration / total, -1, 1)[0]
        for n in (1, 2)
    )
    along = np.outer(direction, direction)
    return first * direction, (second - first**2) * along + (1 - second) / 2 * (np.eye(3) - along)


def mixture(parameters):
    """Weights, means and standard deviations of K Normals."""
    logits, numbers = parameters[:4], parameters[4:].reshape(2, 4, 3)
    return densities.softmax(logits), numbers[0], np.exp(numbers[1])


def mixture_of_pseudo_posteriors(parameters):
    loc, rho = np.split(np.tanh(parameters.reshape(5, 6)), 2, axis=1)
    return np.full(5, 0.2), loc, 0.1 + np.vectorize(densities.softplus)(rho)


def mixture_log_prob(components):
    def log_prob(parameters, event):
        weights, loc, scale = components(parameters)
        terms = [
            densities.normal_diag_log_prob(m, s, event) for m, s in zip(loc, scale, strict=True)
        ]
        return scipy.special.logsumexp(terms, b=weights)

    return log_prob


def mixture_moments(components):
    def moments(parameters):
        weights, loc, scale = components(parameters)
        mean = weights @ loc
        second = np.einsum("k,ki,kj->ij", weights, loc, loc) + np.diag(weights @ scale**2)
        return mean, second - np.outer(mean, mean)

    return moments


def pseudo_posterior(pseudo_inputs):
    loc, rho = tf.split(pseudo_inputs, 2, axis=-1)
    return tfd.MultivariateNormalDiag(loc, 0.1 + tf.nn.softplus(rho))


def log_prob_from(moments):
    return lambda parameters, event: scipy.stats.multivariate_normal.logpdf(
        event, *moments(parameters)
    )


def one_hot_pair_log_prob(parameters, event):
    return sum(
        np.log(densities.softmax(logits))[np.argmax(one_hot)]
        for logits, one_hot in zip(np.reshape(parameters, (2, 3)), event, strict=True)
    )


def categorical_log_prob(parameters, event):
    return np.log(densities.softmax(parameters))[int(event)]


POINTS = np.array([[0.3, -1.2, 2.0], [-0.7, 0.1, 0.4], [1.5, 1.0, -2.2]], np.float32)
CLASSES = np.array([2, 0, 3])
ONE_HOT = np.eye(4, dtype=np.float32)
COUNTS = np.array([[2, 0, 1, 2], [5, 0, 0, 0], [1, 1, 2, 1]], np.float32)
PIXELS = np.array([[[1, 0, 1], [1, 1, 0]], [[0, 0, 1], [0, 1, 0]], [[1, 1, 1], [0, 0, 1]]], "f4")
ALL_PIXELS = [np.reshape(bits, (2, 3)).astype("f4") for bits in np.ndindex(*[2] * 6)]

DIRECTIONS = POINTS / np.linalg.norm(POINTS, axis=1, keepdims=True)
WITHOUT_WEIGHTS = {layers.StandardNormalPrior, layers.SphericalUniformPrior}
# What a model gives its layers besides features.
CALL_ARGUMENTS = {layers.VampPrior: {"posterior": pseudo_posterior}}
# Two variables of three values each.
ONE_HOT_PAIRS = np.stack([np.eye(3, dtype="f4")[list(pair)] for pair in np.ndindex(3, 3)])

ROWS = [
    Row(
        layers.MultivariateNormalDiag,
        {"units": 3, "min_scale": 0.1},
        POINTS,
        log_prob_from(normal_diag),
        moments=normal_diag,
    ),
    Row(
        layers.MultivariateNormalTriL,
        {"units": 3, "min_scale": 0.2},
        POINTS,
        log_prob_from(normal_tril),
        moments=normal_tril,
    ),
    Row(
        layers.IndependentBernoulli,
        {"event_shape": (2, 3)},
        PIXELS,
        densities.bernoulli_log_prob,
        support=ALL_PIXELS,
    ),
    Row(
        layers.Categorical,
        {"units": 4},
        CLASSES,
        categorical_log_prob,
        support=list(range(4)),
    ),
    Row(
        layers.OneHotCategorical,
        {"units": 4},
        ONE_HOT[CLASSES],
        lambda parameters, event: categorical_log_prob(parameters, np.argmax(event)),
        support=list(ONE_HOT),
    ),
    # Draws of the layer have one token each; tests/distributions has longer texts.
    Row(layers.BagOfWords, {"units": 4}, COUNTS, densities.tokens_log_prob, support=list(ONE_HOT)),
    Row(
        layers.Multinomial,
        {"units": 4, "total_count": 5.0},
        COUNTS,
        densities.multinomial_log_prob,
        support=densities.count_vectors(4, 5),
    ),
    Row(
        layers.StandardNormalPrior,
        {"units": 3},
        POINTS,
        log_prob_from(normal_standard),
        moments=normal_standard,
    ),
    Row(
        layers.LearnedNormalPrior,
        {"units": 3},
        POINTS,
        log_prob_from(normal_learned),
        moments=normal_learned,
    ),
    Row(
        layers.BatchNormalizedNormalDiag,
        {"units": 3, "gamma": 0.7, "momentum": 0.9, "min_scale": 0.1},
        POINTS,
        log_prob_from(normal_diag),
        moments=normal_diag,
        parameters=normal_batch_normalized,
        num_fixed=2,
    ),
    Row(
        layers.PlanarFlow,
        {"base": layers.MultivariateNormalDiag(3, min_scale=0.1), "num_flows": 2},
        POINTS,
        planar_log_prob,
        parameters=planar_parameters,
    ),
    Row(
        layers.InverseAutoregressiveFlow,
        {
            "base": layers.MultivariateNormalTriL(3, min_scale=0.2),
            "num_flows": 2,
            "hidden_units": (4,),
            "context_units": 2,
        },
        POINTS,
        inverse_autoregressive_log_prob,
        parameters=autoregressive_parameters,
    ),
    Row(
        layers.PowerSpherical,
        {"units": 3, "min_concentration": 0.3},
        DIRECTIONS,
        power_spherical_log_prob,
        moments=power_spherical_moments,
    ),
    Row(
        layers.PowerSpherical,
        {"units": 3, "concentration": 4.5},
        DIRECTIONS,
        power_spherical_log_prob,
        moments=power_spherical_moments,
    ),
    Row(
        layers.SphericalUniformPrior,
        {"units": 3},
        DIRECTIONS,
        lambda parameters, event: -np.log(4 * np.pi),
        moments=lambda parameters: (np.zeros(3), np.eye(3) / 3),
    ),
    Row(
        layers.MixtureOfNormalsPrior,
        {"units": 3, "num_components": 4},
        POINTS,
        mixture_log_prob(mixture),
        moments=mixture_moments(mixture),
    ),
    Row(
        layers.VampPrior,
        {
            "units": 3,
            "num_components": 5,
            "pseudo_input_shape": (6,),
            "activation": keras.activations.tanh,
        },
        POINTS,
        mixture_log_prob(mixture_of_pseudo_posteriors),
        moments=mixture_moments(mixture_of_pseudo_posteriors),
    ),
    Row(
        layers.AutoregressiveFlowPrior,
        {"units": 3, "num_flows": 2, "hidden_units": (4, 5)},
        POINTS,
        masked_autoregressive_log_prob,
        parameters=network_weights,
    ),
    Row(
        layers.CategoricalPrior,
        {"units": 4},
        CLASSES,
        categorical_log_prob,
        support=list(range(4)),
    ),
    Row(
        layers.IndependentOneHotCategorical,
        {"event_shape": (2, 3)},
        ONE_HOT_PAIRS[[1, 5, 6]],
        one_hot_pair_log_prob,
        support=list(ONE_HOT_PAIRS),
    ),
    Row(
        layers.BernoulliPrior,
        {"units": 3},
        PIXELS[:, 0],
        densities.bernoulli_log_prob,
        support=[np.array(bits, "f4") for bits in np.ndindex(2, 2, 2)],
    ),
    Row(
        layers.OneHotCategoricalPrior,
        {"units": 2, "num_values": 3},
        ONE_HOT_PAIRS[[1, 5, 6]],
        one_hot_pair_log_prob,
        support=list(ONE_HOT_PAIRS),
    ),
]
every_row = pytest.mark.parametrize("row", ROWS, ids=[row.layer.__name__ for row in ROWS])


@keras.saving.register_keras_serializable(package="tests")
class LogProb(keras.Model):
    """A model that owns one distribution layer: features [B, D] and events -> [B]."""

    def __init__(self, layer, **kwargs):
        super().__init__(**kwargs)
        self.layer = layer

    def build(self, input_shape):
        self.layer.build(input_shape[0])
        self.built = True

    def call(self, inputs):
        features, events = inputs
        return distribution_of(self.layer, features).log_prob(events)

    def get_config(self):
        config = super().get_config()
        return {**config, "layer": keras.saving.serialize_keras_object(self.layer)}

    @classmethod
    def from_config(cls, config):
        layer = keras.saving.deserialize_keras_object(config["layer"])
        return cls(**{**config, "layer": layer})


def distribution_of(layer, features):
    return layer(features, **CALL_ARGUMENTS.get(type(layer), {}))


def features_of(*leading):
    return np.random.default_rng(7).normal(size=(*leading, DIMENSIONS)).astype(np.float32)


def built(row, **kwargs):
    """The row's layer with random weights: at their start, biases and log-scales are zeros."""
    layer = row.make(**kwargs)
    layer.build((None, DIMENSIONS))
    randomize(layer)
    return layer


def randomize(layer):
    random = np.random.default_rng(3)
    for weight in layer.weights:
        values = random.normal(scale=0.6, size=weight.shape)
        weight.assign(np.abs(values) if weight.name == "moving_variance" else values)


def parameters_of(row, layer, features):
    """The parameters of one row of features [D], in float64; flat where the row says no more."""
    if row.parameters is not None:
        return row.parameters(layer, features)
    weights = [np.asarray(weight, np.float64) for weight in layer.weights]
    if row.is_prior:
        return np.concatenate([np.zeros(0), *map(np.ravel, weights)])
    kernel, bias = weights
    return np.asarray(features, np.float64) @ kernel + bias


def oracle(row, layer, features, events):
    """Log-probabilities of events [..., *event shape], one after the other."""
    result = np.zeros(features.shape[:-1])
    for index in np.ndindex(*result.shape):
        result[index] = row.log_prob(parameters_of(row, layer, features[index]), events[index])
    return result


@pytest.mark.parametrize("base", [layers.DistributionLayer, layers.Prior])
def test_every_public_class_has_a_row(base):
    def walk(cls):
        return {cls}.union(*map(walk, cls.__subclasses__()))

    public = {
        cls
        for cls in walk(base) - BASES
        if cls.__module__.startswith("tfp_dgm") and not cls.__name__.startswith("_")
    }
    assert public == {row.layer for row in ROWS if issubclass(row.layer, base)}
    assert {cls.__name__ for cls in public} <= set(layers.__all__)


@every_row
@pytest.mark.parametrize("mode", ["eager", "graph", "xla"])
def test_log_prob_equals_oracle(row, mode):
    layer, features = built(row), features_of(3)

    def log_prob(features, events):
        return distribution_of(layer, features).log_prob(events)

    if mode != "eager":
        log_prob = tf.function(log_prob, jit_compile=mode == "xla")
    expected = oracle(row, layer, features, row.events)
    assert np.ptp(expected) > 0.01 or row.layer is layers.SphericalUniformPrior
    np.testing.assert_allclose(log_prob(features, row.events), expected, rtol=2e-5, atol=2e-6)


@every_row
def test_batch_size_may_be_unknown(row):
    layer, features = built(row), features_of(3)
    events = tf.TensorSpec([None, *row.events.shape[1:]], row.events.dtype)

    @tf.function(input_signature=[tf.TensorSpec([None, DIMENSIONS]), events])
    def log_prob(features, events):
        return distribution_of(layer, features).log_prob(events)

    expected = oracle(row, layer, features, row.events)
    for size in (3, 1):
        actual = log_prob(features[:size], row.events[:size])
        np.testing.assert_allclose(actual, expected[:size], rtol=2e-5, atol=2e-6)


@every_row
def test_leading_axes_pass_through(row):
    layer, features = built(row), features_of(2, 3)
    events = np.stack([row.events, row.events[::-1]])  # [S, B, ...]
    distribution = distribution_of(layer, features)
    assert distribution.batch_shape == (() if row.is_prior else (2, 3))
    expected = oracle(row, layer, features, events)
    np.testing.assert_allclose(distribution.log_prob(events), expected, rtol=2e-5, atol=2e-6)


@every_row
def test_batch_and_event_shapes(row):
    distribution = distribution_of(built(row), features_of(3))
    assert distribution.batch_shape == (() if row.is_prior else (3,))
    assert distribution.event_shape == row.events.shape[1:]
    assert distribution.sample(2, seed=(1, 2)).shape[1:] == (
        row.events.shape[1:] if row.is_prior else row.events.shape
    )


@every_row
@pytest.mark.parametrize("policy", ["mixed_bfloat16", "float16"])
def test_float32_under_any_policy(row, policy, dtype_policy):
    dtype_policy(policy)
    layer = built(row)
    features = tf.cast(features_of(3), policy.removeprefix("mixed_"))
    log_prob = distribution_of(layer, features).log_prob(row.events)
    assert log_prob.dtype == tf.float32
    assert {weight.dtype for weight in layer.weights} <= {"float32"}
    # bfloat16 anywhere inside would be wrong in the third digit.
    rounded = tf.cast(features, tf.float32).numpy()
    expected = oracle(row, layer, rounded, row.events)
    np.testing.assert_allclose(log_prob, expected, rtol=2e-5, atol=2e-6)


@every_row
def test_config_comes_back_through_json(row):
    layer = row.make(name="given", trainable=False)
    config = json.loads(json.dumps(keras.saving.serialize_keras_object(layer)))
    copy = keras.saving.deserialize_keras_object(config)
    assert type(copy) is row.layer
    assert copy.name == "given"
    assert not copy.trainable
    assert copy.get_config() == layer.get_config()
    for name, value in row.arguments.items():
        if isinstance(value, keras.layers.Layer):
            assert getattr(copy, name).get_config() == {**value.get_config(), "trainable": False}
        else:
            assert getattr(copy, name) == value


def test_initializer_comes_back():
    layer = layers.Categorical(4, kernel_initializer=keras.initializers.Constant(0.25))
    copy = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(layer))
    copy.build((None, DIMENSIONS))
    np.testing.assert_array_equal(copy.projection.kernel, np.full((DIMENSIONS, 4), 0.25))


@every_row
def test_build_makes_every_weight(row):
    layer = row.make()
    assert layer.weights == []
    layer.build((None, DIMENSIONS))
    paths = [weight.path for weight in layer.weights]
    assert layer.built
    assert bool(paths) == (row.layer not in WITHOUT_WEIGHTS)
    distribution_of(layer, features_of(3)).log_prob(row.events)
    assert [weight.path for weight in layer.weights] == paths


@every_row
def test_keras_file_brings_every_weight_back(row, tmp_path):
    model = LogProb(row.make())
    inputs = (features_of(3), row.events)
    model.build([np.shape(value) for value in inputs])
    randomize(model)
    before = model(inputs)
    model.save(tmp_path / "model.keras")
    copy = keras.saving.load_model(tmp_path / "model.keras")
    assert_same_weights(model, copy)
    np.testing.assert_array_equal(copy(inputs), before)


@every_row
def test_gradient_reaches_every_trainable_weight(row):
    layer = built(row)
    with tf.GradientTape() as tape:
        log_prob = tf.reduce_sum(distribution_of(layer, features_of(3)).log_prob(row.events))
    weights = layer.trainable_weights
    gradients = tape.gradient(log_prob, [weight.value for weight in weights])
    assert len(weights) + row.num_fixed == len(layer.weights)
    for weight, gradient in zip(weights, gradients, strict=True):
        assert np.abs(gradient).max() > 1e-3, weight.path


@every_row
def test_a_frozen_layer_gives_its_parent_nothing_to_train(row):
    model = LogProb(row.make(trainable=False))
    model.build([(None, DIMENSIONS), row.events.shape])
    assert model.trainable_variables == []
    model.layer.trainable = True
    assert len(model.trainable_variables) + row.num_fixed == len(model.weights)


@every_row
def test_draws_follow_the_oracle(row):
    """20,000 draws within 5 standard errors of the oracle: fails once in 10^6 per number."""
    layer, features, size = built(row), features_of(1), 20_000
    draws = distribution_of(layer, features).sample(size, seed=(5, 11)).numpy()
    if not row.is_prior:
        draws = draws[:, 0]
    if not row.support:
        assert_draws_follow_log_prob(layer, features, draws)
    parameters = parameters_of(row, layer, features[0])
    if row.moments:
        mean, covariance = row.moments(parameters)
        gaps = draws - mean
        assert_mean(gaps, np.zeros(3))
        assert_mean(gaps[:, :, None] * gaps[:, None, :], covariance)
    for event in row.support:
        probability = np.exp(row.log_prob(parameters, event))
        share = np.mean((draws == event).reshape(size, -1).all(axis=1))
        error = np.sqrt(probability * (1 - probability) / size)
        assert abs(share - probability) < 5 * error + 1e-12


def assert_mean(draws, expected):
    """The mean of the draws [N, ...] within 5 of its standard errors."""
    error = draws.std(0) / np.sqrt(len(draws))
    np.testing.assert_array_less(np.abs(draws.mean(0) - expected), 5 * error + 1e-7)


def assert_draws_follow_log_prob(layer, features, draws):
    """E_q[f(z) r(z) / q(z)] = E_r[f(z)] for a narrow r: q integrates to 1 and is what is drawn."""
    log_q = distribution_of(layer, features).log_prob(draws[:, None]).numpy().ravel()
    if np.allclose(np.linalg.norm(draws, axis=-1), 1.0, atol=1e-5):
        direction = draws.mean(0) / np.linalg.norm(draws.mean(0))
        concentration = 30.0  # r: von Mises-Fisher, on S^2.
        normaliser = np.log(concentration / (4 * np.pi * np.sinh(concentration)))
        log_r = normaliser + concentration * draws @ direction
        mean = (1 / np.tanh(concentration) - 1 / concentration) * direction
    else:
        mean, scale = np.median(draws, axis=0), 0.4 * np.std(draws, axis=0).min()
        log_r = scipy.stats.multivariate_normal.logpdf(draws, mean, scale**2)
    weights = np.exp(log_r - log_q)
    assert np.sum(weights) ** 2 / np.sum(weights**2) > 200  # Effective draws.
    assert_mean(weights, 1.0)
    assert_mean(weights[:, None] * draws, mean)


@pytest.mark.parametrize(
    "row", [row for row in ROWS if row.support], ids=lambda row: row.layer.__name__
)
def test_probabilities_of_the_support_sum_to_one(row):
    support = np.stack(row.support)
    features = np.repeat(features_of(1), len(support), axis=0)
    log_probs = built(row)(features).log_prob(support)
    np.testing.assert_allclose(np.exp(log_probs).sum(), 1.0, rtol=1e-5)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: layers.Categorical(0), "Categorical: .* received 0"),
        (lambda: layers.IndependentBernoulli(()), r"IndependentBernoulli: .* received \(\)"),
        (lambda: layers.IndependentBernoulli((2, -1)), r"received \(2, -1\)"),
        (lambda: layers.StandardNormalPrior(0), "StandardNormalPrior: `units` .* received 0"),
        (lambda: layers.Multinomial(3, total_count=-1), "`total_count` must be >= 0; received -1"),
        (lambda: layers.PowerSpherical(1), "PowerSpherical: `units` must be >= 2; received 1"),
        (lambda: layers.PowerSpherical(3, concentration=-1), "`concentration` .* received -1"),
        (lambda: layers.BatchNormalizedNormalDiag(3, gamma=0), "`gamma` .* received 0"),
        (lambda: layers.MixtureOfNormalsPrior(3, 0), "`num_components` .* received 0"),
        (lambda: layers.VampPrior(3, 2, (4,))(None), "needs `posterior`"),
        (lambda: layers.AutoregressiveFlowPrior(3, num_flows=0), "`num_flows` .* received 0"),
        (
            lambda: layers.PlanarFlow(layers.MultivariateNormalDiag(3), num_flows=0),
            "PlanarFlow: `num_flows` .* received 0",
        ),
        (lambda: layers.Categorical(4).distribution(tf.zeros([2, 3])), r"\[..., 4\] .* \(2, 3\)"),
    ],
)
def test_errors_name_argument_expected_and_received(make, message):
    with pytest.raises(ValueError, match=message):
        make()


# Values for one event that its layer refuses; of any other layer's, one number is NaN.
OUTSIDE = {
    layers.IndependentBernoulli: [
        np.full((2, 3), 1.5),
        np.full((2, 3), -0.1),
        np.full((2, 3), 255),
    ],
    layers.Categorical: [1.7, 4, -1],
    layers.OneHotCategorical: [[1, 1, 1, 0], [0, 0, 0, 0], [2, -1, 0, 0]],
    layers.IndependentOneHotCategorical: [[[1, 0, 0], [1, 1, 1]]],
    layers.BagOfWords: [[2, -1, 0, 0], [np.inf, 0, 0, 0]],
    layers.Multinomial: [[2, 0, 1, 1], [2.5, 0.5, 1, 1], [-1, 4, 1, 1]],
    layers.PowerSpherical: [[1, 1, 0], [0, 0, 0]],
}
# Surrogates that are in common use: grey pixels, smoothed labels, damped counts.
SOFT = {
    layers.IndependentBernoulli: np.full((2, 3), 0.3),
    layers.OneHotCategorical: [0.7, 0.1, 0.1, 0.1],
    layers.IndependentOneHotCategorical: [[0.8, 0.1, 0.1], [1, 0, 0]],
    layers.BagOfWords: [0.69, 0, 1.1, 0],
}
every_layer = pytest.mark.parametrize(
    "row", [row for row in ROWS if not row.is_prior], ids=lambda row: row.layer.__name__
)


@every_layer
def test_events_are_told_from_other_values(row):
    layer = row.make()
    layer.check_events(row.events, "`y`")
    if row.support:
        layer.check_events(np.stack(row.support), "`y`")
    if row.layer in SOFT:
        layer.check_events(np.stack([SOFT[row.layer]]), "`y`")
    events = tf.TensorSpec([None, *row.events.shape[1:]], tf.float32)
    check = tf.function(lambda y: layer.check_events(y, "`y`"), input_signature=[events])
    for wrong in [np.nan, *OUTSIDE.get(row.layer, [])]:
        values = row.events.astype(np.float32)
        values[1] = wrong
        with pytest.raises(tf.errors.InvalidArgumentError) as caught:
            check(values)
        name = row.layer.__name__
        assert f"[`y`: {name} expects {layer.support}; received]" in str(caught.value)
        assert "[in row] [1]" in str(caught.value)


@every_layer
def test_events_of_another_shape_are_refused(row):
    layer = row.make()
    for values in (row.events[..., np.newaxis], row.events[0][np.newaxis, np.newaxis]):
        with pytest.raises(ValueError, match=r"`y`: expected the shape \[B.*; received \("):
            layer.check_events(values, "`y`")


def test_values_that_are_never_used_are_anything():
    values = np.array([[np.inf, 7.0], [1.0, 0.0]], np.float32)
    layer = layers.IndependentBernoulli(2)
    layer.check_events(values, "`y`", unless=tf.constant([True, False]))
    with pytest.raises(tf.errors.InvalidArgumentError, match="values from 0 to 1"):
        layer.check_events(values, "`y`", unless=tf.constant([False, True]))
