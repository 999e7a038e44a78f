"""The quantiser: its posterior, the moving averages of its codebook, and codes that start anew."""

import numpy as np
import pytest
import tensorflow as tf

from tests.references.vector_quantization import averaged, mixture_posterior, nearest
from tfp_dgm import layers

CODES, VALUES, UNITS = 2, 4, 3  # M, K, D
SEED = tf.constant([3, 5])
RANDOM = np.random.default_rng(2)
CODEBOOK = RANDOM.normal(size=(VALUES, UNITS))
PARAMETERS = RANDOM.normal(size=(5, CODES * UNITS))
Y = PARAMETERS.reshape(-1, UNITS)  # [N, D]


def quantizer(**kwargs):
    layer = layers.VectorQuantizer((CODES, VALUES), UNITS, **kwargs)
    layer.build((None, 6))
    layer.codebook.assign(CODEBOOK)
    return layer


def updated(layer, seed=SEED):
    parameters = tf.constant(PARAMETERS, tf.float32)
    posterior = layer.distribution(parameters)
    layer.update(parameters, posterior, seed)
    return posterior


def test_hard_codes_are_the_nearest():
    posterior = quantizer().distribution(tf.constant(PARAMETERS, tf.float32))
    places = np.array([nearest(y, CODEBOOK) for y in Y]).reshape(5, CODES)
    assert len(np.unique(places)) > 2
    expected = np.eye(VALUES)[places]
    np.testing.assert_array_equal(posterior.mean(), expected)
    np.testing.assert_array_equal(posterior.sample(3, seed=(1, 2)), np.stack([expected] * 3))
    np.testing.assert_array_equal(posterior.log_prob(expected), np.zeros(5))
    uniform = layers.OneHotCategoricalPrior(CODES, VALUES, trainable=False)()
    np.testing.assert_allclose(posterior.kl_divergence(uniform), CODES * np.log(VALUES), rtol=1e-6)


@pytest.mark.parametrize("temperature", [0.3, 2.0])
def test_soft_codes_are_the_posterior_of_a_mixture_of_normals(temperature):
    layer = quantizer(temperature=temperature)
    found = layer.distribution(tf.constant(PARAMETERS, tf.float32)).mean().numpy()
    expected = [mixture_posterior(y, CODEBOOK, temperature) for y in Y]
    np.testing.assert_allclose(found.reshape(-1, VALUES), expected, rtol=1e-4, atol=1e-7)


def shares_of(temperature):
    if temperature is None:
        return np.eye(VALUES)[[nearest(y, CODEBOOK) for y in Y]]
    return np.array([mixture_posterior(y, CODEBOOK, temperature) for y in Y])


@pytest.mark.parametrize("temperature", [None, 0.7])
def test_moving_averages_are_those_of_the_loop(temperature):
    layer = quantizer(temperature=temperature, decay=0.8, restart_below=0.0)
    counts, sums = RANDOM.uniform(1, 3, VALUES), RANDOM.normal(size=(VALUES, UNITS))
    layer.counts.assign(counts)
    layer.sums.assign(sums)
    updated(layer)
    counts, sums, codebook = averaged(counts, sums, Y, shares_of(temperature), 0.8)
    np.testing.assert_allclose(layer.counts, counts, rtol=1e-5)
    np.testing.assert_allclose(layer.sums, sums, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(layer.codebook, codebook, rtol=1e-5, atol=1e-6)


def test_without_memory_a_step_is_one_of_k_means():
    layer = quantizer(decay=0.0, restart_below=0.0)
    updated(layer)
    places = [nearest(y, CODEBOOK) for y in Y]
    for k in range(VALUES):
        own = Y[[place == k for place in places]]
        expected = own.mean(axis=0) if len(own) else CODEBOOK[k]
        np.testing.assert_allclose(layer.codebook[k], expected, rtol=1e-4)


def test_averages_by_draws_come_to_those_by_probabilities():
    """Counts of 20,000 draws of each posterior, within 5 standard errors."""
    exact, drawn = (
        quantizer(temperature=0.7, restart_below=0.0, em_samples=m, decay=0.0)
        for m in (None, 20_000)
    )
    for layer in (exact, drawn):
        updated(layer)
    q = shares_of(0.7)
    error = np.sqrt((q * (1 - q)).sum(axis=0) / 20_000)
    gap = np.abs(drawn.counts.numpy() - exact.counts.numpy())
    assert gap.max() > 0
    np.testing.assert_array_less(gap, 5 * error)
    few = quantizer(temperature=0.7, restart_below=0.0, em_samples=1, decay=0.0)
    updated(few)
    np.testing.assert_allclose(few.counts, np.round(few.counts))
    assert np.sum(few.counts) == len(Y)


def test_the_codebook_begins_in_the_data_and_dead_codes_start_anew():
    layer = quantizer(decay=0.9)
    layer.codebook.assign(np.full((VALUES, UNITS), [[50.0], [60.0], [70.0], [80.0]]))
    updated(layer)  # All vectors are nearest to the first code.
    found = layer.codebook.numpy()
    np.testing.assert_allclose(found[0], Y.mean(axis=0), rtol=1e-3, atol=1e-5)
    near = [np.abs(Y - code).sum(axis=1).min() for code in found[1:]]
    np.testing.assert_allclose(near, 0, atol=1e-4)
    assert len(np.unique(found.round(4), axis=0)) == VALUES
    counts = layer.counts.numpy()
    np.testing.assert_allclose(counts, [0.1 * len(Y), *[0.1 * len(Y) / VALUES] * 3], rtol=1e-5)


def test_a_code_dies_after_the_steps_that_its_average_takes():
    """At half the mean count: of decay 0.5, after a step or two, and not before."""
    layer = quantizer(decay=0.5, restart_below=0.2)
    far = CODEBOOK.copy()
    far[3] = 90.0
    layer.codebook.assign(far)
    layer.counts.assign(np.full(VALUES, 2.5))
    layer.sums.assign(2.5 * far)
    stayed = 0
    while layer.codebook.numpy()[3].min() > 80:
        updated(layer)
        stayed += 1
        assert stayed < 5
    # 2.5 / 2^n of a mean of 2.5 is below a fifth for n = 3.
    assert stayed == 3


def test_examples_that_are_not_counted_change_nothing():
    """Neither averages nor the vectors that codes start anew from."""
    alone, beside = quantizer(), quantizer()
    parameters = tf.constant(PARAMETERS[:3], tf.float32)
    alone.update(parameters, alone.distribution(parameters), SEED)
    longer = tf.concat([parameters, tf.fill([2, CODES * UNITS], 7.0)], axis=0)
    counted = tf.constant([True] * 3 + [False] * 2)
    beside.update(longer, beside.distribution(longer), SEED, counted=counted)
    np.testing.assert_allclose(beside.counts, alone.counts, rtol=1e-6)
    for k in range(VALUES):
        if not any(np.allclose(beside.codebook[k], y, atol=1e-4) for y in Y[:6]):
            np.testing.assert_allclose(beside.codebook[k], alone.codebook[k], rtol=1e-5)
    assert np.max(beside.codebook) < 6


def test_frozen_or_learned_by_gradients_nothing_is_averaged():
    frozen = quantizer()
    frozen.trainable = False
    learned = quantizer(decay=None)
    for layer in (frozen, learned):
        updated(layer)
        np.testing.assert_array_equal(layer.codebook, np.float32(CODEBOOK))
    assert len(learned.trainable_weights) == 3
    assert {weight.name for weight in quantizer().trainable_weights} == {"kernel", "bias"}


@pytest.mark.parametrize("temperature", [None, 0.7])
def test_distances_are_those_of_the_loop_and_have_a_gradient_each(temperature):
    layer = quantizer(temperature=temperature, decay=None)
    parameters = tf.constant(PARAMETERS, tf.float32)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(parameters)
        posterior = layer.distribution(parameters)
        of_vectors, of_codes = layer.distances(parameters, posterior)
    q = shares_of(temperature)
    squares = [[np.sum((y - code) ** 2) for code in CODEBOOK] for y in Y]
    expected = np.sum(q * squares, axis=1).reshape(5, CODES).sum(axis=1)
    for found in (of_vectors, of_codes):
        np.testing.assert_allclose(found, expected, rtol=1e-4)
    slopes = 2 * (Y - q @ CODEBOOK)
    np.testing.assert_allclose(
        tape.gradient(of_vectors, parameters).numpy().reshape(Y.shape), slopes, rtol=1e-3, atol=1e-4
    )
    assert tape.gradient(of_codes, parameters) is None
    codebook = layer.codebook.value
    assert tape.gradient(of_vectors, codebook) is None
    expected = 2 * (q.sum(axis=0)[:, None] * CODEBOOK - q.T @ Y)
    found = tf.convert_to_tensor(tape.gradient(of_codes, codebook))
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"event_shape": 3}, r"`event_shape` must be \(M, K\), .* received 3"),
        ({"code_units": 0}, "`code_units` must be a positive int; received 0"),
        ({"temperature": 0}, "`temperature` must be > 0; received 0"),
        ({"decay": 1.0}, r"`decay` must lie in \[0, 1\); received 1.0"),
        ({"restart_below": -0.1}, r"`restart_below` must lie in \[0, 1\); received -0.1"),
        ({"em_samples": 0}, "`em_samples` must be a positive int; received 0"),
    ],
)
def test_arguments_out_of_range_are_refused_by_name(arguments, message):
    with pytest.raises(ValueError, match=f"VectorQuantizer: {message}"):
        layers.VectorQuantizer(**{"event_shape": (2, 3), "code_units": 4, **arguments})
