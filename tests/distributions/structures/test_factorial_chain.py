"""Chains side by side: every quantity against the enumeration of all their paths."""

import itertools

import numpy as np
import pytest
import scipy.special
import tensorflow as tf

from tfp_dgm.distributions.structures import FactorialChain

B, T, M, K = 3, 3, 2, 2
LENGTHS = [3, 1, 2]
JOINT = list(itertools.product(range(K), repeat=M))


def potentials(seed):
    random = np.random.default_rng(seed)
    unary = random.normal(size=(B, T, K**M), scale=2.0)
    transitions, initial = random.normal(size=(M, K, K)), random.normal(size=(M, K))
    transitions[1, 0, 1] = -np.inf
    unary[0, 1, 2] = -np.inf
    for row, length in enumerate(LENGTHS):
        unary[row, length:] = 1e4  # Never read.
    return unary.astype("f4"), transitions.astype("f4"), initial.astype("f4")


def scores_of(unary, transitions, initial):
    """For each row, {path: score}; a path is of tuples, a state of each chain."""
    rows = []
    for row, length in enumerate(LENGTHS):
        scores = {}
        for path in itertools.product(JOINT, repeat=length):
            score = sum(np.float64(initial[m, path[0][m]]) for m in range(M))
            score += sum(unary[row, t, JOINT.index(states)] for t, states in enumerate(path))
            for before, after in itertools.pairwise(path):
                score += sum(transitions[m, before[m], after[m]] for m in range(M))
            scores[path] = score
        rows.append(scores)
    return rows


def log_total(scores):
    return scipy.special.logsumexp(list(scores.values()))


def padded(path):
    return np.array([*path, *[(0,) * M] * (T - len(path))])


@pytest.fixture(scope="module")
def chain():
    return FactorialChain(*potentials(1), lengths=LENGTHS)


@pytest.fixture(scope="module")
def rows():
    return scores_of(*potentials(1))


def test_partition_entropy_and_marginals(chain, rows):
    np.testing.assert_allclose(chain.log_partition(), list(map(log_total, rows)), rtol=1e-5)
    found, entropies = chain.marginals(), chain.entropy()
    for row, scores in enumerate(rows):
        unary, moves, initial = np.zeros((T, K**M)), np.zeros((M, K, K)), np.zeros((M, K))
        shares = {path: np.exp(score - log_total(scores)) for path, score in scores.items()}
        for path, share in shares.items():
            for t, states in enumerate(path):
                unary[t, JOINT.index(states)] += share
            for m in range(M):
                initial[m, path[0][m]] += share
                for before, after in itertools.pairwise(path):
                    moves[m, before[m], after[m]] += share
        for part, expected in zip(found, (unary, moves, initial), strict=True):
            np.testing.assert_allclose(part[row], expected, atol=1e-5)
        entropy = scipy.special.entr(list(shares.values())).sum()
        np.testing.assert_allclose(entropies[row], entropy, rtol=1e-4)


def test_best_paths_in_their_order(chain, rows):
    structures, log_prob = chain.top_k(5)
    np.testing.assert_array_equal(chain.mode(), structures[0])
    for row, scores in enumerate(rows):
        best = sorted(scores, key=scores.get, reverse=True)
        expected = [scores[path] - log_total(scores) for path in best[:5]]
        expected += [-np.inf] * (5 - len(expected))
        np.testing.assert_allclose(log_prob[:, row], expected, rtol=1e-4, atol=1e-5)
        for k, path in enumerate(best[:5]):
            if np.isfinite(expected[k]):
                np.testing.assert_array_equal(structures[k, row], padded(path))
    np.testing.assert_allclose(chain.log_prob(structures[:4]), log_prob[:4], rtol=1e-4, atol=1e-5)


def test_log_prob_of_what_cannot_be(chain):
    wrong = np.zeros((B, T, M), np.int32)
    wrong[0, 2, 1] = K
    wrong[2, 0, 0] = -1
    wrong[1, 2, 0] = 7  # Beyond the length.
    found = chain.log_prob(wrong).numpy()
    assert np.isneginf(found[[0, 2]]).all()
    assert np.isfinite(found[1])


def test_draws_are_exact(chain, rows):
    """20,000 draws: every path within 5 standard errors, which fails once in 10^6 per path."""
    size = 20_000
    draws = chain.sample(size, seed=[1, 2]).numpy()
    numbers = np.ravel_multi_index(np.moveaxis(draws, -1, 0), (K,) * M)  # [N, B, T]
    for row, scores in enumerate(rows):
        for path, score in scores.items():
            probability = np.exp(score - log_total(scores))
            wanted = [JOINT.index(tuple(states)) for states in padded(path)]
            share = (numbers[:, row] == wanted).all(axis=1).mean()
            error = np.sqrt(probability * (1 - probability) / size)
            assert abs(share - probability) < 5 * error + 1e-12


def test_evidence_and_divergence(chain, rows):
    allowed = np.ones((B, T, K**M), bool)
    allowed[:, 0, 3] = False
    allowed[2, 1, :2] = False
    other = FactorialChain(*potentials(2), lengths=LENGTHS)
    others = scores_of(*potentials(2))
    evidence = chain.given(allowed).log_partition() - chain.log_partition()
    divergence = chain.given(allowed).kl_divergence(chain)
    np.testing.assert_allclose(divergence, -evidence, rtol=1e-4, atol=1e-5)
    for row, scores in enumerate(rows):
        kept = [
            score
            for path, score in scores.items()
            if all(allowed[row, t, JOINT.index(states)] for t, states in enumerate(path))
        ]
        expected = scipy.special.logsumexp(kept) - log_total(scores)
        np.testing.assert_allclose(evidence[row], expected, rtol=1e-4, atol=1e-5)
    found = chain.kl_divergence(other)
    for row, (ours, theirs) in enumerate(zip(rows, others, strict=True)):
        expected = sum(
            np.exp(score - log_total(ours))
            * (score - log_total(ours) - theirs[path] + log_total(theirs))
            for path, score in ours.items()
            if np.isfinite(score)
        )
        np.testing.assert_allclose(found[row], expected, rtol=1e-4)


def test_transitions_of_each_row_and_gradients_of_the_entropy(chain):
    unary, transitions, initial = (tf.constant(part) for part in potentials(1))
    own = FactorialChain(
        unary,
        tf.tile(transitions[tf.newaxis], [B, 1, 1, 1]),
        tf.tile(initial[tf.newaxis], [B, 1, 1]),
        lengths=LENGTHS,
    )
    np.testing.assert_allclose(own.log_partition(), chain.log_partition(), rtol=1e-6)
    np.testing.assert_array_equal(own.mode(), chain.mode())

    def entropy(value):
        return tf.reduce_sum(FactorialChain(value, transitions, initial, lengths=LENGTHS).entropy())

    with tf.GradientTape() as tape:
        tape.watch(unary)
        total = entropy(unary)
    gradient = tape.gradient(total, unary).numpy()
    assert np.isfinite(gradient).all()
    for place in [(0, 0, 1), (0, 1, 0), (2, 1, 3)]:
        step = np.zeros(unary.shape, np.float32)
        step[place] = 1e-2
        numerical = (entropy(unary + step) - entropy(unary - step)) / 2e-2
        np.testing.assert_allclose(gradient[place], numerical, rtol=2e-2, atol=1e-3)


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ((np.zeros([B, T, 5]), np.zeros([M, K, K]), np.zeros([M, K])), r"`unary` .* \(3, 3, 5\)"),
        ((np.zeros([T, 4]), np.zeros([M, K, K]), np.zeros([M, K])), r"`unary` .* \(3, 4\)"),
        ((np.zeros([B, T, 4]), np.zeros([M, K, 3]), np.zeros([M, K])), "`transitions` must"),
        ((np.zeros([B, T, 4]), np.zeros([M, K, K]), np.zeros([K])), r"`initial` .* \(2,\)"),
    ],
)
def test_shapes_that_do_not_fit_are_refused(parts, message):
    with pytest.raises(ValueError, match=f"FactorialChain: {message}"):
        FactorialChain(*parts)


@pytest.mark.parametrize("length", [0, 4])
def test_lengths_out_of_range_are_refused(length):
    with pytest.raises(ValueError, match=f"`lengths` must be 1 to 3; received {length} in row 1"):
        FactorialChain(*potentials(1), lengths=[1, length, 2])
