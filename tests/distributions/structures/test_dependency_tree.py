"""Projective dependency trees against the enumeration of all of them."""

import functools
from math import comb

import numpy as np
import pytest
import tensorflow as tf
from tensorflow_probability import distributions as tfd

from tests.distributions.structures.families import (
    WORDS,
    Family,
    answers_of,
    assert_as_enumerated,
    assert_compiles,
    assert_draws_follow,
    assert_refuses_evidence,
    assert_sums_as,
    enumerated,
)
from tests.references.trees import dependency_trees, projective_log_sum
from tfp_dgm.distributions import DependencyTree


def family(single_root):
    return Family(
        make=lambda arcs, lengths: DependencyTree(arcs, lengths=lengths, single_root=single_root),
        shape=(WORDS + 1, WORDS + 1),
        structures=functools.cache(
            lambda words: dependency_trees(words, WORDS, projective=True, single_root=single_root)
        ),
        told_by="arcs",
    )


def arcs(rows=3):
    return np.random.normal(size=(rows, WORDS + 1, WORDS + 1)).astype(np.float32)


@pytest.mark.parametrize("single_root", [True, False])
def test_answers_are_those_of_the_enumeration(single_root):
    trees = family(single_root)

    @enumerated(trees)
    def check(case):
        assert_as_enumerated(trees, answers_of(trees, case), case)

    check()


@pytest.mark.parametrize("single_root", [True, False])
def test_draws_follow_the_distribution(single_root):
    assert_draws_follow(family(single_root), arcs(), [4, 3, 1])


@pytest.mark.parametrize("single_root", [True, False])
def test_there_are_as_many_trees_as_are_known(single_root):
    lengths = np.array([45, 44, 21, 20, 1])
    trees = DependencyTree(tf.zeros([5, 46, 46]), lengths=lengths, single_root=single_root)
    # OEIS A006013 and A001764.
    known = [
        comb(3 * n - 2, n - 1) / n if single_root else comb(3 * n, n) / (2 * n + 1) for n in lengths
    ]
    np.testing.assert_allclose(trees.log_partition(), np.log(known), rtol=1e-5)


def test_many_words_are_summed_as_span_by_span():
    make = functools.partial(DependencyTree, single_root=False)
    assert_sums_as(projective_log_sum, make, np.random.normal(size=(41, 41)))


def test_xla_compiles_it():
    assert_compiles(family(True), arcs(), [4, 1, 3])


def test_evidence_that_allows_nothing_is_refused():
    assert_refuses_evidence(family(True), arcs(), [4, 1, 3], row=2)


@pytest.mark.parametrize(
    ("heads", "why"),
    [
        ([2, 1, 0, 3], "a cycle beside the tree"),
        ([1, 0, 2, 3], "its own head"),
        ([0, 4, 1, 1], "arcs that cross"),
        ([2, 0, 0, 3], "two roots"),
        ([2, 3, 4, 1], "no root"),
        ([2, 0, 2, 5], "no such word"),
        ([2, 0, 2, -1], "no such word"),
    ],
)
def test_what_is_no_tree_has_no_probability(heads, why):
    tree = DependencyTree(arcs(1))
    assert np.isneginf(tree.log_prob([heads])), why
    assert np.isfinite(tree.log_prob([[2, 0, 2, 3]]))


def test_several_roots_are_trees_where_they_are_asked_for():
    tree = DependencyTree(arcs(1), single_root=False)
    assert np.isfinite(tree.log_prob([[2, 0, 0, 3]]))
    assert np.isneginf(tree.log_prob([[0, 4, 0, 0]])), "arcs that cross the root's"


def test_heads_beyond_the_length_are_not_read():
    tree = DependencyTree(arcs(1), lengths=[2])
    np.testing.assert_array_equal(tree.log_prob([[2, 0, 9, -7]]), tree.log_prob([[2, 0, 0, 0]]))
    assert np.isneginf(tree.log_prob([[3, 0, 0, 0]])), "a head beyond the length"


def test_no_divergence_between_one_root_and_several():
    one, several = DependencyTree(arcs()), DependencyTree(arcs(), single_root=False)
    with pytest.raises(NotImplementedError, match="over the same structures"):
        tfd.kl_divergence(several, one)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"arcs": tf.zeros([4, 4])}, r"`arcs` must be \[B, T \+ 1, T \+ 1\]; received .*\(4, 4\)"),
        ({"arcs": tf.zeros([2, 4, 5])}, r"`arcs` must be .* received shape \(2, 4, 5\)"),
        ({"lengths": [1, 0]}, r"`lengths` must be 1 to 3; received 0 in row 1"),
        ({"lengths": [4, 1]}, r"`lengths` must be 1 to 3; received 4 in row 0"),
        ({"lengths": [[1, 2]]}, r"`lengths` must be \[B\]; received shape \(1, 2\)"),
    ],
)
def test_bad_input_is_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        DependencyTree(**({"arcs": tf.zeros([2, 4, 4])} | arguments))
