"""What SPIGOT hands back to the scores: the step to the nearest value that latents may have."""

import numpy as np
import pytest
import scipy.optimize
import tensorflow as tf
from tensorflow_probability import distributions as tfd

from tests.objectives import toys
from tfp_dgm.objectives import SPIGOTELBO

STEP = 0.7
SLOPES = np.array([[1.9, -0.4, 0.3], [-0.2, 0.8, 2.5], [0.1, 0.2, -3.0]], np.float32)


def gradient_and_draws(posterior_of, shape):
    """d loss / d logits of a likelihood that is linear in z, and the draws."""
    logits, drawn = tf.zeros(shape), []

    def log_likelihood(z):
        drawn.append(z[0].numpy())
        return -tf.reduce_sum(z * SLOPES, axis=[2, 3] if len(z.shape) > 3 else 2)

    with tf.GradientTape() as tape:
        tape.watch(logits)
        # One object, so that its divergence from itself takes no part.
        posterior = posterior_of(logits)
        joint = toys.joint(log_likelihood, posterior, posterior)
        loss = SPIGOTELBO(step_size=STEP)(joint, seed=(3, 4)).loss
    return tape.gradient(loss, logits).numpy(), drawn[0]


def nearest_on_the_simplex(x):
    sums = {"type": "eq", "fun": lambda p: p.sum() - 1}
    start = np.full(len(x), 1 / len(x))
    bounds = [(0, 1)] * len(x)
    found = scipy.optimize.minimize(
        lambda p: np.sum((p - x) ** 2), start, bounds=bounds, constraints=[sums], tol=1e-14
    )
    return found.x


def test_binary_latents_are_projected_onto_the_cube():
    found, z = gradient_and_draws(
        lambda logits: tfd.Independent(tfd.Bernoulli(logits=logits, dtype=tf.float32), 1), [3, 3]
    )
    np.testing.assert_allclose(found, (z - np.clip(z - STEP * SLOPES, 0, 1)) / STEP, atol=1e-6)
    assert (found == 0).any()
    assert np.abs(found).max() > 0.1


def test_one_hot_latents_are_projected_onto_the_simplex():
    found, z = gradient_and_draws(
        lambda logits: tfd.Independent(tfd.OneHotCategorical(logits=logits, dtype=tf.float32), 1),
        [1, 3, 3],
    )
    wanted = [
        (z[0, k] - nearest_on_the_simplex(z[0, k] - STEP * SLOPES[k])) / STEP for k in range(3)
    ]
    # The logits are normalised, which takes the mean of each variable's gradient away.
    softmax = np.full([3, 3], 1 / 3)
    wanted = np.array(wanted) - softmax * np.sum(wanted, axis=1, keepdims=True)
    np.testing.assert_allclose(found[0], wanted, atol=1e-5)
    assert np.abs(wanted).max() > 0.1


def test_a_step_of_nothing_is_refused():
    with pytest.raises(ValueError, match="`step_size` must be > 0; received 0"):
        SPIGOTELBO(step_size=0)
