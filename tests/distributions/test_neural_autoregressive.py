"""Neural autoregression over one-hot variables: against enumeration, and its draws."""

import numpy as np
import pytest
import tensorflow as tf

from tests.references.vector_quantization import all_codes, neural_autoregressive_log_prob
from tfp_dgm.distributions import NeuralAutoregressive, support_of
from tfp_dgm.inference import draw

VALUES, HIDDEN = 3, 4
ROWS = 20_000


def weights_of(size):
    random = np.random.default_rng(size)
    shapes = [(size - 1, VALUES, HIDDEN), (size, HIDDEN), (size, HIDDEN, VALUES), (size, VALUES)]
    return [random.normal(scale=0.8, size=shape).astype(np.float32) for shape in shapes]


def probabilities(size):
    """Of every value, in the order of `all_codes`."""
    weights = [weight.astype(np.float64) for weight in weights_of(size)]
    codes = all_codes(size, VALUES)
    return np.exp([neural_autoregressive_log_prob(weights, one) for one in codes])


@pytest.mark.parametrize("size", [1, 2, 4])
def test_all_values_have_the_probabilities_of_the_loop_and_sum_to_one(size):
    distribution = NeuralAutoregressive(*weights_of(size))
    support = support_of(distribution)
    np.testing.assert_array_equal(support.argmax(-1), all_codes(size, VALUES))
    found = distribution.prob(support).numpy()
    np.testing.assert_allclose(found, probabilities(size), rtol=1e-4)
    np.testing.assert_allclose(found.sum(), 1, rtol=1e-5)
    assert distribution.event_shape == (size, VALUES)
    assert distribution.batch_shape == ()


@pytest.mark.parametrize("by_rows", [True, False])
def test_draws_follow_the_enumeration(by_rows):
    """27 shares, each within 5 standard errors: fails with probability 2e-5."""
    distribution = NeuralAutoregressive(*weights_of(3))
    if by_rows:
        seeds = tf.stack([tf.range(ROWS), tf.fill([ROWS], 5)], axis=1)
        drawn = draw(distribution, seeds, 3).numpy()[0]
    else:
        drawn = distribution.sample(ROWS, seed=(1, 2)).numpy()
    np.testing.assert_array_equal(drawn.sum(axis=-1), 1)
    places = drawn.argmax(-1) @ [9, 3, 1]
    shares, expected = np.bincount(places, minlength=27) / ROWS, probabilities(3)
    error = np.sqrt(expected * (1 - expected) / ROWS)
    np.testing.assert_array_less(np.abs(shares - expected), 5 * error + 1e-12)
    assert expected.max() > 3 * np.median(expected)


def test_a_row_has_its_own_draws():
    distribution = NeuralAutoregressive(*weights_of(4))
    seeds = tf.constant([[k, 9] for k in range(6)])
    together = draw(distribution, seeds, 3, num_samples=5).numpy()
    alone = draw(distribution, seeds[2:3], 3, num_samples=5).numpy()
    np.testing.assert_array_equal(together[:, 2:3], alone)
    assert len(np.unique(together.reshape(30, -1), axis=0)) > 5


def test_more_values_than_can_be_enumerated_are_refused():
    with pytest.raises(ValueError, match="at most 65536 values; received 11 variables of 3"):
        support_of(NeuralAutoregressive(*weights_of(11)))
