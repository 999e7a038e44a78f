"""Dependency trees whose arcs may cross, beside what all dependency trees promise."""

import functools

import numpy as np
import pytest
import tensorflow as tf
from tensorflow_probability import distributions as tfd

from tests.distributions.structures.families import WORDS, assert_sums_as
from tests.references.enumerated_structures import EnumeratedStructures
from tests.references.trees import best_heads, dependency_trees
from tfp_dgm.distributions import DependencyTree, NonProjectiveDependencyTree


def arcs(rows=3):
    return np.random.normal(size=(rows, WORDS + 1, WORDS + 1)).astype(np.float32)


@pytest.mark.parametrize("single_root", [True, False])
def test_there_are_as_many_trees_as_are_known(single_root):
    lengths = np.array([30, 29, 2, 1])
    trees = NonProjectiveDependencyTree(
        tf.zeros([4, 31, 31]), lengths=lengths, single_root=single_root
    )
    known = [(n - 1) * np.log(n + (not single_root)) for n in lengths]  # Cayley's.
    np.testing.assert_allclose(trees.log_partition(), known, rtol=1e-5, atol=1e-6)


def determinant(arcs):
    """log Z by the matrix-tree theorem, any number of roots."""
    weights = np.exp(arcs)
    np.fill_diagonal(weights, 0.0)
    laplacian = np.diag(weights.sum(axis=0)) - weights
    return np.linalg.slogdet(laplacian[1:, 1:])[1]


@pytest.mark.parametrize("scale", [1.0, 15.0], ids=["by numbers", "by logarithms"])
def test_many_words_are_summed_as_by_the_determinant(scale):
    make = functools.partial(NonProjectiveDependencyTree, single_root=False)
    assert_sums_as(determinant, make, scale * np.random.normal(size=(24, 24)))


@pytest.mark.parametrize("scale", [1.0, 6.0, 30.0])
@pytest.mark.parametrize("single_root", [True, False])
def test_no_spread_of_the_potentials_changes_the_answers(scale, single_root):
    """Of spreads below and beyond what plain numbers hold."""
    lengths, rows = [4, 3, 2, 1], 4
    spread = np.random.uniform(-scale, scale, size=(rows, WORDS + 1, WORDS + 1))
    potentials = tf.constant(spread, tf.float32)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(potentials)
        trees = NonProjectiveDependencyTree(potentials, lengths=lengths, single_root=single_root)
        log_partition, entropy = trees.log_partition(), trees.entropy()
    marginals = tape.gradient(log_partition, potentials)
    curvature = tape.gradient(entropy, potentials)
    for row, length in enumerate(lengths):
        q = EnumeratedStructures(
            potentials[row].numpy(),
            dependency_trees(length, WORDS, projective=False, single_root=single_root),
        )
        close = functools.partial(np.testing.assert_allclose, rtol=1e-4, atol=1e-5 * (1 + scale))
        close(log_partition[row], q.log_partition)
        close(marginals[row], q.marginals)
        close(entropy[row], q.entropy)
        close(curvature[row], q.entropy_gradient)


def test_what_a_determinant_loses_is_there():
    """Two words that are each other's best head by 200 nats; float64 has no digit left."""
    scores = np.full([1, 3, 3], -200.0, np.float32)
    scores[0, 1, 2] = scores[0, 2, 1] = 0.0
    trees = NonProjectiveDependencyTree(scores)
    np.testing.assert_allclose(trees.log_partition(), [np.log(2.0) - 200.0], rtol=1e-6)
    np.testing.assert_allclose(trees.marginals().arcs[0, 0], [0.0, 0.5, 0.5], rtol=1e-5)


@pytest.mark.parametrize("single_root", [True, False])
def test_the_best_of_many_trees_is_that_of_the_recursion(single_root):
    scores = np.random.normal(size=(6, 13, 13)).astype(np.float32)
    modes = NonProjectiveDependencyTree(scores, single_root=single_root).mode().numpy()
    for table, mode in zip(scores, modes, strict=True):
        pairs = {
            (head, word): float(table[head, word])
            for head in range(13)
            for word in range(1, 13)
            if head != word
        }
        # With one root, the best over which it is.
        choices = [
            {
                pair: score
                for pair, score in pairs.items()
                if pair[0] != 0 or root in (None, pair[1])
            }
            for root in (range(1, 13) if single_root else [None])
        ]
        totals = [
            sum(pairs[head, word] for word, head in best_heads(choice).items())
            for choice in choices
        ]
        found = sum(pairs[head, word] for word, head in enumerate(mode.tolist(), start=1))
        np.testing.assert_allclose(found, max(totals), rtol=1e-5)


def test_arcs_may_cross():
    tree = NonProjectiveDependencyTree(arcs(1))
    assert np.isfinite(tree.log_prob([[0, 4, 1, 1]]))


def test_no_divergence_from_projective_trees():
    with pytest.raises(NotImplementedError, match="over the same structures"):
        tfd.kl_divergence(NonProjectiveDependencyTree(arcs()), DependencyTree(arcs()))
