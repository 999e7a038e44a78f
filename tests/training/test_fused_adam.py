"""The fused steps against the recursion of the paper, in NumPy."""

import functools

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.models import toys
from tests.saving import assert_comes_back
from tfp_dgm.training import FusedAdam


def recursion(start, gradients, rates, beta_1, beta_2, epsilon):
    """Kingma and Ba (2015), section 2, in the order of operations that has epsilon outside."""
    x, m, v = np.array(start, np.float64), 0.0, 0.0
    for t, (gradient, rate) in enumerate(zip(gradients, rates, strict=True), start=1):
        m = beta_1 * m + (1 - beta_1) * gradient
        v = beta_2 * v + (1 - beta_2) * gradient**2
        step = rate * np.sqrt(1 - beta_2**t) / (1 - beta_1**t)
        x = x - step * m / (np.sqrt(v) + epsilon)
    return x


@pytest.mark.parametrize("traced", [False, True])
def test_steps_equal_the_recursion(traced):
    random = np.random.default_rng(2)
    starts = [random.normal(size=(3, 2)), random.normal(size=4)]
    gradients = [[random.normal(size=start.shape) for start in starts] for _ in range(6)]
    schedule = keras.optimizers.schedules.PolynomialDecay(0.1, 5, 0.02)
    optimizer = FusedAdam(schedule, beta_1=0.8, beta_2=0.95, epsilon=1e-3)
    variables = [keras.Variable(start.astype(np.float32)) for start in starts]
    optimizer.build(variables)

    def apply(*values):
        optimizer.apply(list(values), variables)

    step = tf.function(apply) if traced else apply
    for values in gradients:
        step(*[tf.constant(value, tf.float32) for value in values])
    rates = [float(schedule(t)) for t in range(6)]
    for index, variable in enumerate(variables):
        of_one = [values[index] for values in gradients]
        expected = recursion(starts[index], of_one, rates, 0.8, 0.95, 1e-3)
        np.testing.assert_allclose(variable.numpy(), expected, rtol=1e-5, atol=1e-6)
    assert int(optimizer.iterations) == 6


def test_rows_that_come_twice_are_summed_up():
    """As the dense gradient moves it: by the recursion, with and without the norm's limit."""
    rows = tf.IndexedSlices(
        tf.constant([[3.0, -2.0], [0.5, 1.0], [1.0, 4.0]]),
        tf.constant([3, 0, 3]),
        tf.constant([5, 2]),
    )
    dense = np.zeros((5, 2))
    dense[3], dense[0] = [4.0, 2.0], [0.5, 1.0]
    for clipnorm, scale in ((None, 1.0), (2.0, 2.0 / np.sqrt(21.25)), (9.0, 1.0)):
        variable = keras.Variable(np.ones((5, 2), np.float32))
        optimizer = FusedAdam(0.1, epsilon=0.5, clipnorm=clipnorm)
        optimizer.apply([rows], [variable])
        # An epsilon as large as this shows the size of the gradient in that of the step.
        expected = recursion(np.ones((5, 2)), [dense * scale], [0.1], 0.9, 0.999, 0.5)
        np.testing.assert_allclose(variable.numpy(), expected, rtol=1e-5)


def test_comes_back_with_a_model(tmp_path, monkeypatch):
    clipping = functools.partial(FusedAdam, clipnorm=0.5)
    monkeypatch.setattr(keras.optimizers, "Adam", clipping)
    model = toys.vae()
    assert_comes_back(model, (toys.counts(5)[0],), tmp_path)
    assert type(model.optimizer) is FusedAdam
    assert model.optimizer.get_config()["clipnorm"] == 0.5
