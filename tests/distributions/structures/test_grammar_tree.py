"""Parse trees of a grammar against the enumeration of all of them."""

import functools
from typing import NamedTuple

import numpy as np
import pytest
import tensorflow as tf

from tests.distributions.structures.families import (
    WORDS,
    Family,
    answers_of,
    assert_as_enumerated,
    assert_draws_follow,
    enumerated,
)
from tests.references import grammars
from tests.references.enumerated_structures import EnumeratedStructures
from tfp_dgm.distributions import GrammarTree

A, P = 2, 2
S = A + P
SHAPES = [(A,), (A, S, S), (WORDS, P), (WORDS, WORDS, S)]  # Of a row's potentials.
SIZES = [int(np.prod(shape)) for shape in SHAPES]
ENDS = np.cumsum(SIZES)
TOTAL = int(ENDS[-1])
SPANS = np.arange(TOTAL) >= ENDS[2]


class Flat(NamedTuple):
    """All marginals of a row in one vector."""

    flat: tf.Tensor


class FlatGrammarTree(GrammarTree):
    """A grammar tree whose potentials of all kinds are one vector [B, R], for the enumeration."""

    def __init__(self, flat, lengths):
        parts = tf.split(flat, SIZES, axis=1)
        root, rules, words, spans = (
            tf.reshape(part, [-1, *shape]) for part, shape in zip(parts, SHAPES, strict=True)
        )
        super().__init__(root, rules, words, spans, lengths=lengths)
        self._flat = flat

    def marginals(self):
        parts = super().marginals()
        rows = tf.shape(parts.words)[0]
        return Flat(tf.concat([tf.reshape(part, [rows, -1]) for part in parts], axis=1))

    def given(self, allowed):
        return FlatGrammarTree(tf.where(allowed, self._flat, -np.inf), self.lengths)


@functools.cache
def structures(words):
    """[(event, places in the vector of what the tree is made of), ...]."""
    found = []
    for symbols, rules in grammars.parses(words, A, P):
        event = np.full((WORDS, WORDS), -1, np.int32)
        places = [(symbols[0, words - 1],)]
        places += [(ENDS[0] + np.ravel_multi_index(rule, SHAPES[1]),) for rule in rules]
        for (first, last), symbol in symbols.items():
            event[first, last] = symbol
            places.append((ENDS[2] + np.ravel_multi_index((first, last, symbol), SHAPES[3]),))
            if first == last:
                places.append((ENDS[1] + first * P + symbol - A,))
        found.append((event, places))
    return found


FAMILY = Family(
    make=FlatGrammarTree,
    shape=(TOTAL,),
    structures=structures,
    told_by="flat",
    shortest=2,
    scales=(0.3, 2.0, 5.0),
    always_read=np.arange(TOTAL) < ENDS[1],
)


def vectors(rows=3):
    return np.random.normal(size=(rows, TOTAL)).astype(np.float32)


def tree_of(vector, lengths):
    pieces = np.split(vector, ENDS[:-1], axis=1)
    shaped = [piece.reshape(-1, *shape) for piece, shape in zip(pieces, SHAPES, strict=True)]
    return GrammarTree(*shaped, lengths=lengths)


def parts(rows=3, own=True, words=3):
    """Root, rules and words; rules of the rows' own or shared."""
    shapes = [(rows, A), (rows, A, S, S)] if own else [(A,), (A, S, S)]
    return [
        np.random.normal(size=shape).astype(np.float32) for shape in [*shapes, (rows, words, P)]
    ]


@pytest.mark.slow
@enumerated(FAMILY)
def test_answers_are_those_of_the_enumeration(case):
    assert_as_enumerated(FAMILY, answers_of(FAMILY, case), case)


def test_draws_follow_the_distribution():
    assert_draws_follow(FAMILY, vectors(), [3, 2, 3])


@pytest.mark.slow
def test_xla_compiles_value_and_gradient():
    vector, lengths = tf.constant(vectors(2)), [4, 2]

    @tf.function(jit_compile=True)
    def both(vector):
        with tf.GradientTape() as tape:
            tape.watch(vector)
            log_partition = FlatGrammarTree(vector, lengths).log_partition()
        return log_partition, tape.gradient(log_partition, vector)

    log_partition, gradient = both(vector)
    for row, length in enumerate(lengths):
        q = EnumeratedStructures(vector[row].numpy(), structures(length))
        np.testing.assert_allclose(log_partition[row], q.log_partition, rtol=1e-5)
        np.testing.assert_allclose(gradient[row], q.marginals, atol=1e-5)


def test_many_words_are_summed_as_span_by_span():
    """Two stretches of widths."""
    root, rules, words = parts(2, own=False, words=41)
    rules[1, 2, 0] = -np.inf
    found = GrammarTree(root, rules, words, lengths=[41, 17]).log_partition()
    expected = [
        grammars.inside(root, rules, np.float64(row[:length]))[1]
        for row, length in zip(words, [41, 17], strict=True)
    ]
    np.testing.assert_allclose(found, expected, rtol=1e-6)


@pytest.mark.parametrize("own", [True, False])
def test_marginals_are_the_counts_of_inside_outside(own):
    root, rules, words = parts(2, own, words=6)
    rules[..., 1, 2, 0] = -np.inf
    found = GrammarTree(root, rules, words, lengths=[6, 4]).marginals()
    for row, length in enumerate([6, 4]):
        of_row = [np.float64(part[row] if own else part) for part in (root, rules)]
        _, top, used, tags = grammars.inside_outside(*of_row, np.float64(words[row, :length]))
        np.testing.assert_allclose(found.root[row], top, atol=1e-5)
        np.testing.assert_allclose(found.rules[row], used, rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(found.words[row, :length], tags, atol=1e-5)


def test_a_symbol_far_below_the_others_of_its_span_counts_where_it_must():
    """500 nats below, where float32 has none of it left; no other symbol goes on from there."""
    root, rules, words = np.zeros(A), np.zeros((A, S, S)), np.zeros((1, 3, P))
    rules[1] = -500.0
    rules[:, 0], rules[:, :, 0] = -np.inf, -np.inf  # Only symbol 1 is ever a half.
    tree = GrammarTree(root, rules, np.float32(words))
    _, expected = grammars.inside(root, rules, words[0])
    np.testing.assert_allclose(tree.log_partition(), [expected], rtol=1e-6)
    assert np.isfinite(tree.marginals().rules).all()


@pytest.mark.slow
def test_the_best_of_all_trees_are_in_order():
    """More than float32 has digits for, of trees that are fewer, too."""
    vector = vectors(2)
    count = 50
    best, log_prob = tree_of(vector, [3, 2]).top_k(count)
    for row, length in enumerate([3, 2]):
        every = EnumeratedStructures(vector[row], structures(length))
        known = min(count, len(every.events))
        expected = np.sort(every.log_probs)[::-1][:known]
        np.testing.assert_allclose(log_prob[:known, row], expected, rtol=1e-4)
        assert np.isneginf(log_prob[known:, row]).all()
        of_event = dict(zip(map(np.ndarray.tobytes, every.events), every.log_probs, strict=True))
        events = [event.tobytes() for event in best[:known, row].numpy()]
        assert len(set(events)) == known
        np.testing.assert_allclose([of_event[event] for event in events], expected, rtol=1e-4)


@pytest.mark.slow
def test_memory_of_the_best_trees_grows_little_faster_than_their_number():
    """The largest tensor of the graph: that of k log k pairs, where k^2 were summed for each."""
    few, many = largest_tensor(16), largest_tensor(256)
    assert 16 * few <= many <= 32 * few


def largest_tensor(count):
    """Numbers in the largest tensor that ranking the trees of six words makes."""

    @tf.function(autograph=False)
    def best():
        root, rules, words = map(tf.constant, parts(1, words=6))
        return GrammarTree(root, rules, words).top_k(count)

    graph = best.get_concrete_function().graph
    names = [function.signature.name for function in graph.as_graph_def().library.function]
    graphs = [graph, *(graph._get_function(name).graph for name in names)]
    outputs = [out for part in graphs for op in part.get_operations() for out in op.outputs]
    return max(out.shape.num_elements() or 0 for out in outputs)


@pytest.mark.slow
def test_a_single_word_is_no_tree():
    root, rules, words = map(tf.constant, parts(2, own=False))
    with tf.GradientTape() as tape:
        tape.watch([root, rules, words])
        log_partition = GrammarTree(root, rules, words, lengths=[1, 3]).log_partition()
    assert np.isneginf(log_partition).tolist() == [True, False]
    gradients = tape.gradient(log_partition, [root, rules, words])
    assert all(np.isfinite(gradient).all() for gradient in gradients)
    alone = GrammarTree(root, rules, words[:, :1])
    assert np.isneginf(alone.log_partition()).all()
    assert np.isneginf(alone.log_prob([[[A]], [[A]]])).all()
    assert np.isneginf(alone.top_k(2)[1]).all()


def test_a_batch_without_rows_has_answers_without_rows():
    root, rules, _ = parts(2, own=False)
    tree = GrammarTree(root, rules, tf.zeros([0, 3, P]))
    assert tree.log_partition().shape == tree.entropy().shape == (0,)
    assert tree.mode().shape == (0, 3, 3)
    assert tree.sample(2, seed=[1, 2]).shape == (2, 0, 3, 3)
    assert tree.top_k(2)[1].shape == (2, 0)


@pytest.mark.slow
def test_float64_is_kept():
    root, rules, words = map(np.float64, parts(1, own=False))
    tree = GrammarTree(root, rules, words)
    _, expected = grammars.inside(root, rules, words[0])
    np.testing.assert_allclose(tree.log_partition(), [expected], rtol=1e-12)
    best, log_prob = tree.top_k(1)
    assert log_prob.dtype == tf.float64
    np.testing.assert_allclose(tree.log_prob(best), log_prob, rtol=1e-12)
    np.testing.assert_array_equal(best[0], tree.mode())
    assert np.isfinite(tree.log_prob(tree.sample(3, seed=[1, 2]))).all()


def test_evidence_on_spans_conditions():
    """That a span is a constituent of symbol 1, and that evidence that allows nothing is named."""
    vector = vectors(2)
    tree = tree_of(vector, [4, 3])
    allowed = np.ones((2, *SHAPES[3]), bool)
    allowed[:, 0, 2] = np.arange(S) == 1
    allowed[:, 1, 3] = False
    flat = np.ones((2, TOTAL), bool)
    flat[:, SPANS] = allowed.reshape(2, -1)
    log_share = tree.given(allowed).log_partition() - tree.log_partition()
    for row, length in enumerate([4, 3]):
        share = EnumeratedStructures(vector[row], structures(length)).allowed(flat[row])
        np.testing.assert_allclose(log_share[row], np.log(share), rtol=1e-4)
    allowed[1, 0, 2] = False
    with pytest.raises(ValueError, match=r"`allowed` must allow .* none in row 1"):
        tree.given(allowed)


def test_minimum_bayes_risk_has_most_expected_brackets():
    vector = 2 * vectors(3)
    lengths = [4, 3, 2]
    tree = tree_of(vector, lengths)
    probabilities = tree.marginals().spans.numpy().sum(axis=-1)
    brackets = tree.minimum_bayes_risk().numpy()
    for row, length in enumerate(lengths):
        q = EnumeratedStructures(vector[row], structures(length))
        shares = sum(share * (event >= 0) for share, event in zip(q.probs, q.events, strict=True))
        np.testing.assert_allclose(probabilities[row], shares, atol=1e-5)
        expected = max(np.sum(shares[event >= 0]) for event in q.events)
        np.testing.assert_allclose(np.sum(shares[brackets[row] == 0]), expected, rtol=1e-5)
        assert any(np.array_equal(event >= 0, brackets[row] == 0) for event in q.events)


def test_what_is_no_tree_has_no_probability():
    tree = GrammarTree(*parts(1))
    event = np.full((3, 3), -1, np.int32)
    event[[0, 1, 2, 0, 0], [0, 1, 2, 1, 2]] = [2, 3, 2, 1, 0]
    assert np.isfinite(tree.log_prob([event]))
    for place, symbol in (((0, 2), 2), ((0, 0), 1), ((0, 1), 4), ((1, 1), -1), ((1, 2), 0)):
        wrong = event.copy()
        wrong[place] = symbol
        assert np.isneginf(tree.log_prob([wrong])), (place, symbol)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"root": np.zeros(3)}, r"`rules` must be .* = \[2 or 1, 3, 5, 5\]; received .*\(1, 2, 4"),
        ({"root": np.zeros((3, 2))}, r"`root` must be \[B or 1, A\].* received shape \(3, 2\)"),
        ({"rules": np.zeros((2, 4, 3))}, r"`rules` must be .* received shape \(1, 2, 4, 3\)"),
        ({"words": np.zeros((2, 2))}, r"`words` must be \[B, T, P\]; received shape \(2, 2\)"),
        ({"spans": np.zeros((2, 3, 3, 2))}, r"`spans` must be .* received shape \(2, 3, 3, 2\)"),
        ({"lengths": [4, 1]}, "`lengths` must be 1 to 3; received 4 in row 0"),
        ({"words": np.zeros((2, 3, 2), np.float16)}, "`spans` must be float32 .* received float16"),
    ],
)
def test_bad_input_is_named(changed, message):
    good = {"root": np.zeros(2), "rules": np.zeros((2, 4, 4)), "words": np.zeros((2, 3, 2))}
    with pytest.raises(ValueError, match=f"GrammarTree: {message}"):
        GrammarTree(**(good | changed))
