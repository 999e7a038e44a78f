"""Dependency trees over tagged words, beside the enumeration of all trees by all taggings."""

import functools

import numpy as np
import pytest
import tensorflow as tf

from tests.distributions.structures.families import (
    Family,
    answers_of,
    assert_as_enumerated,
    assert_compiles,
    assert_draws_follow,
    assert_refuses_evidence,
    enumerated,
)
from tests.references.tagged_trees import tagged_trees
from tfp_dgm.distributions import TaggedDependencyTree

WORDS = 3  # Four have 480 tagged trees a row.
K, NODES = 2, WORDS + 2
# All potentials as one array: arcs where arcs are, the rules of tags in places that no arc has (to
# the root, to oneself, and of a last word that no row has), in their order.
SHAPE = (NODES, NODES, K)
RULES, STOPS = (K, 2, 2, K), (K, 2, 2)
NUMBER = int(np.prod(RULES) + np.prod(STOPS))
HEAD, WORD, _ = np.indices(SHAPE)
FREE = (WORD == 0) | (HEAD == WORD) | (HEAD > WORDS) | (WORD > WORDS)
PLACES = np.argwhere(FREE)[:NUMBER]
IS_RULE = np.zeros(SHAPE, bool)
IS_RULE[tuple(PLACES.T)] = True


def make(potentials, lengths):
    potentials = tf.convert_to_tensor(potentials)
    flat = tf.reshape(potentials, [tf.shape(potentials)[0], int(np.prod(SHAPE))])
    rules = tf.gather(flat, np.flatnonzero(IS_RULE), axis=1)
    attachments, stops = tf.split(rules, [int(np.prod(RULES)), int(np.prod(STOPS))], axis=1)
    return TaggedDependencyTree(
        potentials,
        tf.reshape(attachments, [-1, *RULES]),
        tf.reshape(stops, [-1, *STOPS]),
        lengths=lengths,
    )


def as_one(parts):
    """Marginals in the places of the potentials."""
    whole = np.array(parts.arcs)
    assert (whole[:, IS_RULE] == 0).all()
    flat = [np.reshape(part, [len(whole), -1]) for part in parts[1:]]
    whole[:, IS_RULE] = np.concatenate(flat, axis=1)
    return tf.constant(whole)


@functools.cache
def structures(words):
    found = []
    for heads, tags, arcs, attachments, stops in tagged_trees(words, K):
        event = np.zeros((NODES - 1, 2), np.int32)
        event[:words] = np.stack([heads, tags], axis=1)
        rules = [int(np.ravel_multi_index(rule, RULES)) for rule in attachments]
        rules += [int(np.prod(RULES) + np.ravel_multi_index(rule, STOPS)) for rule in stops]
        found.append((event, arcs + [tuple(PLACES[rule]) for rule in rules]))
    return found


TREES = Family(make, SHAPE, structures, "arcs", longest=WORDS, always_read=IS_RULE)


def potentials(rows=3):
    return np.random.normal(size=(rows, *SHAPE)).astype(np.float32)


@pytest.mark.slow
@enumerated(TREES)
def test_answers_are_those_of_the_enumeration(case):
    case = case._replace(allowed=case.allowed | IS_RULE)  # Evidence is of heads and tags.
    answers = answers_of(TREES, case)
    answers["marginals"] = as_one(make(case.potentials, case.lengths).marginals())
    assert_as_enumerated(TREES, answers, case)


@pytest.mark.slow
def test_draws_follow_the_distribution():
    assert_draws_follow(TREES, potentials(), [3, 2, 1])


@pytest.mark.slow
def test_xla_compiles_it():
    """Quicker: `test_dependency_structures.py::test_xla_compiles_it`, of the same charts."""
    assert_compiles(TREES, potentials(), [3, 1, 2], mode=False)


def test_evidence_that_allows_nothing_is_refused():
    assert_refuses_evidence(TREES, potentials(), [3, 1, 2], row=2)


def test_trees_of_known_tags_are_those_of_the_enumeration():
    lengths, tags = [3, 2, 1], np.array([[1, 0, 1], [0, 1, 9], [1, 9, 9]])
    drawn = np.random.normal(size=(3, *SHAPE)).astype(np.float32)
    tree = make(drawn[:, :, :, :], np.array(lengths))
    known = np.zeros((3, NODES - 1), int)
    known[:, :3] = tags
    trees = tree.trees_of(known)
    for row, words in enumerate(lengths):
        scores = {
            tuple(event[:words, 0]): sum(drawn[row][place] for place in places)
            for event, places in structures(words)
            if (event[:words, 1] == tags[row, :words]).all()
        }
        total = np.logaddexp.reduce(list(scores.values()))
        np.testing.assert_allclose(trees.log_partition()[row], total, rtol=1e-5)
        best = max(scores, key=lambda heads: scores[heads])
        assert tuple(trees.mode()[row].numpy()) == best + (0,) * (NODES - 1 - words)


def test_tags_of_trees_are_checked():
    tree = make(potentials(), np.array([3, 2, 1]))
    with pytest.raises(ValueError, match=r"trees_of: `tags` must be \[B, T\].*\(3, 3\)"):
        tree.trees_of(np.zeros((3, 3), int))
    with pytest.raises(tf.errors.InvalidArgumentError):
        tree.trees_of(np.full((3, NODES - 1), K))


@pytest.mark.parametrize(
    ("event", "why"),
    [
        ([[2, 0], [1, 1], [0, 0]], "a cycle"),
        ([[0, 0], [0, 1], [2, 0]], "two roots"),
        ([[2, 0], [0, 2], [2, 0]], "no tag"),
        ([[2, 0], [0, -1], [2, 0]], "no tag"),
    ],
)
def test_what_is_no_tagged_tree_has_no_probability(event, why):
    tree = TaggedDependencyTree(
        tf.zeros([1, 4, 4, 2]), tf.zeros([1, *RULES]), tf.zeros([1, *STOPS])
    )
    assert np.isneginf(tree.log_prob([event])), why
    np.testing.assert_allclose(tree.log_prob([[[2, 0], [0, 1], [2, 0]]]), -np.log(7 * 8), rtol=1e-5)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"arcs": tf.zeros([2, 4, 4])}, r"`arcs` must be \[B, T \+ 1, T \+ 1, K\]; received"),
        ({"arcs": tf.zeros([2, 4, 5, 2])}, r"`arcs` must be .* received shape \(2, 4, 5, 2\)"),
        ({"attachments": tf.zeros([3, 2, 2, 2, 2])}, r"`attachments` must be .*received"),
        ({"stops": tf.zeros([2, 3, 2, 2])}, r"`stops` must be .* received shape \(2, 3, 2, 2\)"),
        ({"lengths": [1, 0]}, r"`lengths` must be 1 to 3; received 0 in row 1"),
    ],
)
def test_bad_input_is_named(arguments, message):
    usual = {
        "arcs": tf.zeros([2, 4, 4, 2]),
        "attachments": tf.zeros([1, *RULES]),
        "stops": tf.zeros([1, *STOPS]),
    }
    with pytest.raises(ValueError, match=f"TaggedDependencyTree: {message}"):
        TaggedDependencyTree(**(usual | arguments))
