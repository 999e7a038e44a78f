import itertools

import numpy as np
import pytest
import tensorflow as tf
from tensorflow_probability import distributions as tfd

from tests.references import hard_kumaraswamy
from tfp_dgm.distributions import HardKumaraswamy, LinearChain, selection

UNARY = np.random.default_rng(1).normal(size=(2, 4, 2)).astype(np.float32)
TRANSITIONS = np.array([[1.0, -0.5], [0.2, 0.7]], np.float32)
LENGTHS = [4, 3]


def enumerated(row):
    """Every mask of a row with its probability under the chain."""
    found = {}
    for mask in itertools.product((0, 1), repeat=LENGTHS[row]):
        score = sum(UNARY[row, t, m] for t, m in enumerate(mask))
        score += sum(TRANSITIONS[m, n] for m, n in itertools.pairwise(mask))
        found[mask] = np.exp(np.float64(score))
    total = sum(found.values())
    return {mask: weight / total for mask, weight in found.items()}


def test_chains_are_enumerated():
    found = selection(LinearChain(UNARY, TRANSITIONS, lengths=LENGTHS))
    for row, length in enumerate(LENGTHS):
        chances = enumerated(row)
        kept = sum(p * np.array(mask) for mask, p in chances.items())
        changed = sum(p * np.abs(np.diff(mask)) for mask, p in chances.items())
        np.testing.assert_allclose(found.kept[row, :length], kept, rtol=1e-5)
        np.testing.assert_allclose(found.changed[row, : length - 1], changed, rtol=1e-5)
        assert tuple(found.mask[row, :length].numpy()) == max(chances, key=chances.get)
    assert not found.kept[1, 3:].numpy().any()
    assert not found.changed[1, 2:].numpy().any()


def test_gradients_of_chains_are_finite_differences():
    def total(unary):
        found = selection(LinearChain(unary, TRANSITIONS.astype(np.float64), lengths=LENGTHS))
        return tf.reduce_sum(found.kept[:, 0]) + 2 * tf.reduce_sum(found.changed)

    unary = tf.constant(UNARY, tf.float64)
    with tf.GradientTape() as tape:
        tape.watch(unary)
        value = tf.function(total)(unary)
    found, step = tape.gradient(value, unary), 1e-5
    for place in [(0, 0, 1), (0, 2, 0), (1, 2, 1)]:
        moved = np.zeros(UNARY.shape)
        moved[place] = step
        slope = (total(unary + moved) - total(unary - moved)) / (2 * step)
        np.testing.assert_allclose(found[place], slope, rtol=1e-5)


def test_independent_variables_are_multiplied_out():
    probs = np.array([[0.2, 0.9, 0.5]], np.float32)
    a, b = np.array([[0.5, 2.0, 6.0]], np.float32), np.array([[0.7, 0.4, 9.0]], np.float32)
    gates = [1 - hard_kumaraswamy.atoms(*pair)[0] for pair in zip(a[0], b[0], strict=True)]
    for variables, kept in (
        (tfd.Bernoulli(probs=probs), probs[0]),
        (HardKumaraswamy(a, b), np.array(gates)),
    ):
        found = selection(tfd.Independent(variables, 1))
        np.testing.assert_allclose(found.kept[0], kept, rtol=1e-4)
        one_alone = [kept[t] + kept[t + 1] - 2 * kept[t] * kept[t + 1] for t in (0, 1)]
        np.testing.assert_allclose(found.changed[0], one_alone, rtol=1e-4)
    found = selection(tfd.Independent(tfd.Bernoulli(probs=probs), 1))
    np.testing.assert_array_equal(found.mask, [[0, 1, 0]])


def test_others_are_refused():
    with pytest.raises(ValueError, match="LinearChain of 2 states; received one of 3"):
        selection(LinearChain(np.zeros([1, 2, 3], "f4"), np.zeros([3, 3], "f4")))
    with pytest.raises(ValueError, match=r"expected independent Bernoulli .* received Normal"):
        selection(tfd.Independent(tfd.Normal(tf.zeros([1, 2]), 1.0), 1))
    with pytest.raises(ValueError, match=r"expected a LinearChain of two states.*received Normal"):
        selection(tfd.Normal(0.0, 1.0))
