"""Products of stacks: against NumPy, and on two threads, where oneDNN's own go wrong."""

import os
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

from tfp_dgm.stacked_products import stacked_product

# Four axes by three with a batch of one is where oneDNN is wrong, then its neighbours.
SHAPES = [
    ((3, 1, 20, 32), (1, 32, 9)),
    ((3, 2, 20, 32), (2, 32, 9)),
    ((3, 1, 20, 32), (1, 1, 32, 9)),
    ((3, 1, 20, 32), (32, 9)),
    ((3, 2, 20, 32), (3, 2, 32, 9)),
    ((4, 3, 1, 5, 6), (3, 1, 6, 2)),
    ((2, 5, 6), (2, 6, 4)),
    ((7, 6), (6, 4)),
]


@pytest.mark.parametrize(("left", "right"), SHAPES)
@pytest.mark.parametrize("transposed", [False, True])
def test_products_and_gradients_equal_numpys(left, right, transposed):
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=left), rng.normal(size=right)
    weight = rng.normal(size=(a @ b).shape)
    given = np.swapaxes(b, -1, -2) if transposed else b
    variables = [tf.Variable(part, dtype=tf.float32) for part in (a, given)]
    with tf.GradientTape() as tape:
        product = stacked_product(*variables, transpose_right=transposed)
        total = tf.reduce_sum(product * weight)
    np.testing.assert_allclose(product, a @ b, rtol=1e-4, atol=1e-4)
    to_left, to_right = tape.gradient(total, variables)
    full = np.swapaxes(a, -1, -2) @ weight
    full = full.sum(axis=tuple(range(full.ndim - b.ndim)))
    full = full.sum(
        axis=tuple(n for n, size in enumerate(b.shape[:-2]) if size == 1), keepdims=True
    )
    expected = np.swapaxes(full, -1, -2) if transposed else full
    np.testing.assert_allclose(to_left, weight @ np.swapaxes(b, -1, -2), rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(to_right, expected, rtol=1e-3, atol=1e-3)


_PROGRAM = """
import numpy as np
import tensorflow as tf

from tests.models import captioner_toys as toys
from tfp_dgm import layers
from tfp_dgm.distributions.structures.log_product import log_product
from tfp_dgm.stacked_products import stacked_product

rng = np.random.default_rng(0)
for draws in (2, 3, 64):
    h, keys = rng.normal(size=(draws, 1, 20, 64)), rng.normal(size=(1, 9, 64))
    h, keys = h.astype(np.float32), keys.astype(np.float32)
    for _ in range(20):
        product = stacked_product(tf.constant(h), tf.constant(keys), transpose_right=True)
        np.testing.assert_allclose(product, h @ np.swapaxes(keys, -1, -2), atol=1e-3)
        product = stacked_product(tf.constant(h), tf.constant(keys[0]), transpose_right=True)
        np.testing.assert_allclose(product, h @ keys[0].T, atol=1e-3)

model = toys.randomized(toys.captioner(attends=True), toys.inputs(grid=True))
inputs = toys.inputs(grid=True)
together = model.bound(inputs).loss.numpy()
alone = {name: value[:1] for name, value in inputs.items()}
for _ in range(20):
    np.testing.assert_allclose(model.bound(alone).loss, together[:1], rtol=1e-5)

quantizer = layers.VectorQuantizer((20, 9), 64)
quantizer.build((None, 5))
codes = rng.normal(size=(3, 1, 20, 9)).astype(np.float32)
for _ in range(20):
    vectors = quantizer.embed(tf.constant(codes))
    np.testing.assert_allclose(vectors, codes @ quantizer.codebook.numpy(), rtol=1e-3, atol=1e-4)

logs, matrix = rng.normal(size=(3, 1, 20, 64)), rng.normal(size=(64, 64))
expected = np.log(np.exp(logs) @ np.exp(matrix))
for _ in range(20):
    found = log_product(tf.constant(logs, tf.float32), tf.constant(matrix, tf.float32))
    np.testing.assert_allclose(found, expected, rtol=1e-4)
print("the same")
"""


@pytest.mark.slow
def test_a_batch_of_one_beside_several_draws_is_right_on_two_threads():
    """In a process of its own: where it is wrong, it may die."""
    threads = dict.fromkeys(
        ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"), "2"
    )
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM],
        env={**os.environ, **threads},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert "the same" in done.stdout
