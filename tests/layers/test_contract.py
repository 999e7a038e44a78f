"""What every distribution layer and every prior promises: one row in `ROWS` buys all of it."""

import functools
import json

import keras
import numpy as np
import pytest
import scipy.stats
import tensorflow as tf

from tests.layers.contract_rows import DIMENSIONS, ROWS, WITHOUT_WEIGHTS
from tests.layers.random_weights import randomize
from tests.saving import assert_same_weights
from tfp_dgm import layers
from tfp_dgm.saved_arguments import SavesArguments

BASES = {
    layers.DistributionLayer,
    layers.ProjectedDistributionLayer,
    layers.VectorDistributionLayer,
    layers.Prior,
    layers.NormalizingFlowLayer,
    layers.NetworkFlowLayer,
    layers.FlowPrior,
    layers.Experts,
    layers.HiddenMarkovLayer,
    layers.OverVectors,
    layers.SeededPrior,
}
# Of these there is no density; tested in test_without_density.py.
WITHOUT_DENSITY = {layers.PointMass, layers.ImplicitPrior}
# A solver and splines are traced and compiled for seconds in each test.
SLOW = {
    layers.ContinuousFlow,
    layers.ContinuousFlowPrior,
    layers.SplineCouplingFlow,
    layers.SplineCouplingFlowPrior,
}
every_row = pytest.mark.parametrize(
    "row",
    [pytest.param(row, marks=pytest.mark.slow if row.layer in SLOW else ()) for row in ROWS],
    ids=[row.layer.__name__ for row in ROWS],
)


@keras.saving.register_keras_serializable(package="tests")
class LogProb(SavesArguments, keras.Model):
    """A model that owns one distribution layer: features [B, D] and events -> [B]."""

    def __init__(self, layer, **kwargs):
        super().__init__(**kwargs)
        self.layer = layer

    def build(self, input_shape):
        row_of(self.layer).build(self.layer, input_shape[0])
        self.built = True

    def call(self, inputs):
        features, events = inputs
        return distribution_of(self.layer, features).log_prob(events)


def row_of(layer):
    return next(row for row in ROWS if row.layer is type(layer))


def distribution_of(layer, features):
    return row_of(layer).call(layer, features)


def features_of(*leading):
    return np.random.default_rng(7).normal(size=(*leading, DIMENSIONS)).astype(np.float32)


@functools.cache
def built_once(index):
    return newly_built(ROWS[index])


def built(row):
    """One layer for all tests that change nothing of it."""
    return built_once(next(index for index, other in enumerate(ROWS) if other is row))


def newly_built(row):
    """The row's layer with random weights: at their start, biases and log-scales are zeros."""
    layer = row.make()
    row.build(layer, (None, DIMENSIONS))
    randomize(layer)
    return layer


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


def test_every_class_has_a_row():
    def walk(cls):
        return {cls}.union(*map(walk, cls.__subclasses__()))

    public = {
        cls
        for cls in walk(layers.DistributionLayer) - BASES
        if cls.__module__.startswith("tfp_dgm") and not cls.__name__.startswith("_")
    }
    assert public == {row.layer for row in ROWS} | WITHOUT_DENSITY
    assert {cls.__name__ for cls in public} <= set(layers.__all__)
    registered = keras.saving.get_custom_objects()
    assert all(registered[f"tfp_dgm>{cls.__name__}"] is cls for cls in public)


def assert_equals_oracle(row, log_prob, layer, size=3):
    features, events = features_of(3)[:size], row.events[:size]
    expected = oracle(row, layer, features, events)
    np.testing.assert_allclose(log_prob(features, events), expected, rtol=2e-5, atol=2e-6)
    return expected


def log_prob_of(layer):
    return lambda features, events: distribution_of(layer, features).log_prob(events)


@every_row
def test_log_prob_equals_oracle(row):
    layer = built(row)
    expected = assert_equals_oracle(row, log_prob_of(layer), layer)
    assert np.ptp(expected) > 0.01 or row.layer is layers.SphericalUniformPrior


# One of each way to take features and to hold weights; the dtype comes in at their bases.
HALF = {
    layers.MultivariateNormalTriL,
    layers.LearnedNormalPrior,
    layers.PlanarFlow,
    layers.TokenSequence,
    layers.LinearChain,
}


# XLA compiles the operations of a class, and these have no others than the class on the right, or
# are compiled with their gradients in tests of their own.
COMPILED_AS = {
    layers.StandardNormalPrior: layers.MultivariateNormalDiag,
    layers.LearnedNormalPrior: layers.MultivariateNormalDiag,
    layers.BernoulliPrior: layers.IndependentBernoulli,
    layers.OneHotCategorical: layers.IndependentOneHotCategorical,
    layers.OneHotCategoricalPrior: layers.IndependentOneHotCategorical,
    layers.CategoricalPrior: layers.Categorical,
    layers.Responsibilities: layers.Categorical,
    layers.MixtureOfNormalsPrior: layers.VampPrior,
    layers.DependencyModelWithValence: layers.DependencyModelWithValence,
    layers.NeuralDependencyModelWithValence: layers.DependencyModelWithValence,
    layers.GaussianDependencyModelWithValence: layers.DependencyModelWithValence,
    layers.HiddenMarkovText: layers.GaussianHiddenMarkov,
    layers.NeuralHiddenMarkovText: layers.GaussianHiddenMarkov,
    layers.FactorialHiddenMarkov: layers.GaussianHiddenMarkov,
    layers.ProbabilisticContextFreeGrammar: layers.ProbabilisticContextFreeGrammar,
    layers.NeuralContextFreeGrammar: layers.ProbabilisticContextFreeGrammar,
    layers.CompoundContextFreeGrammar: layers.ProbabilisticContextFreeGrammar,
    layers.TokenSequence: layers.SeparateExperts,
    layers.AlignmentRecognition: layers.OneHotCategorical,
    layers.SharedExperts: layers.SeparateExperts,
    layers.ClusterTexts: layers.SeparateExperts,
}


@every_row
def test_log_prob_equals_oracle_in_a_graph_of_any_batch_size(row):
    """Under XLA, which compiles anew for each size, of one size."""
    layer, compiled = built(row), row.layer not in COMPILED_AS
    events = tf.TensorSpec([None, *row.events.shape[1:]], row.events.dtype)
    signature = [tf.TensorSpec([None, DIMENSIONS]), events]
    log_prob = tf.function(log_prob_of(layer), input_signature=signature, jit_compile=compiled)
    for size in (3,) if compiled else (3, 1):
        assert_equals_oracle(row, log_prob, layer, size)


@pytest.mark.parametrize(
    "row", [row for row in ROWS if row.leading_axes], ids=lambda row: row.layer.__name__
)
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


@pytest.mark.parametrize(
    ("policy", "row"),
    [
        *(("mixed_bfloat16", row) for row in ROWS),
        *(("float16", row) for row in ROWS if row.layer in HALF),
    ],
    ids=lambda value: value if isinstance(value, str) else value.layer.__name__,
)
def test_float32_under_any_policy(row, policy, dtype_policy):
    dtype_policy(policy)
    layer = newly_built(row)
    features = tf.cast(features_of(3), policy.removeprefix("mixed_"))
    log_prob = distribution_of(layer, features).log_prob(row.events)
    assert log_prob.dtype == tf.float32
    assert {weight.dtype for weight in layer.weights} <= {"float32"}
    # bfloat16 anywhere inside would be wrong in the third digit.
    rounded = tf.cast(features, tf.float32).numpy()
    expected = oracle(row, layer, rounded, row.events)
    np.testing.assert_allclose(log_prob, expected, rtol=2e-5, atol=2e-6)


class _MixedPrecision(keras.Model):
    """Calls a function of nothing."""

    def __init__(self, function):
        super().__init__(dtype="mixed_bfloat16")
        self.function = function

    def call(self, inputs):
        return self.function()


@every_row
def test_float32_inside_a_call_of_a_model_of_mixed_precision(row, request):
    if row.layer is layers.AlignedTokenSequence:
        why = "Dense maps of attention, read by a decoder of float32, are cast to bfloat16 there."
        request.applymarker(pytest.mark.xfail(reason=why, strict=True))
    layer = newly_built(row)
    features = tf.constant(features_of(3))
    model = _MixedPrecision(lambda: distribution_of(layer, features).log_prob(row.events))
    expected = oracle(row, layer, features.numpy(), row.events)
    np.testing.assert_allclose(model(tf.zeros([1])), expected, rtol=2e-5, atol=2e-6)


def test_normalized_means_inside_a_call_of_a_model_of_mixed_precision():
    """Models ask a posterior for its parameters, which is no call of the layer."""
    layer, features = layers.BatchNormalizedNormalDiag(2), tf.constant(features_of(3))
    layer.build((None, DIMENSIONS))
    randomize(layer)
    expected = layer.parameters(features, False)
    found = _MixedPrecision(lambda: layer.parameters(features, False))(tf.zeros([1]))
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-6)


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
        for given, back in zip(as_list(value), as_list(getattr(copy, name)), strict=True):
            if isinstance(given, keras.layers.Layer):
                assert back.name == given.name
                assert not back.trainable
            else:
                assert back == given


def as_list(value):
    return list(value) if isinstance(value, list | tuple) else [value]


def test_initializer_comes_back():
    layer = layers.Categorical(4, kernel_initializer=keras.initializers.Constant(0.25))
    copy = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(layer))
    copy.build((None, DIMENSIONS))
    np.testing.assert_array_equal(copy.projection.kernel, np.full((DIMENSIONS, 4), 0.25))


@every_row
def test_build_makes_every_weight(row):
    layer = row.make()
    assert layer.weights == [] or row.layer is layers.Responsibilities  # A schedule changes them.
    row.build(layer, (None, DIMENSIONS))
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
        assert np.abs(tf.convert_to_tensor(gradient)).max() > 1e-3, weight.path


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
    if not (row.support or row.more):
        assert_draws_follow_log_prob(layer, features, draws)
    parameters = parameters_of(row, layer, features[0])
    if row.moments:
        mean, covariance = row.moments(parameters)
        gaps = draws - mean
        assert_mean(gaps, np.zeros(3))
        assert_mean(gaps[:, :, None] * gaps[:, None, :], covariance)
    chances = [np.exp(row.log_prob(parameters, event)) for event in row.support]
    for event, chance in zip(row.support, chances, strict=True):
        probability = chance / sum(chances) if row.more else chance
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
    draws = draws.reshape(len(draws), -1)
    if np.allclose(np.linalg.norm(draws, axis=-1), 1.0, atol=1e-5):
        direction = draws.mean(0) / np.linalg.norm(draws.mean(0))
        concentration = 30.0  # r: von Mises-Fisher, on S^2.
        normaliser = np.log(concentration / (4 * np.pi * np.sinh(concentration)))
        log_r = normaliser + concentration * draws @ direction
        mean = (1 / np.tanh(concentration) - 1 / concentration) * direction
    elif np.allclose(draws.sum(axis=-1), 1.0, atol=1e-5):
        mean = draws.mean(0) / draws.mean(0).sum()
        whole = draws.astype(np.float64) / draws.sum(-1, keepdims=True, dtype=np.float64)
        log_r = scipy.stats.dirichlet.logpdf(whole.T, 10 * mean)
    else:
        mean, scale = np.median(draws, axis=0), 0.4 * np.std(draws, axis=0).min()
        log_r = scipy.stats.multivariate_normal.logpdf(draws, mean, scale**2)
    weights = np.exp(log_r - log_q)
    assert np.sum(weights) ** 2 / np.sum(weights**2) > 200  # Effective draws.
    assert_mean(weights, 1.0)
    assert_mean(weights[:, None] * draws, mean)


@pytest.mark.parametrize(
    "row",
    [row for row in ROWS if row.support and row.whole_support and not row.more],
    ids=lambda row: row.layer.__name__,
)
def test_probabilities_of_the_support_sum_to_one(row):
    support = np.stack(row.support)
    features = np.repeat(features_of(1), len(support), axis=0)
    log_probs = distribution_of(built(row), features).log_prob(support)
    np.testing.assert_allclose(np.exp(log_probs).sum(), 1.0, rtol=1e-5)


@pytest.mark.parametrize(
    "size", [np.int64(3), np.array([2, 3]), [np.int32(2), 3], (2, 3)], ids=repr
)
def test_sizes_are_whole_numbers_of_any_type(size):
    shape = layers.IndependentBernoulli(size).event_shape
    assert shape in ((3,), (2, 3))
    assert {type(axis) for axis in shape} == {int}


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: layers.Categorical(0), "Categorical: .* received 0"),
        (lambda: layers.IndependentBernoulli(()), r"IndependentBernoulli: .* received \(\)"),
        (lambda: layers.IndependentBernoulli((2, -1)), r"received \(2, -1\)"),
        (lambda: layers.MultivariateNormalDiag(2.5), "MultivariateNormalDiag: .* received 2.5"),
        (lambda: layers.StandardNormalPrior(0), "StandardNormalPrior: `units` .* received 0"),
        (
            lambda: layers.DependencyModelWithValence(6, 3, attachment_valences=3),
            "DependencyModelWithValence: `attachment_valences` must be 1 or 2; received 3",
        ),
        (
            lambda: layers.NeuralDependencyModelWithValence(6, 3, embedding_units=0),
            "`embedding_units` .* received 0",
        ),
        (lambda: layers.HiddenMarkovText(0, 2, 3), "HiddenMarkovText: `vocabulary_size` .* 0"),
        (lambda: layers.HiddenMarkovText(6, 2.0, 3), "`num_states` .* received 2.0"),
        (lambda: layers.HiddenMarkovText(6, 2, 0), "`max_length` .* received 0"),
        (lambda: layers.NeuralContextFreeGrammar(6, 0, 2, 3), "`num_nonterminals` .* received 0"),
        (lambda: layers.NeuralContextFreeGrammar(6, 2, 2, 2), "`max_length` .* >= 3.* received 2"),
        (lambda: layers.GaussianHiddenMarkov(2, 2, 0), "`num_steps` .* received 0"),
        (lambda: layers.GaussianHiddenMarkov(2, 2, 3, min_scale=0), "`min_scale` .* received 0"),
        (lambda: layers.FactorialHiddenMarkov(2, 0, 2, 3), "`num_chains` .* received 0"),
        (lambda: layers.Multinomial(3, total_count=-1), "`total_count` must be >= 0; received -1"),
        (lambda: layers.PowerSpherical(1), "PowerSpherical: `units` must be >= 2; received 1"),
        (lambda: layers.PowerSpherical(3, concentration=-1), "`concentration` .* received -1"),
        (lambda: layers.EmbeddedTopics(4, 0), "EmbeddedTopics: `vector_units` .* received 0"),
        (lambda: layers.BatchNormalizedNormalDiag(3, gamma=0), "`gamma` .* received 0"),
        (lambda: layers.MixtureOfNormalsPrior(3, 0), "`num_components` .* received 0"),
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


OF_TEXTS = {
    layers.DependencyModelWithValence,
    layers.NeuralDependencyModelWithValence,
    layers.HiddenMarkovText,
    layers.NeuralHiddenMarkovText,
    layers.ClusterTexts,
    layers.AlignedTokenSequence,
    layers.TokenSequence,
    layers.PointerSequence,
    layers.SharedExperts,
    layers.SeparateExperts,
}
OF_PARSED_TEXTS = {
    layers.ProbabilisticContextFreeGrammar,
    layers.NeuralContextFreeGrammar,
    layers.CompoundContextFreeGrammar,
}
OF_TOPICS = {layers.ProductOfTopics, layers.MixtureOfTopics, layers.EmbeddedTopics}
# Values for one event that its layer refuses; of any other layer's, one number is NaN.
OUTSIDE = {
    layers.IndependentBernoulli: [
        np.full((2, 3), 1.5),
        np.full((2, 3), -0.1),
        np.full((2, 3), 255),
    ],
    layers.Categorical: [1.7, 4, -1],
    layers.LinearChain: [[0, 1, 2, 3, 0], [0, 0, -2, 0, 0], [0, 0.5, 0, 0, 0]],
    layers.OneHotCategorical: [[1, 1, 1, 0], [0, 0, 0, 0], [2, -1, 0, 0]],
    layers.IndependentOneHotCategorical: [[[1, 0, 0], [1, 1, 1]]],
    layers.BagOfWords: [[2, -1, 0, 0], [np.inf, 0, 0, 0]],
    **{key: [[2, -1, 0, 0], [np.inf, 0, 0, 0]] for key in OF_TOPICS},
    layers.Multinomial: [[2, 0, 1, 1], [2.5, 0.5, 1, 1], [-1, 4, 1, 1]],
    layers.PowerSpherical: [[1, 1, 0], [0, 0, 0]],
    layers.SphericalUniformPrior: [[1, 1, 0]],
    layers.CategoricalPrior: [1.7, 4],
    layers.BernoulliPrior: [[0, 1, 2]],
    layers.OneHotCategoricalPrior: [[[1, 0, 0], [1, 1, 1]]],
    layers.Responsibilities: [5],
    layers.ExpertRecognition: [[1, 1, 0, 0]],
    layers.AlignmentRecognition: [[1, 1, 0, 0]],
    layers.GaussianHiddenMarkov: [[[1, np.nan], [1, 1]], [[np.inf, 1], [1, 1]]],
    **{key: [[4, 1], [4, 6], [-1, 2], [2, 4], [0, 4]] for key in OF_TEXTS},
    **{key: [[4, 1, 2], [4, 6, 2], [4, 4, 4], [4, 2, 0]] for key in OF_PARSED_TEXTS},
}
# Surrogates that are in common use: grey pixels, smoothed labels, damped counts.
SOFT = {
    layers.IndependentBernoulli: np.full((2, 3), 0.3),
    layers.OneHotCategorical: [0.7, 0.1, 0.1, 0.1],
    layers.IndependentOneHotCategorical: [[0.8, 0.1, 0.1], [1, 0, 0]],
    **{key: [0.69, 0, 1.1, 0] for key in {layers.BagOfWords, *OF_TOPICS}},
}


@every_row
def test_events_are_told_from_other_values(row):
    layer = row.make()
    layer.check_events(row.events, "`y`")
    if row.support:
        layer.check_events(np.stack(row.support), "`y`")
    if row.layer in SOFT:
        layer.check_events(np.stack([SOFT[row.layer]]), "`y`")
    of_texts = row.layer in OF_TEXTS | OF_PARSED_TEXTS
    dtype = np.int32 if of_texts else np.float32
    events = tf.TensorSpec([None, *row.events.shape[1:]], dtype)
    check = tf.function(lambda y: layer.check_events(y, "`y`"), input_signature=[events])
    for wrong in [*OUTSIDE.get(row.layer, []), *([] if of_texts else [np.nan])]:
        values = row.events.astype(dtype)
        values[1] = wrong
        with pytest.raises(tf.errors.InvalidArgumentError) as caught:
            check(values)
        name = row.layer.__name__
        assert f"[`y`: {name} expects {layer.support.description}; received]" in str(caught.value)
        assert "[in row] [1]" in str(caught.value)


@every_row
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
