"""Labels by class against the same as dense distributions, row by row."""

import numpy as np
import pytest

from tfp_dgm.labelling.self_training import row_blocks
from tfp_dgm.labelling.soft_labels import SoftLabels

ROWS, CLASSES, HEADS = 9, 4, 3


@pytest.fixture
def labels():
    """Labels of which rows 2, 3 and 7 are distributions, and their dense form [N, K, H]."""
    rng = np.random.default_rng(0)
    label = rng.integers(CLASSES, size=(ROWS, HEADS))
    rows = np.array([2, 3, 7])
    spread = rng.dirichlet(np.ones(CLASSES), (3, HEADS)).transpose(0, 2, 1).astype(np.float32)
    dense = np.zeros((ROWS, CLASSES, HEADS))
    for n in range(ROWS):
        for head in range(HEADS):
            dense[n, label[n, head], head] = 1
    dense[rows] = spread
    return SoftLabels(label, rows, spread), dense


@pytest.mark.parametrize("block", [slice(0, 9), slice(2, 4), slice(4, 7), slice(7, 9)])
def test_a_block_is_subtracted(labels, block):
    soft, dense = labels
    answers = np.random.default_rng(1).random((ROWS, CLASSES, HEADS))
    found = answers[block].copy()
    soft.subtract_from(found, block)
    np.testing.assert_allclose(found, answers[block] - dense[block], atol=1e-7)


def test_sizes_means_and_some_of_the_rows(labels):
    soft, dense = labels
    rng = np.random.default_rng(2)
    importance = rng.random((ROWS, HEADS)).astype(np.float32)
    values = rng.random((CLASSES, HEADS)).astype(np.float32)
    sizes = np.einsum("nkh,nh->kh", dense, importance)
    np.testing.assert_allclose(soft.sizes(importance, CLASSES), sizes, rtol=1e-6)
    means = np.einsum("nkh,kh->nh", dense, values)
    np.testing.assert_allclose(soft.expected(values), means, rtol=1e-6)
    chosen = np.array([1, 3, 4, 7])
    found = np.zeros((4, CLASSES, HEADS))
    soft.of_rows(chosen).subtract_from(found, slice(0, 4))
    np.testing.assert_allclose(-found, dense[chosen], atol=1e-7)


def test_sets_allow_each_of_their_classes_alike():
    allowed = np.array([[1, 0, 0], [0, 1, 1], [1, 1, 1]], bool)
    found = np.zeros((3, 3, 2))
    SoftLabels.of_sets(allowed, 2).subtract_from(found, slice(0, 3))
    expected = np.array([[1, 0, 0], [0, 0.5, 0.5], [1 / 3] * 3])
    np.testing.assert_allclose(-found, np.repeat(expected[:, :, np.newaxis], 2, axis=2), rtol=1e-6)


def test_blocks_are_small_and_cover_the_rows_once():
    blocks = row_blocks(10, 1_500_000)
    assert [(block.start, block.stop) for block in blocks] == [
        *((0, 2), (2, 4), (4, 6), (6, 8), (8, 10))
    ]
    # A row that is larger than a block is one by itself.
    assert len(row_blocks(3, 10**8)) == 3
    assert row_blocks(0, 5) == []
