"""Texts as a distribution: against NumPy's recursion, and against enumeration of all texts."""

import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf
from tensorflow_probability import distributions as tfd

from tests.references.recurrent_text import lstm_log_prob, weights_of
from tfp_dgm import layers, networks
from tfp_dgm.distributions import TokenSequence
from tfp_dgm.distributions.linear_softmax import linear_log_softmax, rough_log_softmax

V, Z = 6, 3
TEXTS = np.array([[4, 5, 3, 2], [3, 2, 0, 0], [2, 0, 0, 0]], np.int32)  # [B, T]


def randomize(layer, scale=0.7):
    random = np.random.default_rng(5)
    for weight in layer.weights:
        weight.assign(random.normal(scale=scale, size=weight.shape))
    return layer


@pytest.fixture(scope="module")
def likelihood():
    decoder = networks.LSTMDecoder(V, 5, conditioning_units=Z, embedding_units=4)
    layer = layers.TokenSequence(decoder, max_length=3)
    layer.build()
    return randomize(layer)


def conditioning(*leading):
    return np.random.default_rng(8).normal(size=(*leading, Z)).astype(np.float32)


def oracle(likelihood, z, row):
    weights = weights_of(likelihood.decoder)
    return lstm_log_prob(weights, z, [token for token in row if token])


@pytest.mark.parametrize("positions_at_once", [None, 2])
@pytest.mark.parametrize("mode", ["eager", "graph"])
def test_log_prob_equals_numpy_recursion(likelihood, mode, positions_at_once):
    z = conditioning(2, 3)  # [S, B, Z]

    def log_prob(z, texts):
        return likelihood(z, positions_at_once=positions_at_once).log_prob(texts)

    run = log_prob if mode == "eager" else tf.function(log_prob)
    expected = [[oracle(likelihood, z[s, b], TEXTS[b]) for b in range(3)] for s in range(2)]
    assert np.ptp(expected) > 1
    np.testing.assert_allclose(run(z, TEXTS), expected, rtol=2e-5)


@pytest.mark.slow
def test_log_prob_compiles_under_xla(likelihood):
    """Quicker: `test_log_prob_equals_oracle_in_a_graph_of_any_batch_size`, of experts."""
    z = conditioning(3)
    run = tf.function(lambda z, x: likelihood(z).log_prob(x), jit_compile=True)
    expected = [oracle(likelihood, z[b], TEXTS[b]) for b in range(3)]
    np.testing.assert_allclose(run(z, TEXTS), expected, rtol=2e-5)


def test_padding_and_batching_change_nothing(likelihood):
    z = conditioning(3)
    together = likelihood(z).log_prob(np.pad(TEXTS, [[0, 0], [0, 3]])).numpy()
    for b, row in enumerate(TEXTS):
        alone = likelihood(z[b : b + 1]).log_prob(row[np.newaxis][:, row > 0])
        np.testing.assert_allclose(together[b], alone[0], rtol=1e-6)


def test_terms_add_up(likelihood):
    distribution = likelihood(conditioning(3))
    terms = distribution.log_prob_per_token(TEXTS).numpy()
    np.testing.assert_array_equal(terms == 0, TEXTS == 0)
    np.testing.assert_allclose(terms.sum(-1), distribution.log_prob(TEXTS), rtol=1e-6)


def all_rows(length):
    """Every row of `length` columns that can be written: ended and padded, or full."""
    rows = []
    for row in itertools.product([0, 2, 3, 4, 5], repeat=length):
        end = row.index(2) + 1 if 2 in row else length
        if 0 not in row[:end] and not any(row[end:]):
            rows.append(row)
    return np.array(rows, np.int32)


def test_probabilities_of_all_rows_sum_to_one(likelihood):
    rows = all_rows(3)
    z = np.repeat(conditioning(1), len(rows), axis=0)
    np.testing.assert_allclose(tf.reduce_sum(likelihood(z).prob(rows)), 1.0, rtol=1e-5)


def test_rows_that_cannot_be_written():
    decoder = randomize(built(networks.GRUDecoder(V, 4)))
    distribution = layers.TokenSequence(decoder, 4)(tf.zeros([3, 0]))
    rows = [[2, 4, 0, 0], [4, 0, 4, 0], [0, 0, 0, 0]]
    np.testing.assert_array_equal(distribution.log_prob(rows), [-np.inf, -np.inf, 0.0])
    assert np.all(distribution.log_prob([[1, 2, 0, 0]] * 3) < -1e8)


def built(layer):
    layer.build()
    return layer


def test_draws_follow_the_probabilities(likelihood):
    """20,000 draws of 61 rows, each within 5 standard errors: fails once in 10^4."""
    rows, size = all_rows(3), 20_000
    z = conditioning(1)
    draws = likelihood(z).sample(size, seed=(3, 9)).numpy()[:, 0]
    assert draws.shape == (size, 3)
    expected = likelihood(np.repeat(z, len(rows), axis=0)).prob(rows).numpy()
    counts = np.array([(draws == row).all(axis=1).mean() for row in rows])
    assert counts.sum() == pytest.approx(1)
    error = np.sqrt(expected * (1 - expected) / size)
    np.testing.assert_array_less(np.abs(counts - expected), 5 * error + 1e-4)


def test_shapes(likelihood):
    distribution = likelihood(conditioning(2, 3))
    assert isinstance(distribution, TokenSequence)
    assert distribution.batch_shape == (2, 3)
    assert distribution.event_shape == (3,)
    assert distribution.sample((4, 2), seed=(0, 1)).shape == (4, 2, 2, 3, 3)
    assert distribution.sample(seed=(0, 1)).dtype == tf.int32
    assert distribution.log_prob(TEXTS).dtype == tf.float32


def test_a_mixture_over_it_is_the_weighted_sum(likelihood):
    z = conditioning(3, 2)  # [B, K, Z]
    weights = np.array([[0.2, 0.8], [0.5, 0.5], [0.9, 0.1]])
    mixture = tfd.MixtureSameFamily(
        tfd.Categorical(probs=weights.astype(np.float32)), likelihood(z)
    )
    expected = [
        np.log(sum(weights[b, k] * np.exp(oracle(likelihood, z[b, k], TEXTS[b])) for k in (0, 1)))
        for b in range(3)
    ]
    np.testing.assert_allclose(mixture.log_prob(TEXTS), expected, rtol=2e-5)
    assert mixture.sample(5, seed=(1, 2)).shape == (5, 3, 3)


def test_float32_under_mixed_precision(dtype_policy, likelihood):
    dtype_policy("mixed_bfloat16")
    decoder = networks.LSTMDecoder(V, 5, conditioning_units=Z, embedding_units=4)
    layer = layers.TokenSequence(decoder, max_length=3)
    layer.build()
    for weight, other in zip(layer.weights, likelihood.weights, strict=True):
        weight.assign(other)
    assert {weight.dtype for weight in layer.weights} == {"float32"}
    z = conditioning(3)
    actual = layer(z).log_prob(TEXTS)
    assert actual.dtype == tf.float32
    np.testing.assert_allclose(actual, likelihood(z).log_prob(TEXTS), rtol=0.02)


@pytest.mark.parametrize("rows", [7, 4])
def test_chunks_have_the_same_gradients(rows):
    random = np.random.default_rng(2)
    arguments = [
        tf.constant(random.normal(size=shape), tf.float32) for shape in ((rows, 3), (5, 3), (5,))
    ]
    ids = tf.constant(random.integers(0, 5, rows), tf.int32)
    weights = random.normal(size=rows).astype(np.float32)
    logits = arguments[0].numpy() @ arguments[1].numpy().T + arguments[2].numpy()
    probabilities = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    expected = np.log(probabilities)[range(rows), ids.numpy()]
    to_logits = (np.eye(5)[ids.numpy()] - probabilities) * weights[:, np.newaxis]
    gradients = [
        to_logits @ arguments[1].numpy(),
        to_logits.T @ arguments[0].numpy(),
        to_logits.sum(0),
    ]
    for size in (None, 4):
        with tf.GradientTape() as tape:
            tape.watch(arguments)
            answer = linear_log_softmax(*arguments, ids, positions_at_once=size)
        np.testing.assert_allclose(answer, expected, rtol=1e-4)
        for actual, wanted in zip(
            tape.gradient(answer, arguments, weights), gradients, strict=True
        ):
            np.testing.assert_allclose(actual, wanted, rtol=1e-4, atol=1e-5)


def test_rough_scores_are_as_near_as_they_say():
    random = np.random.default_rng(2)
    rows, size, units = 40, 300, 16
    features, kernel, bias = (
        random.normal(scale=scale, size=shape)
        for scale, shape in ((0.7, (rows, units)), (0.9, (size, units)), (2.0, (size,)))
    )
    ids = random.integers(0, size, rows)
    logits = features @ kernel.T + bias
    expected = logits[range(rows), ids] - np.log(np.exp(logits).sum(axis=1))
    assert expected.min() < -8
    arguments = [tf.constant(part, tf.float32) for part in (features, kernel, bias)]
    with tf.GradientTape() as tape:
        tape.watch(arguments)
        found = rough_log_softmax(*arguments, tf.constant(ids, tf.int32))
    assert found.dtype == tf.float32
    # Each factor of a product, and the bias, is rounded by 1 / 512 of itself.
    of_inputs = (2 * np.abs(features) @ np.abs(kernel).T + np.abs(bias)).max(axis=1)
    bound = (2 * np.abs(logits).max(axis=1) + 2 + 2 * of_inputs) / 512
    error = np.abs(found - expected)
    assert np.all(error < bound)
    assert 1e-4 < error.mean() < 0.03
    assert tape.gradient(found, arguments) == [None] * 3


def test_rough_scores_of_impossible_tokens_are_finite():
    bias = tf.constant([0.0, -1e9, 1.0])
    found = rough_log_softmax(tf.zeros([2, 1]), tf.zeros([3, 1]), bias, tf.constant([1, 2]))
    np.testing.assert_allclose(found, [-85.0, -np.log1p(np.exp(-1.0))], atol=0.1)


def test_layer_comes_back_through_its_config(likelihood):
    config = keras.saving.serialize_keras_object(likelihood)
    copy = keras.saving.deserialize_keras_object(config)
    assert copy.get_config() == likelihood.get_config()
    copy.build()
    assert [w.shape for w in copy.weights] == [w.shape for w in likelihood.weights]


def test_errors_name_the_argument(likelihood):
    with pytest.raises(ValueError, match="`max_length` must be >= 1; received 0"):
        layers.TokenSequence(likelihood.decoder, 0)
