"""Particle filters against Kalman's filter and the forward recursion; values and gradients of few
particles against enumeration stand in the estimators' table."""

import functools

import numpy as np
import pytest
import tensorflow as tf
from scipy.special import logsumexp

from tests.objectives import toys
from tests.objectives.estimators import BINARY_SEQUENCE, GAUSSIAN_SEQUENCE, name_of
from tests.objectives.estimators import ROWS as ALL_ROWS
from tests.objectives.sequence_toys import HiddenChain, Kalman, joint_of
from tests.references import particle_systems
from tfp_dgm.distributions import HiddenMarkovText
from tfp_dgm.objectives import ELBO, FIVO, Noise, ParticleFilter
from tfp_dgm.objectives.resampling_schemes import (
    SCHEMES,
    ancestors_of,
    effective_sample_size,
    numbers_needed,
)

ROWS = [row for row in ALL_ROWS if isinstance(row.objective, FIVO)]
REPEATS = 3_000
VECTORS = np.array([[0.3, -0.6, 0.2, 0.9, 0.4, 1.0], [1.1, 0.9, -0.2, 0.0, 0.0, 0.0]])
LENGTHS = (6, 3)
TOKENS = np.array([[3, 5, 4, 4, 6, 2], [6, 3, 2, 0, 0, 0]])
EVERY_SCHEME = pytest.mark.parametrize("scheme", SCHEMES)


def hidden_chain(states=3, vocabulary=7):
    random = np.random.default_rng(5)
    sizes = (states,), (states, states), (states, vocabulary), (vocabulary, states)
    initial, transitions, emissions, lean = (0.6 * random.normal(size=size) for size in sizes)
    chain = HiddenChain(initial, transitions, emissions, emissions.T + lean)
    chain.emissions[:, :2] = -np.inf  # PAD and START are never written.
    return chain


@functools.cache
def evidence(kind):
    """log p(x) of both sequences."""
    if kind == "kalman":
        rows = zip(VECTORS, LENGTHS, strict=True)
        return np.array([Kalman().log_prob(row[:length]) for row, length in rows])
    texts = HiddenMarkovText(*hidden_chain()[:3], max_length=6)
    return texts.log_prob(TOKENS).numpy()


def values_of(kind, objective, seed=(4, 2)):
    """The bounds [2, REPEATS] of both sequences, each as often as there are repeats."""
    model, data = {"kalman": (Kalman(), VECTORS), "chain": (hidden_chain(), TOKENS)}[kind]
    steps = model.steps(np.repeat(data, REPEATS, axis=0), np.repeat(LENGTHS, REPEATS))
    return objective(joint_of(steps), seed=seed).value.numpy().reshape(2, REPEATS)


@pytest.mark.parametrize(
    ("threshold", "scheme"),
    [(0.0, "systematic"), *((threshold, scheme) for threshold in (0.6, 1.0) for scheme in SCHEMES)],
)
@pytest.mark.parametrize("kind", ["kalman", "chain"])
def test_the_likelihood_is_estimated_without_bias(kind, threshold, scheme):
    """Within 5 standard errors: with 28 numbers, fails with one seed in 60,000."""
    objective = FIVO(num_particles=4, resampling=scheme, threshold=threshold)
    ratios = np.exp(values_of(kind, objective) - evidence(kind)[:, np.newaxis])
    error = ratios.std(axis=1) / np.sqrt(REPEATS)
    assert np.all(np.abs(ratios.mean(axis=1) - 1) < 5 * error)
    assert np.all(error < 0.06)


@pytest.mark.parametrize("kind", ["kalman", "chain"])
def test_the_bound_rises_with_the_particles_to_the_evidence(kind):
    gaps = [
        evidence(kind) - values_of(kind, FIVO(num_particles=count)).mean(axis=1)
        for count in (1, 4, 16)
    ]
    assert np.all(np.diff(gaps, axis=0) < 0)
    assert np.all(gaps[-1] > 0)
    assert np.all(gaps[-1] < 0.3)
    assert np.all(gaps[0] > 0.5)


def test_the_bound_of_binary_sequences_stays_below_their_evidence():
    make, model = BINARY_SEQUENCE
    bound, *_ = toys.estimates(FIVO(num_particles=64), make, model, 500)
    exact = particle_systems.log_evidence(model, model.theta)
    error = bound.value.numpy().std() / np.sqrt(500)
    np.testing.assert_allclose(np.mean(bound.value), exact, atol=0.02 + 4 * error)


@EVERY_SCHEME
def test_ancestors_are_drawn_in_proportion_to_the_weights(scheme):
    random = np.random.default_rng(3)
    weights = np.array([[0.0, 0.31, 0.05, 0.44, 0.2, 0.0]]).T.astype(np.float32)  # [N, 1]
    count, draws = len(weights), 4_000
    uniforms = random.random((numbers_needed(scheme, count), draws)).astype(np.float32)
    ancestors = ancestors_of(scheme, np.tile(weights, draws), uniforms).numpy()  # [N, draws]
    counts = np.stack([np.bincount(column, minlength=count) for column in ancestors.T])
    expected = count * weights[:, 0]
    error = counts.std(axis=0) / np.sqrt(draws)
    assert np.all(np.abs(counts.mean(axis=0) - expected) < 5 * error + 1e-6)
    assert np.all(counts[:, weights[:, 0] == 0] == 0)
    if scheme == "systematic":
        assert np.all((counts == np.floor(expected)) | (counts == np.ceil(expected)))
    if scheme == "stratified":  # Each is within one of these numbers, or in one more stratum.
        assert np.all(np.abs(counts - expected) < 2)
    if scheme == "multinomial":
        variance = expected * (1 - weights[:, 0])
        np.testing.assert_allclose(counts.var(axis=0), variance, rtol=0.15)


@EVERY_SCHEME
def test_points_at_the_ends_choose_particles_that_have_a_weight(scheme):
    """The largest float32 below 1, and 0, where the first or last particles weigh nothing."""
    for weights in ([0.0, 1.0, 0.0], [0.0, 0.1, 0.9], [0.3, 0.7 - 1e-7, 0.0]):
        column = tf.constant(weights)[:, tf.newaxis]
        for uniform in (0.0, np.nextafter(np.float32(1), np.float32(0))):
            uniforms = tf.fill([numbers_needed(scheme, 3), 1], np.float32(uniform))
            chosen = ancestors_of(scheme, column, uniforms).numpy()[:, 0]
            assert np.all(np.array(weights)[chosen] > 0)


def test_effective_sample_size():
    weights = np.array([[1.0, 0.25, 0.5, 0.0], [0, 0.25, 0.5, 0], [0, 0.25, 0, 0], [0, 0.25, 0, 0]])
    np.testing.assert_allclose(effective_sample_size(weights), [1, 4, 2, 0])


def fields_of(steps, objective=None, seed=(1, 2)):
    return (objective or FIVO(num_particles=3))(joint_of(steps), seed=seed)


def test_padding_changes_no_number():
    wide = np.pad(VECTORS, [(0, 0), (0, 4)], constant_values=50.0)
    spoiled = np.where(np.arange(10) < np.array(LENGTHS)[:, np.newaxis], wide, np.inf)
    for padded in (wide, spoiled):
        for field, other in zip(
            fields_of(Kalman().steps(VECTORS, LENGTHS)),
            fields_of(Kalman().steps(padded, LENGTHS)),
            strict=True,
        ):
            np.testing.assert_array_equal(field, other)


def test_a_sequence_of_no_steps_has_likelihood_one():
    bound = fields_of(Kalman().steps(VECTORS, (6, 0)))
    assert [field.numpy()[..., 1].tolist() for field in bound[:4]] == [0, 0, 0, 0]


def test_the_terms_are_those_of_the_bound():
    """Without resampling: their difference is the mean log-weight, the value that of all."""
    bound = fields_of(Kalman().steps(VECTORS, LENGTHS), FIVO(num_particles=5, threshold=0))
    log_weights = bound.log_weights.numpy()
    expected = logsumexp(log_weights, axis=0) - np.log(5)
    np.testing.assert_allclose(bound.value, expected, rtol=1e-5)
    np.testing.assert_allclose(
        bound.reconstruction - bound.kl, log_weights.mean(axis=0), rtol=1e-4, atol=1e-5
    )


def with_walls(problem, wall):
    """The sequences, with log p(x_t | z_t) less the wall that (time, z) gives."""
    steps = problem.steps

    def advance(time, before, z):
        log_px, state = steps.advance(time, before, z)
        return log_px - wall(time, z), state

    return problem._replace(steps=steps._replace(advance=advance))


@pytest.mark.parametrize("row", ROWS, ids=name_of)
def test_particles_that_die_leave_numbers(row):
    """All die at the second step in even rows, and in odd ones those whose latent is low."""
    make, model = row.model

    def walled(theta, phi):
        def wall(time, z):
            value = z[..., 0] if len(z.shape) > 2 else z
            is_even = tf.range(tf.shape(value)[1]) % 2 == 0
            dies = tf.where(is_even, time == 1, value < 0.5)
            return tf.where(dies, np.float32(np.inf), 0.0)

        return with_walls(make(theta, phi), wall)

    bound, *gradients = toys.estimates(row.objective, walled, model, 40)
    value, loss = bound.value.numpy(), bound.loss.numpy()
    assert np.all(np.isneginf(value[::2]))
    assert np.all(np.isposinf(loss[::2]))
    lives = np.isfinite(value)
    if row.objective.num_particles > 1:
        assert lives[1::2].any()
    np.testing.assert_allclose(loss[lives], -value[lives], rtol=1e-4)
    for gradient in gradients:
        assert np.all(np.isfinite(gradient))
        assert np.all(gradient[~lives] == 0)
    assert not np.isnan(bound.log_weights).any()


def test_dead_particles_are_replaced_and_the_estimate_stays_unbiased():
    """A wall at z_1 = 1 of the binary sequence: p(x, z_1 = 0) is what is left."""
    make, model = BINARY_SEQUENCE

    def walled(theta, phi):
        def wall(time, z):
            return tf.where((time == 0) & (z > 0), np.float32(np.inf), 0.0)

        return with_walls(make(theta, phi), wall)

    objective = FIVO(num_particles=3, threshold=0.9)
    bound, *_ = toys.estimates(objective, walled, model, 20_000)
    estimates = np.exp(bound.value.numpy().astype(np.float64))
    left = model.theta.copy()
    left[3:5] = 0.0
    expected = sum(
        np.exp(particle_systems.bernoulli([model.theta[0], model.theta[1]], [0, z]))
        * np.exp(particle_systems.bernoulli([model.theta[3], model.theta[3 + z]], (1, 0)))
        for z in (0, 1)
    )
    error = estimates.std() / np.sqrt(len(estimates))
    assert abs(estimates.mean() - expected) < 5 * error
    assert np.isneginf(bound.value).mean() < 0.5


@pytest.mark.slow
def test_a_compiled_graph_gives_the_same_value_and_gradient():
    """Of the same noise: TensorFlow's own numbers are others under XLA."""
    make, model = GAUSSIAN_SEQUENCE
    theta = tf.constant(np.tile(model.theta, [3, 1]), tf.float32)
    phi = tf.constant(np.tile(model.phi, [3, 1]), tf.float32)
    random = np.random.default_rng(1)
    normals = tf.constant(random.normal(size=(2, 4, 3, 1)), tf.float32)
    uniforms = tf.constant(random.random((2, 4, 3)), tf.float32)
    noise = Noise(
        lambda proposal, time: proposal.mean() + proposal.stddev() * normals[time],
        lambda time, count: uniforms[time, :count],
    )
    particles = ParticleFilter(4, "multinomial", 1.0, scores_ancestors=True)

    def value_and_gradient(theta, phi):
        with tf.GradientTape() as tape:
            tape.watch([theta, phi])
            found = particles.run(make(theta, phi).steps, noise)
            total = found.value + found.scores + found.past
        return found.value, *tape.gradient(total, [theta, phi])

    eager = value_and_gradient(theta, phi)
    for jit in (False, True):
        traced = tf.function(value_and_gradient, autograph=False, jit_compile=jit)(theta, phi)
        for found, expected in zip(traced, eager, strict=True):
            np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def test_the_graph_does_not_grow_with_the_steps():
    def operations(steps):
        data = np.tile(VECTORS[:, :1], [1, steps])

        def gradient(shift):
            with tf.GradientTape() as tape:
                tape.watch(shift)
                made = Kalman(a=shift).steps(data, (steps, steps))
                loss = FIVO()(joint_of(made), seed=(1, 2)).loss
            return tape.gradient(loss, shift)

        traced = tf.function(gradient, autograph=False).get_concrete_function(tf.constant(0.9))
        functions = traced.graph.as_graph_def().library.function
        return len(traced.graph.get_operations()) + sum(len(f.node_def) for f in functions)

    assert operations(3) == operations(30)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"num_particles": 0}, "FIVO: `num_particles` must be >= 1; received 0"),
        (
            {"resampling": "none"},
            r"`resampling` must be one of \('multinomial', .*; received 'none'",
        ),
        ({"threshold": 1.5}, r"`threshold` must lie in \[0, 1\]; received 1.5"),
        ({"resampling_gradient": "exact"}, "`resampling_gradient` must be one of .*'exact'"),
        (
            {"resampling_gradient": "score_function"},
            "'score_function' needs `resampling` 'multinomial'; received 'systematic'",
        ),
    ],
)
def test_arguments_that_mean_nothing_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        FIVO(**arguments)


def test_steps_and_draws_of_the_whole_are_told_apart():
    joint = joint_of(Kalman().steps(VECTORS, LENGTHS))
    with pytest.raises(NotImplementedError, match="has no posterior, which ELBO asks for"):
        ELBO()(joint, seed=(1, 2))
    problem = toys.gaussian(tf.ones([2, 5]), tf.ones([2, 2]))
    lacks = "has no latent that comes step by step, which FIVO asks for"
    with pytest.raises(NotImplementedError, match=lacks):
        FIVO()(problem.joint(), seed=(1, 2))
