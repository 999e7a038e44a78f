"""The bound of structured mean field: against exact sums, and its own terms by enumeration."""

import numpy as np
import pytest
import scipy.special
import tensorflow as tf

from tests.references.hidden_markov import covariances, factorial_scores, path_scores, total
from tfp_dgm.distributions import FactorialHiddenMarkov, structured_mean_field

M, K, D, T = 2, 2, 2, 3
RANDOM = np.random.default_rng(9)
INITIAL, MOVES = RANDOM.normal(size=(M, K)), RANDOM.normal(size=(M, K, K))
# Chains that explain the same: their posteriors depend on each other.
LOC = np.array([[[0.0, 0.0], [1.5, 0.5]], [[0.2, -0.3], [1.1, 0.9]]])
SCALES = {"diagonal": np.array([0.7, 1.3]), "full": np.array([[0.8, 0.0], [0.5, 1.1]])}
X = RANDOM.normal(size=(3, T, D)).astype(np.float32)
X[1, 1:] = np.nan
X[2, 1] = np.nan
LENGTHS = [3, 1, 3]


def family(scale, loc=LOC):
    return FactorialHiddenMarkov(INITIAL, MOVES, loc, scale, num_steps=T)


def scores_of(scale, row, loc=LOC, moves=MOVES):
    covariance = covariances(scale, np.ndim(scale) == 2)
    return factorial_scores(INITIAL, moves, loc, covariance, np.float64(X[row, : LENGTHS[row]]))


def factors(chains, row):
    """{path: log q_m(path)} of each chain, by its potentials."""
    for m, chain in enumerate(chains):
        unary = chain.potentials.unary.numpy()[row, : LENGTHS[row]]
        scores = path_scores(INITIAL[m], MOVES[m], np.float64(unary))
        yield {path: score - total(scores) for path, score in scores.items()}


def expected(values, chains, row):
    """E_q of values {path of all chains: value}, and the entropy of q."""
    q = list(factors(chains, row))
    log_q = {
        path: sum(f[p] for f, p in zip(q, zip(*path, strict=True), strict=True)) for path in values
    }
    mean = sum(np.exp(log_q[path]) * value for path, value in values.items())
    return mean, sum(scipy.special.entr(np.exp(value)) for value in log_q.values())


@pytest.mark.parametrize("scale", SCALES.values(), ids=SCALES)
def test_bound_is_that_of_its_chains_and_below_the_log_likelihood(scale):
    exact = family(scale).log_prob(X).numpy()
    before = np.full(3, -np.inf)
    for steps in (1, 2, 8):
        found = structured_mean_field(family(scale), X, steps=steps)
        for row in range(3):
            mean, entropy = expected(scores_of(scale, row), found.chains, row)
            np.testing.assert_allclose(found.bound[row], mean + entropy, rtol=1e-4)
        assert (found.bound.numpy() >= before - 1e-5).all()
        before = found.bound.numpy()
    assert (before < exact).all()
    assert 1e-2 < np.mean(exact - before) < 0.5


@pytest.mark.slow
@pytest.mark.parametrize("compiled", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_one_chain_is_exact(compiled):
    alone = FactorialHiddenMarkov(INITIAL[:1], MOVES[:1], LOC[:1], SCALES["full"], num_steps=T)
    bound = tf.function(
        lambda x: structured_mean_field(alone, x, steps=2).bound, jit_compile=compiled
    )
    np.testing.assert_allclose(bound(X), alone.log_prob(X), rtol=1e-5)


def test_derivative_is_that_of_the_expected_log_joint():
    """With q held, by differences of the enumeration."""
    scale = SCALES["full"]

    parameters = [tf.constant(LOC, tf.float32), tf.constant(MOVES, tf.float32)]
    with tf.GradientTape() as tape:
        tape.watch(parameters)
        loc, moves = parameters
        p = FactorialHiddenMarkov(INITIAL, moves, loc, scale, num_steps=T)
        bound = tf.reduce_sum(structured_mean_field(p, X, steps=2).bound)
    gradients = tape.gradient(bound, parameters)
    chains = structured_mean_field(family(scale), X, steps=2).chains
    for place, gradient in enumerate(gradients):
        direction = RANDOM.normal(size=gradient.shape)
        sides = []
        for step in (-1e-4, 1e-4):
            moved = [LOC, MOVES]
            moved[place] = moved[place] + step * direction
            values = [scores_of(scale, row, *moved) for row in range(3)]
            sides.append(sum(expected(values[row], chains, row)[0] for row in range(3)))
        slope = np.sum(gradient * direction)
        np.testing.assert_allclose(slope, (sides[1] - sides[0]) / 2e-4, rtol=1e-3, atol=1e-4)


def test_many_chains_have_a_bound():
    """Of 3^12 joint states, whose transitions no memory would hold."""
    random = np.random.default_rng(3)
    shapes = [(12, 3), (12, 3, 3), (12, 3, 2)]
    p = FactorialHiddenMarkov(*(random.normal(size=s) for s in shapes), np.ones(2), num_steps=4)
    x = p.sample(2, seed=[1, 2])
    assert np.isfinite(structured_mean_field(p, x, steps=2).bound).all()


@pytest.mark.parametrize(
    ("x", "steps", "message"),
    [(X, 0, "`steps` must be >= 1; received 0"), (X[0], 1, r"\[B, T, D\]; received .* \(3, 2\)")],
)
def test_bad_input_is_named(x, steps, message):
    with pytest.raises(ValueError, match=f"structured_mean_field: .*{message}"):
        structured_mean_field(family(SCALES["full"]), x, steps=steps)
