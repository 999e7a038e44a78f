"""Sums over tag sequences against their enumeration."""

import itertools

import numpy as np
import pytest

from tfp_dgm.tagging.chain_fitting import ChainProblem
from tfp_dgm.tagging.form_vectors import FormVectors
from tfp_dgm.tagging.packed_chains import PackedSentences, best_paths, chain_sums
from tfp_dgm.tagging.word_windows import WordTable, windows

STATES = 3
LENGTHS = (2, 4, 1, 4)
BOUNDS = np.cumsum([0, *LENGTHS])


def enumerated(unary, transitions, allowed):
    """(log Z, marginals [T, K], moves [K, K]) of one sentence."""
    steps = len(unary)
    total, marginals, moves = 0.0, np.zeros(unary.shape), np.zeros(transitions.shape)
    for path in itertools.product(range(unary.shape[1]), repeat=steps):
        if not all(allowed[place, state] for place, state in enumerate(path)):
            continue
        score = sum(unary[place, state] for place, state in enumerate(path))
        weight = np.exp(score + sum(transitions[pair] for pair in itertools.pairwise(path)))
        total += weight
        for place, state in enumerate(path):
            marginals[place, state] += weight
        for pair in itertools.pairwise(path):
            moves[pair] += weight
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.log(total), marginals / total, moves / total


@pytest.fixture
def potentials():
    rng = np.random.default_rng(0)
    unary = 3 * rng.normal(size=(BOUNDS[-1], STATES))
    transitions = 2 * rng.normal(size=(STATES, STATES))
    transitions[0, 1] = -np.inf
    allowed = rng.random(unary.shape) < 0.6
    allowed[:, 0] = True
    return unary, transitions, allowed


def test_sums_are_those_of_enumeration(potentials):
    unary, transitions, allowed = potentials
    packed = PackedSentences(LENGTHS)
    found = chain_sums(packed, unary[packed.order], transitions, allowed[packed.order])
    marginals = np.empty_like(found.marginals)
    marginals[packed.order] = found.marginals
    moves = np.zeros_like(transitions)
    for rank, sentence in enumerate(packed.sentences):
        here = slice(BOUNDS[sentence], BOUNDS[sentence + 1])
        log_partition, expected, moved = enumerated(unary[here], transitions, allowed[here])
        np.testing.assert_allclose(found.log_partition[rank], log_partition, rtol=1e-12)
        np.testing.assert_allclose(marginals[here], expected, atol=1e-12)
        moves += moved
    np.testing.assert_allclose(found.moves, moves, atol=1e-12)


def test_what_is_impossible_weighs_nothing(potentials):
    unary, transitions, allowed = potentials
    allowed[BOUNDS[2]] = False
    packed = PackedSentences(LENGTHS)
    found = chain_sums(packed, unary[packed.order], transitions, allowed[packed.order])
    impossible = np.isneginf(found.log_partition)
    assert packed.sentences[impossible].tolist() == [2]


def test_long_sentences_neither_overflow_nor_vanish():
    """A chain without moves is a product of softmaxes."""
    rng = np.random.default_rng(1)
    unary = 40 * rng.normal(size=(3000, STATES))
    packed = PackedSentences([3000])
    found = chain_sums(packed, unary, np.zeros((STATES, STATES)), None)
    top = unary.max(axis=1, keepdims=True)
    weights = np.exp(unary - top)
    expected = (np.log(weights.sum(axis=1)) + top[:, 0]).sum()
    np.testing.assert_allclose(found.log_partition, [expected], rtol=1e-12)
    np.testing.assert_allclose(found.marginals, weights / weights.sum(axis=1, keepdims=True))


TOKENS = [["The", "cat", "sleeps"], ["Run"], ["a", "cat", "runs", "2"]]
LEGAL = (
    np.array([True, True, False]),
    np.array([[1, 1, 1], [1, 1, 0], [1, 1, 1]], bool),
    np.array([True, False, True]),
)


def test_the_loss_is_the_log_probability_of_partial_annotations():
    """Value by enumeration over legal sequences; derivative by differences of the value."""
    rng = np.random.default_rng(2)
    lengths = [len(sentence) for sentence in TOKENS]
    known = rng.random((sum(lengths), STATES)) < 0.5
    known[:, 0] = True
    table = WordTable.of(TOKENS, FormVectors.fit(TOKENS, seed=0))
    seen = windows(TOKENS, table.words)
    encoded = rng.normal(size=(sum(lengths), 2)).astype(np.float32)
    problem = ChainProblem(table, seen, encoded, lengths, known, LEGAL)
    vector = rng.normal(size=problem.num_weights).astype(np.float32)
    l2 = 0.7
    weights = problem.weights(vector)
    unary = weights.unary(table, seen, encoded)
    transitions = np.where(LEGAL[1], weights.transitions, -np.inf)
    expected = l2 / 2 * (vector @ vector)
    bounds = np.cumsum([0, *lengths])
    for start, end in itertools.pairwise(bounds):
        may = np.ones((end - start, STATES), bool)
        may[0] &= LEGAL[0]
        may[-1] &= LEGAL[2]
        expected += enumerated(unary[start:end], transitions, may)[0]
        expected -= enumerated(unary[start:end], transitions, may & known[start:end])[0]
    value, slope = problem.value(vector, l2)
    assert value == pytest.approx(expected, rel=1e-5)
    for _ in range(3):
        step = rng.normal(size=len(vector))
        step = (step * 1e-2 / np.linalg.norm(step)).astype(np.float32)
        rise = problem.value(vector + step, l2)[0] - problem.value(vector - step, l2)[0]
        assert slope @ step == pytest.approx(rise / 2, rel=2e-2, abs=2e-5)


def test_too_many_weights_leave_rare_features_out(monkeypatch):
    """Of "cat", twice there, the word is kept, and of "Run" none; -s ends two words."""
    table = WordTable.of(TOKENS, FormVectors.fit(TOKENS, seed=0))
    monkeypatch.setattr("tfp_dgm.tagging.chain_fitting._MOST_WEIGHTS", 0)
    monkeypatch.setattr("tfp_dgm.tagging.chain_fitting._LEAST_WORDS", (1, 2))
    lengths = [len(sentence) for sentence in TOKENS]
    known = np.ones((sum(lengths), STATES), bool)
    none = np.zeros((sum(lengths), 0), np.float32)
    problem = ChainProblem(table, windows(TOKENS, table.words), none, lengths, known, LEGAL)
    kept = {table.features[number] for number in problem.blocks[2].kept}
    assert {"w cat", "l cat", "s1 s", "f x"} <= kept
    assert not {"w Run", "l run", "s1 n", "w sleeps", "s2 ns"} & kept


def test_the_best_path_is_that_of_enumeration(potentials, monkeypatch):
    unary, transitions, _ = potentials
    monkeypatch.setattr("tfp_dgm.tagging.packed_chains._WAYS_AT_ONCE", 2 * STATES**2)
    packed = PackedSentences(LENGTHS)
    found = packed.unpacked(best_paths(packed, unary[packed.order], transitions))
    for start, end in itertools.pairwise(BOUNDS):

        def score(path, own=unary[start:end]):
            moved = sum(transitions[pair] for pair in itertools.pairwise(path))
            return sum(own[range(len(own)), path]) + moved

        best = max(itertools.product(range(STATES), repeat=end - start), key=score)
        assert tuple(found[start:end]) == best
