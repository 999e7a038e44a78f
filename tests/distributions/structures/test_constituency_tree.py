"""Binary constituency trees against the enumeration of all of them."""

import functools
from math import comb

import numpy as np
import pytest
import tensorflow as tf

from tests.distributions.structures.families import (
    WORDS,
    Family,
    answers_of,
    assert_as_enumerated,
    assert_draws_follow,
    assert_entropy_compiles,
    assert_ranking_compiles,
    assert_refuses_evidence,
    assert_sums_as,
    enumerated,
)
from tests.references.trees import bracketing_log_sum, constituency_trees
from tfp_dgm.distributions import ConstituencyTree


def family(labels):
    return Family(
        make=lambda spans, lengths: ConstituencyTree(spans, lengths=lengths),
        shape=(WORDS, WORDS, labels),
        structures=functools.cache(lambda words: constituency_trees(words, WORDS, labels)),
        told_by="spans",
    )


def spans(rows=3, labels=2):
    return np.random.normal(size=(rows, WORDS, WORDS, labels)).astype(np.float32)


@pytest.mark.slow
@pytest.mark.parametrize("labels", [1, 2])
def test_answers_are_those_of_the_enumeration(labels):
    trees = family(labels)

    @enumerated(trees)
    def check(case):
        assert_as_enumerated(trees, answers_of(trees, case), case)

    check()


def test_draws_follow_the_distribution():
    assert_draws_follow(family(2), spans(), [3, 2, 1])


def test_there_are_as_many_trees_as_are_known():
    lengths = np.array([45, 44, 21, 20, 1])
    trees = ConstituencyTree(tf.zeros([5, 45, 45, 3]), lengths=lengths)
    known = [comb(2 * n - 2, n - 1) / n * 3.0 ** (2 * n - 1) for n in lengths]  # Catalan's.
    np.testing.assert_allclose(trees.log_partition(), np.log(known), rtol=1e-5)


def test_many_words_are_summed_as_span_by_span():
    assert_sums_as(bracketing_log_sum, ConstituencyTree, np.random.normal(size=(41, 41, 2)))


@pytest.mark.slow
def test_xla_compiles_it():
    """The entropy, which is made of log Z and its derivative, and the derivative of both.

    Quicker: `test_grammar_tree.py::test_xla_compiles_value_and_gradient`, of the same charts.
    """
    assert_entropy_compiles(family(2), spans(), [4, 1, 3])


@pytest.mark.slow
def test_xla_ranks_as_the_enumeration():
    assert_ranking_compiles(family(2), spans(), [4, 1, 3])


def test_evidence_that_allows_nothing_is_refused():
    assert_refuses_evidence(family(2), spans(), [4, 1, 3], row=2)


def bracketing(*wide, words=3, size=WORDS):
    """The label 1 on the spans that are given, and on single words."""
    event = np.full([size, size], -1, np.int32)
    for first, last in [*wide, *((word, word) for word in range(words))]:
        event[first, last] = 1
    return event


@pytest.mark.parametrize(
    ("wide", "why"),
    [
        ([(0, 1), (1, 2)], "spans that cross, and no whole"),
        ([(0, 1), (1, 2), (0, 2)], "spans that cross"),
        ([(0, 2)], "three words in one span"),
        ([(0, 1)], "no whole"),
        ([(0, 2), (1, 0)], "a span that ends before it begins"),
        ([(0, 2), (0, 3)], "a span beyond the length"),
    ],
)
def test_what_is_no_tree_has_no_probability(wide, why):
    tree = ConstituencyTree(spans(1), lengths=[3])
    assert np.isneginf(tree.log_prob([bracketing(*wide)])), why
    assert np.isfinite(tree.log_prob([bracketing((0, 1), (0, 2))]))


@pytest.mark.parametrize("label", [-2, 2])
def test_what_is_no_label_has_no_probability(label):
    event = bracketing((0, 1), (0, 2))
    event[1, 1] = label
    assert np.isneginf(ConstituencyTree(spans(1), lengths=[3]).log_prob([event]))


def test_a_missing_word_has_no_probability():
    event = bracketing((0, 1), (0, 2))
    event[2, 2] = -1
    assert np.isneginf(ConstituencyTree(spans(1), lengths=[3]).log_prob([event]))


def test_what_is_beyond_the_length_is_not_read():
    tree, event = ConstituencyTree(spans(1), lengths=[3]), bracketing((0, 1), (0, 2))
    other = event.copy()
    other[3], other[:, 3] = 7, 7
    np.testing.assert_array_equal(tree.log_prob([other]), tree.log_prob([event]))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"spans": tf.zeros([2, 3, 3])}, r"`spans` must be \[B, T, T, K\]; received .*\(2, 3, 3\)"),
        ({"spans": tf.zeros([2, 3, 4, 1])}, r"`spans` must be .* received shape \(2, 3, 4, 1\)"),
        ({"lengths": [1, 0]}, r"`lengths` must be 1 to 3; received 0 in row 1"),
        ({"lengths": [4, 1]}, r"`lengths` must be 1 to 3; received 4 in row 0"),
        ({"lengths": [[1, 2]]}, r"`lengths` must be \[B\]; received shape \(1, 2\)"),
    ],
)
def test_bad_input_is_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        ConstituencyTree(**({"spans": tf.zeros([2, 3, 3, 1])} | arguments))
