"""Copies of one text: equal, of the same words, or of almost the same."""

import itertools
import tracemalloc

import numpy as np
import pytest
import scipy.sparse

from tfp_dgm.confidence import copies, counts_of
from tfp_dgm.text import TfIdf, WordCounts


def _sparse(rows):
    return scipy.sparse.csr_matrix(np.array(rows, np.float64))


def _at(cosine):
    """A unit vector of that cosine with [1, 0]."""
    return [cosine, (1 - cosine**2) ** 0.5]


def _partition(group):
    return {tuple(np.flatnonzero(group == g)) for g in np.unique(group)}


def test_equal_texts_are_copies_whatever_is_known_of_them():
    group = copies(["a", "b", "a", "c", "b", "a"], _sparse(np.zeros((6, 3))))
    assert _partition(group) == {(0, 2, 5), (1, 4), (3,)}


def test_texts_without_known_words_are_no_copies_of_each_other():
    words = _sparse([[0, 0], [0, 0], [1, 0]])
    assert len(set(copies(["", "?!", "apple"], words))) == 3


def test_the_same_words_in_another_order_are_a_copy():
    texts = ["Pay the bill, now!", "now pay the BILL", "pay the other bill", "the weather in may"]
    counts = WordCounts.fit(texts * 2).count_matrix(texts)
    group = copies(texts, TfIdf.fit(counts).transform(counts))
    assert _partition(group) == {(0, 1), (2,), (3,)}


@pytest.mark.parametrize(("cosine", "copied"), [(0.95, True), (0.9, True), (0.899, False)])
def test_nine_tenths_of_the_weight_in_common_make_a_copy(cosine, copied):
    group = copies(["x", "y"], _sparse([[1, 0], _at(cosine)]))
    assert (group[0] == group[1]) == copied


def test_copies_of_copies_are_copies():
    angles = np.arccos(0.92) * np.arange(4)  # Neighbours are near; the next but one is not.
    words = _sparse(np.stack([np.cos(angles), np.sin(angles)], axis=1))
    order = [2, 0, 3, 1]
    assert len(set(copies(list("abcd"), words[order]))) == 1
    assert len(set(copies(list("abc"), words[[0, 2, 3]]))) == 2


@pytest.mark.parametrize("rows", [40, 700])  # Of one block, and of two.
def test_groups_are_those_of_a_union_pair_by_pair(rows):
    rng = np.random.default_rng(rows)
    centres = rng.random((rows // 4, 6)) ** 4
    vectors = centres[rng.integers(0, len(centres), rows)] + rng.gamma(0.3, 0.06, (rows, 6))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    vectors[::9] = 0
    number = np.arange(rows)
    number[1::5] = 0  # One text in many rows, of which nothing is known.
    vectors[1::5] = 0

    label = list(range(rows))
    cosines = vectors @ vectors.T
    for i, j in itertools.combinations(range(rows), 2):
        if (number[i] == number[j] or cosines[i, j] >= 0.9) and label[i] != label[j]:
            old, new = label[j], label[i]
            label = [new if k == old else k for k in label]
    group = copies([f"text {k}" for k in number], _sparse(vectors))
    assert _partition(group) == _partition(np.array(label))
    assert 5 < len(_partition(group)) < rows - 5


def test_a_long_text_among_many_takes_its_own_room_only():
    texts = ["long " * 50_000, *map(str, range(300))]
    words = _sparse(np.zeros((301, 1)))
    tracemalloc.start()
    try:
        assert len(set(copies(texts, words))) == 301
        assert tracemalloc.get_traced_memory()[1] < 5e6
    finally:
        tracemalloc.stop()


def test_a_text_counts_once():
    counts = counts_of(np.array([0, 1, 0, 2, 0, 2]))
    np.testing.assert_allclose(counts, [1 / 3, 1, 1 / 3, 1 / 2, 1 / 3, 1 / 2])
