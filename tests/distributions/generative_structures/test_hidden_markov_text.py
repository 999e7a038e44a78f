"""Texts of a hidden Markov chain: against every path of states, and every text."""

import itertools

import numpy as np
import pytest
import tensorflow as tf

from tests.references.hidden_markov import path_scores, text_densities, tokens_of, total
from tfp_dgm.distributions import HiddenMarkovText

K, V, T = 3, 6, 4
RANDOM = np.random.default_rng(4)
INITIAL, MOVES, WRITES = (RANDOM.normal(size=shape) for shape in [(K,), (K, K), (K, V)])
MOVES[0, 2] = MOVES[1, 0] = -np.inf
# Closed, beginnings of texts, one token, none at all; the last two are impossible.
X = np.array(
    [
        [3, 4, 5, 2],
        [4, 2, 0, 0],
        [5, 5, 3, 4],
        [2, 0, 0, 0],
        [3, 0, 0, 0],
        [0, 0, 0, 0],
        [3, 2, 4, 2],
        [3, 1, 4, 2],
    ],
    np.int32,
)


@pytest.fixture(scope="module")
def family():
    return HiddenMarkovText(INITIAL, MOVES, WRITES, max_length=T)


@pytest.fixture(scope="module")
def scores():
    return [path_scores(INITIAL, MOVES, text_densities(WRITES, tokens_of(row))) for row in X[:5]]


def test_log_prob_sums_over_every_path(family, scores):
    expected = [*map(total, scores), 0.0, -np.inf, -np.inf]
    np.testing.assert_allclose(family.log_prob(X), expected, rtol=1e-5, atol=1e-6)
    stacked = family.log_prob(np.stack([X[:2], X[2:4]]))
    np.testing.assert_allclose(stacked, np.reshape(expected[:4], (2, 2)), rtol=1e-5)


@pytest.mark.slow
def test_log_prob_and_gradient_under_xla(family, scores):
    """Quicker: `test_log_prob_equals_oracle_in_a_graph_of_any_batch_size`, of the layers."""

    @tf.function(jit_compile=True)
    def both(x):
        with tf.GradientTape() as tape:
            parts = [tf.constant(part, tf.float32) for part in (INITIAL, MOVES, WRITES)]
            tape.watch(parts)
            log_prob = HiddenMarkovText(*parts, max_length=T).log_prob(x)
        return log_prob, tape.gradient(log_prob, parts)

    log_prob, gradients = both(X[:5])
    np.testing.assert_allclose(log_prob, list(map(total, scores)), rtol=1e-5)
    assert all(np.isfinite(gradient).all() for gradient in gradients)


def test_one_trace_is_of_any_length(family, scores):
    log_prob = tf.function(family.log_prob, input_signature=[tf.TensorSpec([None, None], tf.int32)])
    for columns, rows in ((4, [0, 1, 2, 3, 4]), (1, [3, 4])):
        expected = [total(scores[row]) for row in rows]
        np.testing.assert_allclose(log_prob(X[rows, :columns]), expected, rtol=1e-5)


def test_probabilities_of_all_rows_of_one_length_sum_to_one(family):
    rows = [
        row
        for row in itertools.product(range(V), repeat=3)
        if (0 not in row and 2 not in row[:2]) or (2 in row and not any(row[row.index(2) + 1 :]))
    ]
    probabilities = np.exp(family.log_prob(np.array(rows, np.int32)))
    np.testing.assert_allclose(probabilities.sum(), 1.0, rtol=1e-5)


def test_posterior_is_the_share_of_every_path(family, scores):
    posterior = family.posterior(X[:5])
    marginals, modes = posterior.marginals().unary.numpy(), posterior.mode().numpy()
    for row, paths in enumerate(scores):
        expected = np.zeros((T, K))
        for path, score in paths.items():
            for t, state in enumerate(path):
                expected[t, state] += np.exp(score - total(paths))
        np.testing.assert_allclose(marginals[row], expected, atol=1e-5)
        best = max(paths, key=paths.get)
        assert tuple(modes[row, : len(best)]) == best
    joint = family.log_joint(X[:5], modes)
    np.testing.assert_allclose(joint, [max(paths.values()) for paths in scores], rtol=1e-5)


def test_derivatives_in_the_potentials_are_expected_counts(family, scores):
    with tf.GradientTape() as tape:
        tape.watch(family.log_potentials)
        log_prob = tf.reduce_sum(family.log_prob(X[:5]))
    counts = map(tf.convert_to_tensor, tape.gradient(log_prob, family.log_potentials))
    initial, moves, writes = np.zeros(K), np.zeros((K, K)), np.zeros((K, V))
    for row, paths in zip(X, scores, strict=False):
        for path, score in paths.items():
            share = np.exp(score - total(paths))
            initial[path[0]] += share
            for pair in itertools.pairwise(path):
                moves[pair] += share
            for state, token in zip(path, tokens_of(row), strict=True):
                writes[state, token] += share
    for count, expected in zip(counts, (initial, moves, writes), strict=True):
        np.testing.assert_allclose(count, expected, atol=1e-5)


def test_draws_follow_log_prob(family):
    """Every text of two columns, within 5 standard errors: fails once in 10^6 per text."""
    size = 20_000
    short = family.copy(max_length=2)
    draws = short.sample(size, seed=[3, 4]).numpy()
    texts = [(2, 0), *itertools.product([3, 4, 5], [2, 3, 4, 5])]
    probabilities = np.exp(short.log_prob(np.array(texts, np.int32)))
    shares = np.array([(draws == text).all(axis=1).mean() for text in texts])
    assert shares.sum() == pytest.approx(1.0)
    error = np.sqrt(probabilities * (1 - probabilities) / size)
    np.testing.assert_array_less(np.abs(shares - probabilities), 5 * error + 1e-12)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: HiddenMarkovText(INITIAL, MOVES[:2], WRITES, max_length=2), "`transition_logits`"),
        (lambda: HiddenMarkovText(INITIAL, MOVES, WRITES[:2], max_length=2), "`emission_logits`"),
        (lambda: HiddenMarkovText(MOVES, MOVES, WRITES, max_length=2), "`initial_logits`"),
        (lambda: HiddenMarkovText(INITIAL, MOVES, WRITES, max_length=0), "`max_length`.* 0"),
        (
            lambda: HiddenMarkovText(INITIAL, MOVES, WRITES, max_length=2).posterior(X[0]),
            r"`x` must have the axes.* received shape \(4,\)",
        ),
    ],
)
def test_errors_name_argument_and_what_came(make, message):
    with pytest.raises(ValueError, match=f"HiddenMarkovText: {message}"):
        make()
