"""Vectors of hidden Markov chains, one or several: against every path, with SciPy's densities."""

import numpy as np
import pytest
import tensorflow as tf

from tests.references.hidden_markov import (
    covariances,
    factorial_scores,
    normal_densities,
    path_scores,
    total,
)
from tfp_dgm.distributions import FactorialHiddenMarkov, GaussianHiddenMarkov

K, M, D, T = 2, 2, 2, 3
RANDOM = np.random.default_rng(6)


def scale(leading, full):
    if not full:
        return np.exp(RANDOM.normal(scale=0.5, size=(*leading, D)))
    factor = np.tril(RANDOM.normal(size=(*leading, D, D)), -1)
    return factor + np.exp(RANDOM.normal(scale=0.5, size=(*leading, D, 1))) * np.eye(D)


def one_chain(full):
    moves = RANDOM.normal(size=(3, 3))
    moves[1, 0] = -np.inf
    return RANDOM.normal(size=3), moves, RANDOM.normal(size=(3, D)), scale((3,), full)


def several_chains(full):
    moves = RANDOM.normal(size=(M, K, K))
    moves[0, 1, 0] = -np.inf
    return RANDOM.normal(size=(M, K)), moves, RANDOM.normal(size=(M, K, D)), scale((), full)


PARAMETERS = {
    (GaussianHiddenMarkov, False): one_chain(False),
    (GaussianHiddenMarkov, True): one_chain(True),
    (FactorialHiddenMarkov, False): several_chains(False),
    (FactorialHiddenMarkov, True): several_chains(True),
}
X = RANDOM.normal(size=(4, T, D)).astype(np.float32)
X[1, 1:] = np.nan  # One vector.
X[2, 2] = np.nan
X[3, 1, 0] = np.nan  # The middle one is not observed.


def length(row):
    return 1 + max(t for t in range(T) if not np.isnan(row[t]).any())


def is_full(family, scales):
    return np.ndim(scales) == (2 if family is FactorialHiddenMarkov else 3)


def scores_of(family, parameters, row):
    initial, moves, loc, scales = parameters
    covariance = covariances(scales, is_full(family, scales))
    row = row[: length(row)].astype(np.float64)
    if family is FactorialHiddenMarkov:
        return factorial_scores(initial, moves, loc, covariance, row)
    return path_scores(initial, moves, normal_densities(loc, covariance, row))


@pytest.fixture(scope="module", params=PARAMETERS, ids=lambda key: f"{key[0].__name__}-{key[1]}")
def case(request):
    """The distribution, and the score of every path of every row."""
    family, parameters = request.param[0], PARAMETERS[request.param]
    distribution = family(*parameters, num_steps=T)
    return distribution, [scores_of(family, parameters, row) for row in X]


def test_log_prob_sums_over_every_path(case):
    distribution, scores = case
    expected = list(map(total, scores))
    np.testing.assert_allclose(distribution.log_prob(X), expected, rtol=1e-5)
    stacked = distribution.log_prob(X.reshape(2, 2, T, D))
    np.testing.assert_allclose(stacked, np.reshape(expected, (2, 2)), rtol=1e-5)


def test_vectors_beyond_the_last_change_nothing(case):
    distribution, scores = case
    longer = np.concatenate([X, np.full([4, 2, D], np.nan, np.float32)], axis=1)
    np.testing.assert_allclose(distribution.log_prob(longer), list(map(total, scores)), rtol=1e-5)
    np.testing.assert_array_equal(distribution.posterior(longer).lengths, [3, 1, 2, 3])


@pytest.mark.parametrize("compiled", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_gradients_are_finite_and_families_compile(case, compiled):
    distribution, scores = case
    parameters = [
        tf.constant(distribution.parameters[name], tf.float32)
        for name in ("initial_logits", "transition_logits", "loc", "scale")
    ]

    def both(x):
        with tf.GradientTape() as tape:
            tape.watch(parameters)
            log_prob = type(distribution)(*parameters, num_steps=T).log_prob(x)
        return log_prob, tape.gradient(log_prob, parameters)

    if compiled:
        both = tf.function(both, jit_compile=True)
    log_prob, gradients = both(X)
    np.testing.assert_allclose(log_prob, list(map(total, scores)), rtol=1e-5)
    assert all(np.isfinite(gradient).all() and np.any(gradient) for gradient in gradients)


def test_best_paths_are_the_best(case):
    distribution, scores = case
    modes = distribution.posterior(X).mode().numpy()
    for row, paths in enumerate(scores):
        best = max(paths, key=paths.get)
        np.testing.assert_array_equal(modes[row, : len(best)], best)
        assert not modes[row, len(best) :].any()
    joint = distribution.log_joint(X, modes)
    np.testing.assert_allclose(joint, [max(paths.values()) for paths in scores], rtol=1e-5)


def test_statistics_are_derivatives_in_the_potentials(case):
    """Of emissions: number, sum and sum of squares, about the centre, of each state's vectors."""
    distribution, scores = case
    with tf.GradientTape() as tape:
        tape.watch(distribution.log_potentials)
        log_prob = tf.reduce_sum(distribution.log_prob(X))
    found = tape.gradient(log_prob, distribution.log_potentials)
    factorial = isinstance(distribution, FactorialHiddenMarkov)
    loc = distribution.joint_loc if factorial else distribution.loc
    centre, full = np.asarray(distribution.centre), is_full(type(distribution), distribution.scale)
    number, first, second = np.zeros(len(loc)), np.zeros(loc.shape), np.zeros((len(loc), D, D))
    for row, paths in zip(X, scores, strict=True):
        for path, score in paths.items():
            share = np.exp(score - total(paths))
            for vector, state in zip(row, path, strict=False):
                if np.isnan(vector).any():
                    continue
                index = np.ravel_multi_index(state, (K,) * M) if factorial else state
                number[index] += share
                first[index] += share * (vector - centre)
                second[index] += share * np.outer(vector - centre, vector - centre)
    second = second.sum(axis=0, keepdims=True) if factorial else second
    rows, columns = np.triu_indices(D) if full else (np.arange(D), np.arange(D))
    np.testing.assert_allclose(found.constant, number, atol=2e-5)
    np.testing.assert_allclose(found.linear, first, rtol=1e-4, atol=2e-5)
    np.testing.assert_allclose(found.quadratic, second[:, rows, columns], rtol=1e-4, atol=2e-5)


def test_draws_follow_the_moments(case):
    """The mean and the second moments of two vectors in a row, by every pair of states."""
    distribution, _ = case
    size = 20_000
    draws = distribution.sample(size, seed=[5, 6]).numpy()[:, :2].reshape(size, 2 * D)
    parameters = [distribution.parameters[name] for name in ("initial_logits", "transition_logits")]
    spread = covariances(distribution.scale, is_full(type(distribution), distribution.scale))
    nothing = np.full([2, D], np.nan)
    mean, second = np.zeros(2 * D), np.zeros((2 * D, 2 * D))
    if isinstance(distribution, FactorialHiddenMarkov):
        paths = factorial_scores(*parameters, distribution.loc.numpy(), np.eye(D), nothing)
        spread = np.tile(spread, (K**M, 1, 1))
        paths = {
            tuple(np.ravel_multi_index(z, (K,) * M) for z in path): score
            for path, score in paths.items()
        }
        loc = distribution.joint_loc.numpy()
    else:
        paths = path_scores(*parameters, np.zeros((2, 3)))
        loc = distribution.loc.numpy()
    for path, score in paths.items():
        both = np.concatenate([loc[z] for z in path])
        noise = np.zeros((2 * D, 2 * D))
        noise[:D, :D], noise[D:, D:] = spread[path[0]], spread[path[1]]
        mean += np.exp(score) * both
        second += np.exp(score) * (np.outer(both, both) + noise)
    for values, expected in (
        (draws, mean),
        (draws[:, :, np.newaxis] * draws[:, np.newaxis], second),
    ):
        error = values.std(axis=0) / np.sqrt(size)
        np.testing.assert_array_less(np.abs(values.mean(axis=0) - expected), 5 * error)


@pytest.mark.parametrize("family", [GaussianHiddenMarkov, FactorialHiddenMarkov])
@pytest.mark.parametrize(
    ("place", "argument"), [(1, "transition_logits"), (2, "loc"), (3, "scale")]
)
def test_shapes_that_do_not_fit_are_refused(family, place, argument):
    parameters = list(PARAMETERS[family, True])
    parameters[place] = parameters[place][..., :1, :]
    with pytest.raises(ValueError, match=rf"{family.__name__}: `{argument}` must be .* received"):
        family(*parameters, num_steps=T)
    with pytest.raises(ValueError, match=f"{family.__name__}: `num_steps` must be >= 1; .* 0"):
        family(*PARAMETERS[family, True], num_steps=0)
