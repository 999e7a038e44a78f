"""Attention against loops over rows, queries and heads; what the mask leaves out has no say."""

import numpy as np
import pytest
import tensorflow as tf

from tfp_dgm.networks import Attention

UNITS, INPUT, MEMORY = 6, 5, 4
MASK = np.array([[1, 1, 1, 1], [1, 0, 1, 0], [0, 0, 0, 1]], bool)  # [B, M]


def made(heads):
    layer = Attention(UNITS, num_heads=heads)
    layer.build((None, INPUT), (None, MEMORY))
    random = np.random.default_rng(7)
    for weight in layer.weights:
        weight.assign(random.normal(scale=0.7, size=weight.shape))
    return layer


def values(*shape):
    return np.random.default_rng(sum(shape)).normal(size=shape).astype(np.float32)


def affine(dense, x):
    return x @ dense.kernel.numpy().astype(np.float64) + dense.bias.numpy()


def by_loops(layer, x, memory, mask):
    """One query vector x [D'] over the real vectors of a memory [M, D'']."""
    size = UNITS // layer.num_heads
    query, joint = affine(layer.query, x), affine(layer.key_value, memory[mask])
    keys, kept = joint[:, :UNITS], joint[:, UNITS:]
    heads = []
    for h in range(layer.num_heads):
        part = slice(h * size, (h + 1) * size)
        scores = [query[part] @ key[part] / np.sqrt(size) for key in keys]
        weights = np.exp(scores) / np.exp(scores).sum()
        heads.append(sum(w * value[part] for w, value in zip(weights, kept, strict=True)))
    return affine(layer.output_map, np.concatenate(heads))


@pytest.mark.parametrize("heads", [1, 3])
def test_masked_attention_equals_loops(heads):
    layer, x, memory = made(heads), values(3, 2, INPUT), values(3, 4, MEMORY)
    found = layer(x, *layer.keys_and_values(memory), MASK[:, np.newaxis]).numpy()
    for b in range(3):
        for t in range(2):
            expected = by_loops(layer, x[b, t], memory[b], MASK[b])
            np.testing.assert_allclose(found[b, t], expected, rtol=1e-4, atol=1e-5)


def test_experts_share_one_memory():
    """Queries [K, B, T, D] over a memory [B, M, D], which is not tiled."""
    layer, x, memory = made(2), values(4, 3, 2, INPUT), values(3, 4, MEMORY)
    found = layer(x, *layer.keys_and_values(memory), MASK[:, np.newaxis]).numpy()
    for k in range(4):
        for b in range(3):
            expected = by_loops(layer, x[k, b, 1], memory[b], MASK[b])
            np.testing.assert_allclose(found[k, b, 1], expected, rtol=1e-4, atol=1e-5)


def test_what_is_masked_changes_nothing_and_learns_nothing():
    layer, x, memory = made(2), values(3, 2, INPUT), values(3, 4, MEMORY)
    other = np.where(MASK[..., np.newaxis], memory, 50.0).astype(np.float32)
    answers = [layer(x, *layer.keys_and_values(m), MASK[:, np.newaxis]) for m in (memory, other)]
    np.testing.assert_allclose(answers[1], answers[0], rtol=1e-5, atol=1e-6)
    watched = tf.constant(memory)
    with tf.GradientTape() as tape:
        tape.watch(watched)
        answer = layer(x, *layer.keys_and_values(watched), MASK[:, np.newaxis])
        total = tf.reduce_sum(answer * values(3, 2, UNITS))
    gradient = tape.gradient(total, watched).numpy()
    np.testing.assert_array_equal(gradient[~MASK], 0.0)
    assert (np.abs(gradient[MASK]).max(axis=-1) > 1e-4).all()


def test_heads_divide_the_units():
    with pytest.raises(ValueError, match="`num_heads` must divide units=6; received 4"):
        Attention(6, num_heads=4)
