"""The recurrences against loops in NumPy, and their gradients against finite differences."""

import numpy as np
import pytest
import tensorflow as tf

from tests.references.recurrent_text import sigmoid
from tfp_dgm.networks.recurrence import GRU, LSTM, recur

T, B, D = 4, 2, 3
random = np.random.default_rng(4)


def lstm(x, h, c, kernel):
    write, keep, candidate, read = np.split(x + h @ kernel, 4, axis=-1)
    c = sigmoid(keep) * c + sigmoid(write) * np.tanh(candidate)
    return sigmoid(read) * np.tanh(c), c


def gru(x, h, kernel):
    x, y = np.split(x, 3, axis=-1), np.split(h @ kernel, 3, axis=-1)
    reset, update = sigmoid(x[0] + y[0]), sigmoid(x[1] + y[1])
    return (update * h + (1 - update) * np.tanh(x[2] + reset * y[2]),)


CASES = {"lstm": (LSTM, lstm, 4, 2), "gru": (GRU, gru, 3, 1)}
every_cell = pytest.mark.parametrize("name", CASES)


def arguments(name, samples=()):
    _, _, gates, states = CASES[name]
    inputs = random.normal(size=(T, B, gates * D))
    constant = random.normal(size=(*samples, 1, gates * D))
    kernel = random.normal(size=(D, gates * D))
    state = [random.normal(size=(*samples, B, D)) for _ in range(states)]
    return inputs, constant, kernel, state


def oracle(name, inputs, constant, kernel, state):
    outputs = []
    for x in inputs:
        state = CASES[name][1](x + constant, *state, kernel)
        outputs.append(state[0])
    return np.stack(outputs)


@every_cell
@pytest.mark.parametrize("samples", [(), (3,)])
@pytest.mark.parametrize("xla", [False, True])
def test_equals_a_loop(name, samples, xla):
    inputs, constant, kernel, state = arguments(name, samples)

    @tf.function(jit_compile=xla)
    def run(inputs, constant, kernel, *state):
        return recur(CASES[name][0], inputs, constant, kernel, state)

    expected = oracle(name, inputs, constant, kernel, state)
    np.testing.assert_allclose(run(inputs, constant, kernel, *state), expected, rtol=1e-9)


@every_cell
@pytest.mark.parametrize("xla", [False, True])
def test_gradients_equal_finite_differences(name, xla):
    """In float64; every one of the arguments, with a constant that broadcasts both ways."""
    parts = arguments(name, (2,))
    weights = random.normal(size=(T, 2, B, D))

    def loss(inputs, constant, kernel, state):
        return np.sum(weights * oracle(name, inputs, constant, kernel, state))

    tensors = tf.nest.map_structure(tf.constant, list(parts))

    @tf.function(jit_compile=xla)
    def gradient(tensors):
        with tf.GradientTape() as tape:
            tape.watch(tensors)
            outputs = recur(CASES[name][0], *tensors[:3], tuple(tensors[3]))
            answer = tf.reduce_sum(weights * outputs)
        return tape.gradient(answer, tensors)

    gradients = tf.nest.flatten(gradient(tensors))
    flat = tf.nest.flatten(list(parts))
    for part, gradient in zip(flat, gradients, strict=True):
        assert gradient.shape == part.shape
        for index in (0, part.size // 2, part.size - 1):
            place, step = np.unravel_index(index, part.shape), 1e-6
            kept = part[place]
            part[place] = kept + step
            above = loss(*parts)
            part[place] = kept - step
            slope = (above - loss(*parts)) / (2 * step)
            part[place] = kept
            np.testing.assert_allclose(gradient.numpy()[place], slope, rtol=1e-5, atol=1e-7)
