"""The log-probability by SciPy, its gradients by the textbook's, and what broadcasts."""

import numpy as np
import pytest
import scipy.special
import scipy.stats
import tensorflow as tf
from tensorflow_probability import distributions as tfd

from tfp_dgm.distributions import BinaryVariables, LogitBernoulli

# One group of factors, one that is full, a prime number of variables, and several full groups.
SIZES = [1, 120, 241, 784]


def given(logits: np.ndarray, event_axes: int = 1) -> BinaryVariables:
    distribution = LogitBernoulli(logits=logits.astype(np.float32), dtype=tf.float32)
    return BinaryVariables(distribution, reinterpreted_batch_ndims=event_axes)


def expected(x: np.ndarray, logits: np.ndarray) -> np.ndarray:
    """float64 [..., D] -> [...]."""
    each = -x * np.logaddexp(0, -logits) - (1 - x) * np.logaddexp(0, logits)
    return each.sum(axis=-1)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("scale", [0.1, 3.0, 60.0])
def test_log_prob_equals_scipy(size: int, scale: float):
    rng = np.random.default_rng(size)
    logits = rng.normal(scale=scale, size=(7, size)).astype(np.float32)
    x = rng.integers(0, 2, (7, size))
    log_p = scipy.stats.bernoulli.logpmf(1, scipy.special.expit(np.float64(logits)))
    log_q = scipy.stats.bernoulli.logpmf(1, scipy.special.expit(-np.float64(logits)))
    actual = given(logits).log_prob(x.astype(np.float32))
    np.testing.assert_allclose(
        actual, np.where(x == 1, log_p, log_q).sum(axis=-1), rtol=2e-6, atol=2e-7 * size
    )


def test_extreme_logits_lose_nothing():
    logits = np.array([[-1e30, 1e30, -90.0, 90.0, 0.0]])
    sure, wrong = np.array([0.0, 1, 0, 1, 1]), np.array([0.0, 1, 1, 0, 1])
    np.testing.assert_allclose(given(logits).log_prob(sure), [-np.log(2)], rtol=1e-6)
    np.testing.assert_allclose(given(logits).log_prob(wrong), [-180 - np.log(2)], rtol=1e-6)


@pytest.mark.parametrize("shapes", [((5, 6), (6,)), ((6,), (5, 6)), ((3, 1, 6), (4, 6))])
def test_gradients_are_the_textbooks(shapes):
    """Those of logits, x - sigmoid(logit), and of grey values, the logits."""
    rng = np.random.default_rng(0)
    event_shape, logits_shape = shapes
    x, logits = rng.uniform(size=event_shape), rng.normal(scale=2, size=logits_shape)
    weights = rng.normal(size=np.broadcast_shapes(event_shape, logits_shape)[:-1])
    variables = [tf.Variable(part, dtype=tf.float32) for part in (x, logits)]
    with tf.GradientTape() as tape:
        distribution = BinaryVariables(LogitBernoulli(logits=variables[1], dtype=tf.float32), 1)
        value = distribution.log_prob(variables[0])
        weighted = tf.reduce_sum(value * weights)
    np.testing.assert_allclose(value, expected(x, logits), rtol=1e-5)
    to_event = np.broadcast_to(logits, (*weights.shape, 6)) * weights[..., np.newaxis]
    to_logits = (x - scipy.special.expit(logits)) * weights[..., np.newaxis]
    for actual, full, like in zip(
        tape.gradient(weighted, variables), (to_event, to_logits), (x, logits), strict=True
    ):
        axes = tuple(range(full.ndim - like.ndim))
        axes += tuple(
            axis for axis in range(-like.ndim, 0) if like.shape[axis] == 1 < full.shape[axis]
        )
        np.testing.assert_allclose(
            actual, full.sum(axis=axes).reshape(like.shape), rtol=1e-4, atol=1e-6
        )


def test_second_derivatives_are_those_of_the_sigmoid():
    """Semi-amortised training takes them."""
    logits = tf.constant([[-2.0, 0.3, 4.0]])
    with tf.GradientTape() as outer:
        outer.watch(logits)
        with tf.GradientTape() as inner:
            inner.watch(logits)
            value = BinaryVariables(LogitBernoulli(logits=logits, dtype=tf.float32), 1).log_prob(
                tf.ones([1, 3])
            )
        slope = inner.gradient(value, logits)
    p = scipy.special.expit(logits.numpy())
    np.testing.assert_allclose(outer.gradient(slope, logits), -p * (1 - p), rtol=1e-4)


def test_events_of_several_axes_and_values_that_broadcast_over_them():
    rng = np.random.default_rng(1)
    logits, x = rng.normal(size=(4, 2, 3, 5)), rng.integers(0, 2, (2, 3, 5))
    distribution = given(logits, 2)
    assert distribution.event_shape == (3, 5)
    flat = expected(x.reshape(2, 15), logits.reshape(4, 2, 15))
    np.testing.assert_allclose(distribution.log_prob(x), flat, rtol=1e-5)
    ones = expected(np.ones(15), logits.reshape(4, 2, 15))
    np.testing.assert_allclose(distribution.log_prob(1.0), ones, rtol=1e-5)
    np.testing.assert_allclose(distribution.log_prob(np.ones([3, 1])), ones, rtol=1e-5)


def test_batches_of_unknown_size_in_a_graph():
    @tf.function(
        input_signature=[tf.TensorSpec([None, 9]), tf.TensorSpec([None, None, 9])], autograph=False
    )
    def log_prob(x: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
        return BinaryVariables(LogitBernoulli(logits=logits, dtype=tf.float32), 1).log_prob(x)

    rng = np.random.default_rng(2)
    x, logits = rng.integers(0, 2, (3, 9)), rng.normal(size=(2, 3, 9))
    actual = log_prob(tf.constant(x, tf.float32), tf.constant(logits, tf.float32))
    np.testing.assert_allclose(actual, expected(x, logits), rtol=1e-5)


@pytest.mark.parametrize("jit_compile", [False, True])
def test_compiled_gradients_of_one_event_at_a_time_are_those_of_all(jit_compile: bool):
    rng = np.random.default_rng(4)
    x, logits = rng.integers(0, 2, 9).astype(np.float32), rng.normal(size=(4, 3, 9))

    @tf.autograph.experimental.do_not_convert
    def slope(row: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape() as tape:
            tape.watch(row)
            value = BinaryVariables(LogitBernoulli(logits=row, dtype=tf.float32), 1).log_prob(x)
        return tape.gradient(value, row)

    @tf.function(jit_compile=jit_compile, autograph=False)
    def slopes(rows: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        return slope(rows), tf.vectorized_map(slope, rows)

    for actual in slopes(tf.constant(logits, tf.float32)):
        np.testing.assert_allclose(actual, x - scipy.special.expit(logits), rtol=1e-4, atol=1e-6)


def test_variables_that_are_checked_are_checked():
    checked = LogitBernoulli(logits=np.zeros([2, 3], np.float32), validate_args=True)
    with pytest.raises(tf.errors.InvalidArgumentError):
        BinaryVariables(checked, 1).log_prob(np.array([0, 1, 2]))


def test_it_is_independent_to_all_that_ask():
    """Divergences, its parts under a map of their tensors, slices, and draws with their density."""
    logits = np.random.default_rng(3).normal(size=(4, 6))
    distribution, plain = given(logits), tfd.Independent(tfd.Bernoulli(logits=logits), 1)
    np.testing.assert_allclose(
        tfd.kl_divergence(distribution, given(logits + 1)),
        tfd.kl_divergence(plain, tfd.Independent(tfd.Bernoulli(logits=logits + 1), 1)),
        rtol=1e-5,
    )
    copy = tf.nest.map_structure(lambda part: 2 * part, distribution, expand_composites=True)
    np.testing.assert_allclose(
        copy.log_prob(np.ones(6)), expected(np.ones(6), 2 * logits), rtol=1e-5
    )
    np.testing.assert_allclose(
        distribution[1:3].log_prob(np.ones(6)), expected(np.ones(6), logits[1:3]), rtol=1e-5
    )
    drawn, log_p = distribution.experimental_sample_and_log_prob(8, seed=(1, 2))
    np.testing.assert_allclose(log_p, expected(drawn.numpy(), logits), rtol=1e-5)
