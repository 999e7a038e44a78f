"""What dependency trees promise, projective or not: beside the enumeration of all of them."""

import functools

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
    assert_entropy_compiles,
    assert_ranking_compiles,
    assert_refuses_evidence,
    enumerated,
)
from tests.references.trees import dependency_trees
from tfp_dgm.distributions import DependencyTree, NonProjectiveDependencyTree

every_kind = pytest.mark.parametrize("kind", [DependencyTree, NonProjectiveDependencyTree])
of_roots = pytest.mark.parametrize("single_root", [True, False])


def family(kind, single_root):
    projective = kind is DependencyTree
    return Family(
        make=lambda arcs, lengths: kind(arcs, lengths=lengths, single_root=single_root),
        shape=(WORDS + 1, WORDS + 1),
        structures=functools.cache(
            lambda words: dependency_trees(
                words, WORDS, projective=projective, single_root=single_root
            )
        ),
        told_by="arcs",
    )


def arcs(rows=3):
    return np.random.normal(size=(rows, WORDS + 1, WORDS + 1)).astype(np.float32)


@pytest.mark.slow
@every_kind
@pytest.mark.parametrize("single_root", [True, pytest.param(False, marks=pytest.mark.slow)])
def test_answers_are_those_of_the_enumeration(kind, single_root):
    """Of several roots quicker: their draws, below, and what is one of their trees."""
    trees = family(kind, single_root)

    @enumerated(trees)
    def check(case):
        assert_as_enumerated(trees, answers_of(trees, case), case)

    check()


@every_kind
def test_divergences_are_between_rows_of_the_same_lengths(kind):
    q = kind(arcs(), lengths=[4, 3, 1])
    with pytest.raises(ValueError, match=r"`p` must .* lengths of `q`.* 1; received 2 in row 2"):
        tfd.kl_divergence(q, kind(arcs(), lengths=[4, 3, 2]))
    with pytest.raises(ValueError, match=r"`p` must .*\(5, 5\) a row; received \(4, 4\)"):
        tfd.kl_divergence(q, kind(tf.zeros([3, 4, 4]), lengths=[3, 3, 1]))


@every_kind
@of_roots
def test_draws_follow_the_distribution(kind, single_root):
    assert_draws_follow(family(kind, single_root), arcs(), [4, 3, 1])


@pytest.mark.slow
@every_kind
@pytest.mark.parametrize("mode", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_xla_compiles_it(kind, mode):
    assert_compiles(family(kind, True), arcs(), [4, 1, 3], mode=mode)


@pytest.mark.slow  # As of constituency trees, which take half the time.
@every_kind
def test_xla_compiles_the_derivative_of_the_entropy(kind):
    assert_entropy_compiles(family(kind, True), arcs(), [4, 1, 3])


@pytest.mark.slow  # As of constituency trees.
@every_kind
def test_xla_ranks_as_the_enumeration(kind):
    assert_ranking_compiles(family(kind, True), arcs(), [4, 1, 3])


@every_kind
def test_evidence_that_allows_nothing_is_refused(kind):
    assert_refuses_evidence(family(kind, True), arcs(), [4, 1, 3], row=2)


@pytest.mark.slow
@every_kind
def test_where_no_tree_is_possible_none_of_the_best_is(kind):
    impossible = arcs(2)
    impossible[1, :, 2] = -np.inf
    _, log_prob = kind(impossible).top_k(3)
    assert np.isfinite(log_prob[:, 0]).all()
    assert np.isneginf(log_prob[:, 1]).all()


@every_kind
@pytest.mark.parametrize(
    ("heads", "why"),
    [
        ([2, 1, 0, 3], "a cycle beside the tree"),
        ([1, 0, 2, 3], "its own head"),
        ([2, 0, 0, 3], "two roots"),
        ([2, 3, 4, 1], "no root"),
        ([2, 0, 2, 5], "no such word"),
        ([2, 0, 2, -1], "no such word"),
    ],
)
def test_what_is_no_tree_has_no_probability(kind, heads, why):
    tree = kind(arcs(1))
    assert np.isneginf(tree.log_prob([heads])), why
    assert np.isfinite(tree.log_prob([[2, 0, 2, 3]]))


@every_kind
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"arcs": tf.zeros([4, 4])}, r"`arcs` must be \[B, T \+ 1, T \+ 1\]; received .*\(4, 4\)"),
        ({"arcs": tf.zeros([2, 4, 5])}, r"`arcs` must be .* received shape \(2, 4, 5\)"),
        ({"arcs": tf.zeros([2, 4, 4], tf.float16)}, "`arcs` must be float32 .* received float16"),
        ({"arcs": tf.zeros([2, 4, 4], tf.int32)}, "`arcs` must be float32 .* received int32"),
        ({"lengths": [1, 0]}, r"`lengths` must be 1 to 3; received 0 in row 1"),
        ({"lengths": [4, 1]}, r"`lengths` must be 1 to 3; received 4 in row 0"),
        ({"lengths": [[1, 2]]}, r"`lengths` must be \[B\]; received shape \(1, 2\)"),
    ],
)
def test_bad_input_is_named(kind, arguments, message):
    with pytest.raises(ValueError, match=message):
        kind(**({"arcs": tf.zeros([2, 4, 4])} | arguments))


@every_kind
def test_several_roots_are_trees_where_they_are_asked_for(kind):
    tree = kind(arcs(1), single_root=False)
    assert np.isfinite(tree.log_prob([[2, 0, 0, 3]]))
    wrong, why = {
        DependencyTree: ([0, 4, 0, 0], "arcs that cross the root's"),
        NonProjectiveDependencyTree: ([0, 4, 0, 2], "a cycle"),
    }[kind]
    assert np.isneginf(tree.log_prob([wrong])), why


@every_kind
def test_heads_beyond_the_length_are_not_read(kind):
    tree = kind(arcs(1), lengths=[2])
    np.testing.assert_array_equal(tree.log_prob([[2, 0, 9, -7]]), tree.log_prob([[2, 0, 0, 0]]))
    assert np.isneginf(tree.log_prob([[3, 0, 0, 0]])), "a head beyond the length"
