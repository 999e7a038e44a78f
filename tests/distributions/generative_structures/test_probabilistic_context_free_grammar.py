"""Texts of a grammar: against every tree, and every text."""

import itertools

import numpy as np
import pytest
import tensorflow as tf
from scipy import stats

from tests.references import grammars
from tfp_dgm.distributions import ProbabilisticContextFreeGrammar

A, P, V, T = 2, 2, 6, 5
RANDOM = np.random.default_rng(4)
ROOT, RULES, WRITES = (
    RANDOM.normal(size=(2, *shape)) for shape in [(A,), (A, A + P, A + P), (P, V)]
)
RULES[0, 1, 0, 2] = -np.inf
# Closed texts; then a single word, none, no end, no word, and twice words after the end.
X = np.array(
    [
        [3, 4, 5, 3, 2],
        [4, 4, 2, 0, 0],
        [5, 3, 3, 2, 0],
        [3, 2, 0, 0, 0],
        [2, 0, 0, 0, 0],
        [3, 4, 5, 0, 0],
        [0, 0, 0, 0, 0],
        [3, 4, 2, 4, 2],
        [3, 0, 4, 2, 0],
    ],
    np.int32,
)


def oracle(row=0):
    return grammars.log_probabilities(ROOT[row], RULES[row], WRITES[row])


@pytest.fixture(scope="module")
def family():
    return ProbabilisticContextFreeGrammar(ROOT[0], RULES[0], WRITES[0], max_length=T)


def test_log_prob_sums_over_every_tree(family):
    expected = [grammars.log_prob(oracle(), row) for row in X]
    assert np.isfinite(expected).tolist() == [True] * 3 + [False] * 6
    np.testing.assert_allclose(family.log_prob(X), expected, rtol=1e-5)
    np.testing.assert_allclose(family.log_prob(X[0]), expected[0], rtol=1e-5)


@pytest.mark.parametrize(
    ("known_rows", "asked"), [(None, [(5, [0, 1, 2]), (3, [1])]), (1, [(5, [0]), (3, [1])])]
)
def test_one_trace_is_of_any_length(family, known_rows, asked):
    signature = [tf.TensorSpec([known_rows, None], tf.int32)]
    log_prob = tf.function(family.log_prob, input_signature=signature)
    for columns, rows in asked:
        expected = [grammars.log_prob(oracle(), X[row]) for row in rows]
        np.testing.assert_allclose(log_prob(X[rows, :columns]), expected, rtol=1e-5)


@pytest.mark.slow
def test_rows_may_have_a_grammar_each():
    family = ProbabilisticContextFreeGrammar(ROOT, RULES, WRITES, max_length=T)
    assert family.batch_shape == (2,)
    assert family.sample(3, seed=[1, 2]).shape == (3, 2, T)
    draws = np.stack([X[:2], X[1:3]])  # [S, B, T]
    expected = [[grammars.log_prob(oracle(row), x[row]) for row in range(2)] for x in draws]
    np.testing.assert_allclose(family.log_prob(draws), expected, rtol=1e-5)
    np.testing.assert_allclose(family.log_prob(draws[1]), expected[1], rtol=1e-5)
    shared = ProbabilisticContextFreeGrammar(ROOT, RULES[1], WRITES[1], max_length=T)
    mixed = (*grammars.log_probabilities(ROOT[0], RULES[1], WRITES[1]),)
    np.testing.assert_allclose(shared.log_prob(X[0])[0], grammars.log_prob(mixed, X[0]), rtol=1e-5)


def closed_texts(columns):
    """Every text of so many columns that has a tree."""
    return [
        (*words, 2, *[0] * (columns - 1 - count))
        for count in range(2, columns)
        for words in itertools.product(range(3, V), repeat=count)
    ]


def test_probabilities_of_all_texts_sum_to_that_of_their_lengths(family):
    """P(n words), by the number of words that each symbol gives."""
    root, rules, _ = (np.exp(part) for part in oracle())
    of_length = np.zeros((T, A + P))
    of_length[1, A:] = 1
    for words in range(2, T):
        for left in range(1, words):
            pairs = np.outer(of_length[left], of_length[words - left])
            of_length[words, :A] += np.sum(rules * pairs, axis=(1, 2))
    probabilities = np.exp(family.log_prob(np.array(closed_texts(T), np.int32)))
    np.testing.assert_allclose(probabilities.sum(), (of_length[:, :A] @ root).sum(), rtol=1e-5)
    assert probabilities.sum() < 1


def test_draws_follow_log_prob(family):
    """By chi-square; what has no room is PAD alone, and as likely as no other text is."""
    size = 5000
    draws = family.copy(max_length=4).sample(size, seed=[3, 4]).numpy()
    texts = np.array(closed_texts(4), np.int32)
    probabilities = np.exp([grammars.log_prob(oracle(), text) for text in texts])
    counts = [(draws == text).all(axis=1).sum() for text in [*texts, np.zeros(4)]]
    assert sum(counts) == size
    expected = size * np.append(probabilities, 1 - probabilities.sum())
    assert stats.chisquare(counts, expected).pvalue > 1e-3


def test_posterior_is_the_share_of_every_tree(family):
    posterior = family.posterior(X[:3])
    marginals, modes = posterior.marginals().spans.numpy(), posterior.mode().numpy()
    best = []
    for row, x in enumerate(X[:3]):
        words = grammars.words_of(x)
        trees = grammars.parses(len(words), A, P)
        scores = np.array([grammars.log_joint(oracle(), tree, words) for tree in trees])
        shares = np.exp(scores - grammars.log_prob(oracle(), x))
        expected = np.zeros((T, T, A + P))
        for tree, share in zip(trees, shares, strict=True):
            for span, symbol in tree.symbols.items():
                expected[(*span, symbol)] += share
        np.testing.assert_allclose(marginals[row], expected, atol=1e-5)
        symbols = trees[np.argmax(scores)].symbols
        assert {span: modes[row][span] for span in symbols} == symbols
        best.append(scores.max())
    np.testing.assert_allclose(family.log_joint(X[:3], modes), best, rtol=1e-5)


def test_derivatives_in_the_potentials_are_expected_counts(family):
    with tf.GradientTape() as tape:
        tape.watch(family.log_potentials)
        log_prob = tf.reduce_sum(family.log_prob(X[:3]))
    counts = map(tf.convert_to_tensor, tape.gradient(log_prob, family.log_potentials))
    root, rules, emissions = oracle()
    expected = [np.zeros_like(part) for part in (root, rules, emissions)]
    for x in X[:3]:
        words = grammars.words_of(x)
        _, top, used, tags = grammars.inside_outside(root, rules, emissions.T[words])
        expected[0] += top
        expected[1] += used
        np.add.at(expected[2].T, words, tags)
    for count, wanted in zip(counts, expected, strict=True):
        np.testing.assert_allclose(count, wanted, atol=1e-5)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"root_logits": np.zeros(3)}, r"`rule_logits` must be .* \[3, 5, 5\]; received .*\(2, 4"),
        ({"root_logits": np.zeros((3, 2))}, r"`rule_logits` must be \[B, .* = \[3, 2, 4, 4\]"),
        ({"rule_logits": np.zeros((2, 4, 3))}, r"`rule_logits` must be .* received .*\(2, 4, 3\)"),
        ({"emission_logits": np.zeros(3)}, r"`emission_logits` must be .* received shape \(3,\)"),
        ({"max_length": 2}, "`max_length` must be >= 3; received 2"),
    ],
)
def test_errors_name_argument_and_what_came(changed, message):
    good = {
        "root_logits": np.zeros(2),
        "rule_logits": np.zeros((2, 2, 4, 4))[0],
        "emission_logits": np.zeros((2, 6)),
        "max_length": 3,
    }
    if np.ndim(changed.get("root_logits")) == 2:
        good["rule_logits"] = np.zeros((2, 2, 4, 4))
    with pytest.raises(ValueError, match=f"ProbabilisticContextFreeGrammar: {message}"):
        ProbabilisticContextFreeGrammar(**(good | changed))


def test_other_axes_of_texts_are_refused(family):
    with pytest.raises(ValueError, match=r"`x` must have the axes.* received shape \(5,\)"):
        family.posterior(X[0])
