"""The bag of words against the multinomial of SciPy, which has a coefficient more."""

import math

import numpy as np
import pytest
import scipy.stats
import tensorflow as tf

from tests.references import densities
from tfp_dgm.distributions import BagOfWords

LOGITS = np.array([[0.3, -1.1, 0.9], [2.0, 0.0, -0.5]], np.float32)  # [B, V]
COUNTS = np.array([[2, 0, 3], [1, 1, 0]], np.float32)


def test_log_prob_is_multinomial_without_its_coefficient():
    expected = [
        densities.multinomial_log_prob(logits, counts) - math.log(densities.orderings(counts))
        for logits, counts in zip(LOGITS, COUNTS, strict=True)
    ]
    np.testing.assert_allclose(BagOfWords(LOGITS).log_prob(COUNTS), expected, rtol=1e-5)


def test_token_sequences_of_one_length_sum_to_one():
    vectors = densities.count_vectors(3, 4)
    probabilities = np.exp(BagOfWords(LOGITS[0]).log_prob(np.stack(vectors)))
    total = sum(p * densities.orderings(c) for p, c in zip(probabilities, vectors, strict=True))
    np.testing.assert_allclose(total, 1.0, rtol=1e-5)


def test_damped_counts_and_large_logits_stay_finite():
    logits = np.array([500.0, -500.0, 499.0], np.float32)
    counts = np.log1p(np.array([3.0, 0.0, 1.0], np.float32))
    shifted = logits.astype(np.float64) - 500.0
    normaliser = np.log(np.exp(shifted).sum())
    expected = sum(counts * (shifted - normaliser))
    np.testing.assert_allclose(BagOfWords(logits).log_prob(counts), expected, rtol=1e-4)


@pytest.mark.parametrize("total_count", [4.0, [2.0, 5.0]])
def test_draws_have_the_length_and_the_mean(total_count):
    """20,000 draws within 5 standard errors: fails once in 10^5."""
    size = 20_000
    distribution = BagOfWords(LOGITS, total_count)
    draws = distribution.sample(size, seed=(3, 1)).numpy()
    lengths = np.broadcast_to(total_count, 2)
    np.testing.assert_array_equal(draws.sum(-1), np.tile(lengths, [size, 1]))
    for b in range(2):
        probabilities = densities.softmax(LOGITS[b])
        oracle = scipy.stats.multinomial(int(lengths[b]), probabilities)
        np.testing.assert_allclose(distribution.mean()[b], lengths[b] * probabilities, rtol=1e-5)
        error = np.sqrt(np.diag(oracle.cov()) / size)
        gap = np.abs(draws[:, b].mean(0) - lengths[b] * probabilities)
        np.testing.assert_array_less(gap, 5 * error)


def test_shapes_and_type():
    distribution = BagOfWords(LOGITS)
    assert distribution.batch_shape == (2,)
    assert distribution.event_shape == (3,)
    np.testing.assert_array_equal(distribution.batch_shape_tensor(), [2])
    np.testing.assert_array_equal(distribution.event_shape_tensor(), [3])
    assert distribution.dtype == tf.float32
    assert BagOfWords([1, 2, 0]).dtype == tf.float32
