"""Dependency trees with valence, beside the enumeration of all of them."""

import functools

import numpy as np
import pytest
import tensorflow as tf

from tests.distributions.structures.families import (
    WORDS,
    Family,
    answers_of,
    assert_as_enumerated,
    assert_compiles,
    assert_draws_follow,
    assert_refuses_evidence,
    enumerated,
)
from tests.references.dependency_models import LEFT, valence_parts
from tests.references.enumerated_structures import EnumeratedStructures
from tests.references.trees import dependency_trees
from tfp_dgm.distributions import DependencyTree, DependencyTreeWithValence

NODES = WORDS + 1
# Potentials of arcs and stops as one array: arcs where arcs are, the stops of a word in places that
# no arc has, those of its left side in the column of the root, of its right side on the diagonal.
SHAPE = (NODES, NODES, 2)
DIAGONAL = np.arange(1, NODES)
IS_STOP = np.zeros(SHAPE, bool)
IS_STOP[:, 0] = IS_STOP[DIAGONAL, DIAGONAL] = True


def make(potentials, lengths):
    potentials = tf.convert_to_tensor(potentials)
    right = tf.linalg.diag_part(tf.transpose(potentials, [0, 3, 1, 2]))  # [B, 2, N]
    stops = tf.stack([potentials[:, 1:, 0], tf.transpose(right, [0, 2, 1])[:, 1:]], axis=2)
    return DependencyTreeWithValence(potentials, stops, lengths=lengths)


def as_one(parts):
    """Marginals in the places of the potentials."""
    whole = np.array(parts.arcs)
    assert (whole[:, IS_STOP] == 0).all()
    whole[:, 1:, 0] = parts.stops[:, :, 0]
    whole[:, DIAGONAL, DIAGONAL] = parts.stops[:, :, 1]
    return tf.constant(whole)


@functools.cache
def structures(words):
    trees = []
    for event, _ in dependency_trees(words, WORDS, projective=True, single_root=True):
        arcs, stops = valence_parts(event[:words])
        places = [(word, 0 if side == LEFT else word, some) for word, side, some in stops]
        trees.append((event, arcs + places))
    return trees


TREES = Family(make, SHAPE, structures, "arcs")


def potentials(rows=3):
    return np.random.normal(size=(rows, *SHAPE)).astype(np.float32)


@pytest.mark.slow
@enumerated(TREES)
def test_answers_are_those_of_the_enumeration(case):
    case = case._replace(allowed=case.allowed | IS_STOP)  # Evidence is of arcs.
    answers = answers_of(TREES, case)
    answers["marginals"] = as_one(make(case.potentials, case.lengths).marginals())
    assert_as_enumerated(TREES, answers, case)


def test_draws_follow_the_distribution():
    assert_draws_follow(TREES, potentials(), [4, 3, 1])


@pytest.mark.slow
def test_draws_need_not_know_the_rows():
    any_rows = [tf.TensorSpec([None, *SHAPE])]

    @functools.partial(tf.function, input_signature=any_rows, autograph=False)
    def draw(potentials):
        return make(potentials, None).sample(40, seed=[1, 2])

    draws = draw(potentials(2)).numpy()
    known = {tuple(event) for event, _ in structures(WORDS)}
    for row in range(2):
        found = {tuple(event) for event in draws[:, row]}
        assert found <= known
        assert len(found) > 2


@pytest.mark.slow
def test_xla_compiles_it():
    """Quicker: `test_dependency_structures.py::test_xla_compiles_it`, of the same charts."""
    assert_compiles(TREES, potentials(), [4, 1, 3], mode=False)


def test_evidence_that_allows_nothing_is_refused():
    assert_refuses_evidence(TREES, potentials(), [4, 1, 3], row=2)


@pytest.mark.slow
def test_without_a_difference_of_valence_it_is_the_dependency_tree():
    """Stops of either kind are once a side.

    Quicker: `test_answers_are_those_of_the_enumeration`.
    """
    arcs = tf.random.stateless_normal([2, 9, 9, 1], seed=[1, 2])
    stops = tf.random.stateless_normal([1, 8, 2, 1], seed=[3, 4])
    lengths = [8, 5]

    @tf.function
    def both():
        trees = DependencyTreeWithValence(
            tf.repeat(arcs, 2, axis=3), tf.repeat(stops, 2, axis=3), lengths=lengths
        )
        plain = DependencyTree(arcs[..., 0], lengths=lengths)
        marginals = tf.reduce_sum(trees.marginals().arcs, axis=-1), plain.marginals().arcs
        return trees.log_partition() - plain.log_partition(), *marginals

    more, ours, theirs = both()
    stopped = [tf.reduce_sum(stops[0, :length]) for length in lengths]
    np.testing.assert_allclose(more, stopped, rtol=1e-4)
    np.testing.assert_allclose(ours, theirs, atol=1e-4)


def test_a_mean_score_is_over_all_trees():
    mine, others = potentials(2), potentials(2)
    mine[1, 2, 3] = -np.inf
    found = make(mine, [4, 3]).mean_score(make(others, [4, 3]).marginals())
    trees = structures(4)
    scores = EnumeratedStructures(mine[0], trees).scores
    expected = np.sum(EnumeratedStructures(others[0], trees).probs * scores)
    np.testing.assert_allclose(found, [expected, -np.inf], rtol=1e-4)


def test_sides_without_modifiers_are_as_many_as_are_left():
    """Of n words there are 2 n sides, and each of the n - 1 below words is the first or later."""
    marginals = make(potentials(), [4, 2, 1]).marginals()
    none = tf.reduce_sum(marginals.stops[..., 0], axis=[1, 2])
    later = tf.reduce_sum(marginals.arcs[..., 1], axis=[1, 2])
    np.testing.assert_allclose(none - later, [5, 3, 2], rtol=1e-4)


@pytest.mark.parametrize(
    ("heads", "why"),
    [([2, 1, 0, 3], "a cycle"), ([2, 0, 0, 3], "two roots"), ([3, 4, 0, 3], "arcs that cross")],
)
def test_what_is_no_tree_has_no_probability(heads, why):
    tree = make(potentials(1), [4])
    assert np.isneginf(tree.log_prob([heads])), why
    assert np.isfinite(tree.log_prob([[2, 0, 2, 3]]))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"arcs": tf.zeros([2, 4, 4])}, r"`arcs` must be \[B, T \+ 1, T \+ 1, 2\]; received"),
        ({"arcs": tf.zeros([2, 4, 5, 2])}, r"`arcs` must be .* received shape \(2, 4, 5, 2\)"),
        ({"stops": tf.zeros([2, 4, 2, 2])}, r"`stops` must be .* received shape \(2, 4, 2, 2\)"),
        ({"lengths": [1, 0]}, r"`lengths` must be 1 to 3; received 0 in row 1"),
    ],
)
def test_bad_input_is_named(arguments, message):
    usual = {"arcs": tf.zeros([2, 4, 4, 2]), "stops": tf.zeros([2, 3, 2, 2])}
    with pytest.raises(ValueError, match=f"DependencyTreeWithValence: {message}"):
        DependencyTreeWithValence(**(usual | arguments))
