"""Projective dependency trees, beside what all dependency trees promise."""

import functools
from math import comb

import numpy as np
import pytest
import tensorflow as tf
from tensorflow_probability import distributions as tfd

from tests.distributions.structures.families import WORDS, assert_sums_as
from tests.references.trees import projective_log_sum
from tfp_dgm.distributions import DependencyTree


def arcs(rows=3):
    return np.random.normal(size=(rows, WORDS + 1, WORDS + 1)).astype(np.float32)


@pytest.mark.parametrize("single_root", [True, False])
def test_there_are_as_many_trees_as_are_known(single_root):
    lengths = np.array([45, 44, 21, 20, 1])
    trees = DependencyTree(tf.zeros([5, 46, 46]), lengths=lengths, single_root=single_root)
    # OEIS A006013 and A001764.
    known = [
        comb(3 * n - 2, n - 1) / n if single_root else comb(3 * n, n) / (2 * n + 1) for n in lengths
    ]
    np.testing.assert_allclose(trees.log_partition(), np.log(known), rtol=1e-5)


@pytest.mark.slow
def test_many_words_are_summed_as_span_by_span():
    make = functools.partial(DependencyTree, single_root=False)
    assert_sums_as(projective_log_sum, make, np.random.normal(size=(41, 41)))


def test_no_divergence_between_one_root_and_several():
    one, several = DependencyTree(arcs()), DependencyTree(arcs(), single_root=False)
    with pytest.raises(NotImplementedError, match="over the same structures"):
        tfd.kl_divergence(several, one)


def test_arcs_that_cross_are_no_tree():
    tree = DependencyTree(arcs(1))
    assert np.isneginf(tree.log_prob([[0, 4, 1, 1]]))
    assert np.isfinite(tree.log_prob([[2, 0, 2, 3]]))
