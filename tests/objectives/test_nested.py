"""An objective over a latent given which the likelihood is a bound: NumPy on tables of that bound.

What the inner objective says of each class is a table, none of whose fields follows from another.
"""

import numpy as np
import pytest
import tensorflow as tf
from scipy.special import log_softmax, logsumexp, softmax
from tensorflow_probability import distributions as tfd

from tfp_dgm.objectives import (
    Bound,
    EnumeratedELBO,
    ExactMarginal,
    Joint,
    Nested,
    Objective,
    ReweightedWakeSleep,
    ScoreFunctionELBO,
    ScoreFunctionImportanceWeighted,
    SelfCritical,
)

RANDOM = np.random.default_rng(7)
LOSS, VALUE, RECONSTRUCTION, KL = RANDOM.normal(scale=2.0, size=(4, 5, 3))  # [B, K] each
LOG_Q, LOG_P = (log_softmax(RANDOM.normal(size=shape), axis=-1) for shape in ((5, 3), (3,)))
SEED = (3, 4)


class Tables(Objective):
    """Looks the bound of each class up; the inner joint is the classes themselves."""

    def __init__(self):
        self.asked = []

    def _evaluate(self, joint, seed):
        classes = joint.owner
        self.asked.append(classes)
        rows = tf.zeros([5], tf.int32)

        def look_up(table):
            full = tf.broadcast_to(tf.constant(table, tf.float32), [len(classes), *table.shape])
            return tf.gather(full, classes + rows, axis=-1, batch_dims=2)

        return Bound(*map(look_up, (LOSS, VALUE, RECONSTRUCTION, KL)), log_weights=tf.zeros([1]))


def evaluate(outer, logits):
    """The bound, and the classes of which the inner one was asked."""
    inner = Tables()
    joint = Joint(
        None,
        inner=Joint,
        posterior=lambda: tfd.Categorical(logits=logits),
        prior=lambda: tfd.Categorical(logits=tf.constant(LOG_P, tf.float32)),
    )
    bound = Nested(outer, inner)(joint, seed=SEED)
    return bound, [classes.numpy() for classes in inner.asked]


def nested(outer):
    bound, (classes,) = evaluate(outer, tf.constant(LOG_Q, tf.float32))  # Asked once.
    return bound, classes


def assert_is(bound, loss, value, reconstruction, kl):
    np.testing.assert_allclose(bound.loss, loss, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(bound.value, value, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(bound.reconstruction, reconstruction, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(bound.kl, kl, rtol=1e-4, atol=1e-5)


def test_every_class_under_its_probability():
    bound, _ = nested(EnumeratedELBO())
    q, ratio = np.exp(LOG_Q), LOG_Q - LOG_P
    loss, value = (q * (LOSS + ratio)).sum(1), (q * (VALUE - ratio)).sum(1)
    assert_is(bound, loss, value, (q * RECONSTRUCTION).sum(1), (q * (KL + ratio)).sum(1))
    np.testing.assert_allclose(bound.log_weights, (VALUE - ratio).T, rtol=1e-4, atol=1e-5)


def test_marginal_over_classes():
    bound, _ = nested(ExactMarginal())
    value = logsumexp(VALUE + LOG_P, axis=1)
    true = softmax(VALUE + LOG_P, axis=1)
    kl = (true * (KL + np.log(true) - LOG_P)).sum(1)
    loss = -logsumexp(LOG_P - LOSS, axis=1)
    assert_is(bound, loss, value, (true * RECONSTRUCTION).sum(1), kl)
    np.testing.assert_allclose(bound.log_weights, VALUE.T, rtol=1e-4)


def mean(log_weights):
    return log_weights.mean(axis=0)


def log_mean(log_weights):
    return logsumexp(log_weights, axis=0) - np.log(len(log_weights))


@pytest.mark.parametrize(
    ("outer", "of_draws"),
    [
        (ScoreFunctionELBO(num_samples=4), mean),
        (ScoreFunctionImportanceWeighted(num_samples=4), log_mean),
        (ReweightedWakeSleep(num_samples=4), log_mean),
    ],
    ids=["score function", "importance weighted", "wake-sleep"],
)
def test_drawn_classes(outer, of_draws):
    bound, classes = nested(outer)
    assert len(np.unique(classes)) > 1
    rows = np.arange(5)
    loss, value, reconstruction, kl = (
        table[rows, classes] for table in (LOSS, VALUE, RECONSTRUCTION, KL)
    )
    ratio = LOG_Q[rows, classes] - LOG_P[classes]
    assert_is(
        bound,
        -of_draws(-loss - ratio),
        of_draws(value - ratio),
        mean(reconstruction),
        mean(kl + ratio),
    )


def test_the_likeliest_class_is_asked_for_by_itself():
    """What is taken off the signal of a draw is that of the mode."""
    logits = tf.constant(LOG_Q, tf.float32)
    outer = ScoreFunctionELBO(num_samples=4, control_variates=[SelfCritical()])
    with tf.GradientTape() as tape:
        tape.watch(logits)
        bound, (drawn, mode) = evaluate(outer, logits)
    gradient = tape.gradient(bound.loss, logits)
    np.testing.assert_array_equal(mode, [LOG_Q.argmax(axis=1)])
    log_weights = -LOSS - LOG_Q + LOG_P  # [B, K]
    for b in range(5):
        expected = np.zeros(3)
        for k in drawn[:, b]:
            rest = log_weights[b, k] - log_weights[b, mode[0, b]]
            # The log-weight's own share, -log q, and the score.
            expected -= (rest - 1) * (np.eye(3)[k] - np.exp(LOG_Q[b])) / 4
        np.testing.assert_allclose(gradient[b], expected, rtol=1e-4, atol=1e-5)
