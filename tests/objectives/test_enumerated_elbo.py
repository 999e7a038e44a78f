"""Bounds that visit every value of a discrete latent, against enumeration in NumPy."""

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp

from tests.objectives import toys
from tests.objectives.categorical_problem import LOG_PX, LOGITS, PRIOR, log_likelihood
from tests.references.densities import softmax
from tests.references.discrete_oracle import enumerated_bound, numerical_gradient
from tfp_dgm.objectives import EnumeratedELBO, ExactMarginal, Joint
from tfp_dgm.objectives.support import enumerated as every_value

tfd = tfp.distributions


def enumerated(logits, log_px):
    prior = tfd.Categorical(probs=tf.constant(PRIOR, tf.float32))
    posterior = tfd.Categorical(logits=logits)
    return EnumeratedELBO()(toys.joint(log_likelihood(log_px), posterior, prior), seed=None)


@pytest.mark.parametrize("jit", [None, False, True], ids=["eager", "graph", "xla"])
def test_values_equal_enumeration(jit):
    function = enumerated if jit is None else tf.function(enumerated, jit_compile=jit)
    result = function(tf.constant(LOGITS, tf.float32), tf.constant(LOG_PX, tf.float32))
    expected = np.array(
        [enumerated_bound(*row) for row in zip(LOGITS, [PRIOR] * 3, LOG_PX, strict=True)]
    )
    np.testing.assert_allclose(result.value, expected[:, 0], rtol=1e-5)
    np.testing.assert_allclose(result.loss, -expected[:, 0], rtol=1e-5)
    np.testing.assert_allclose(result.reconstruction, expected[:, 1], rtol=1e-5)
    np.testing.assert_allclose(result.kl, expected[:, 2], rtol=1e-5)


@pytest.mark.parametrize("jit", [False, True], ids=["graph", "xla"])
def test_gradients_equal_finite_differences_and_are_never_nan(jit):
    @tf.function(jit_compile=jit)
    def gradients(logits, log_px):
        with tf.GradientTape() as tape:
            tape.watch([logits, log_px])
            loss = enumerated(logits, log_px).loss
        return tape.gradient(loss, [logits, log_px])

    of_logits, of_log_px = gradients(
        tf.constant(LOGITS, tf.float32), tf.constant(LOG_PX, tf.float32)
    )
    for b in range(3):
        expected = numerical_gradient(
            lambda row, b=b: -enumerated_bound(row, PRIOR, LOG_PX[b])[0], LOGITS[b]
        )
        np.testing.assert_allclose(of_logits[b], expected, rtol=1e-3, atol=1e-4)
        expected = numerical_gradient(
            lambda row, b=b: -enumerated_bound(LOGITS[b], PRIOR, row)[0], LOG_PX[b]
        )
        np.testing.assert_allclose(of_log_px[b], expected, rtol=1e-3, atol=1e-4)


def test_is_the_evidence_at_the_true_posterior():
    joint = np.log(PRIOR) + LOG_PX
    result = enumerated(tf.constant(joint, tf.float32), tf.constant(LOG_PX, tf.float32))
    evidence = np.log(np.exp(joint).sum(1))
    np.testing.assert_allclose(result.value, evidence, rtol=1e-5)
    np.testing.assert_allclose(result.log_weights, [evidence] * 4, rtol=1e-5)


def test_log_weights_of_what_is_ruled_out():
    weights = enumerated(tf.constant(LOGITS, tf.float32), tf.constant(LOG_PX, tf.float32))
    weights = weights.log_weights.numpy()  # [K, B]
    q = softmax([0.7, -0.6])
    expected = [LOG_PX[1][k] + np.log(PRIOR[k]) - np.log(p) for k, p in zip((1, 3), q, strict=True)]
    np.testing.assert_allclose(weights[[1, 3], 1], expected, rtol=1e-5)
    np.testing.assert_array_equal(weights[[0, 2], 1], [-np.inf, -np.inf])


def test_value_of_no_likelihood_that_is_ruled_out_does_no_harm():
    log_px = LOG_PX.copy()
    log_px[1, 0] = -np.inf
    result = enumerated(tf.constant(LOGITS, tf.float32), tf.constant(log_px, tf.float32))
    np.testing.assert_allclose(result.value[1], enumerated_bound(LOGITS[1], PRIOR, LOG_PX[1])[0])


def test_exact_marginal_is_the_evidence_of_what_is_possible():
    """Of one prior for all examples, and without a posterior, which is not asked for."""
    prior = tfd.Categorical(probs=tf.constant(PRIOR, tf.float32))
    table = tf.constant(np.where(np.isfinite(LOGITS), LOG_PX, -np.inf), tf.float32)
    with tf.GradientTape() as tape:
        tape.watch(table)
        rows = tf.zeros([3], tf.int32)
        joint = Joint(
            None,
            log_likelihood=lambda values: log_likelihood(table)(values + rows),
            prior=lambda: prior,
        )
        bound = ExactMarginal()(joint, seed=None)
    gradient = tape.gradient(bound.loss, table).numpy()
    for b in range(3):
        possible = np.isfinite(LOGITS[b])
        joint = np.where(possible, np.exp(LOG_PX[b]) * PRIOR, 0.0)
        true = joint / joint.sum()
        np.testing.assert_allclose(bound.value[b], np.log(joint.sum()), rtol=1e-5)
        np.testing.assert_allclose(bound.reconstruction[b], true @ LOG_PX[b], rtol=1e-5)
        np.testing.assert_allclose(-gradient[b], true, rtol=1e-5, atol=1e-7)
        np.testing.assert_allclose(bound.log_weights[:, b], table[b])
    np.testing.assert_allclose(bound.kl, bound.reconstruction - bound.value, rtol=1e-5)


@pytest.mark.parametrize(
    ("variables", "shape"),
    [
        (tfd.Bernoulli(logits=tf.fill([2, 3], 0.7), dtype=tf.float32), (8, 2, 3)),
        (tfd.Categorical(logits=tf.zeros([2, 2, 3])), (9, 2, 2)),
        (tfd.OneHotCategorical(logits=tf.zeros([2, 2, 3])), (9, 2, 2, 3)),
    ],
    ids=["binary", "classes", "one-hot"],
)
def test_every_value_of_several_variables_occurs_once(variables, shape):
    values, log_q = every_value(tfd.Independent(variables, 1))
    assert values.shape == shape
    rows = {tuple(np.ravel(row)) for row in values[:, 0].numpy()}
    assert len(rows) == shape[0]
    np.testing.assert_allclose(np.exp(log_q).sum(0), [1.0, 1.0], rtol=1e-5)


@pytest.mark.parametrize(
    ("posterior", "message"),
    [
        (tfd.Normal(tf.zeros([2]), 1.0), "expected Categorical, .* received .*Normal"),
        (
            tfd.Independent(tfd.Bernoulli(logits=tf.zeros([2, 17])), 1),
            "at most 65536 values; received 17 variables of 2 values each",
        ),
        (
            tfd.JointDistributionSequential(
                [
                    tfd.OneHotCategorical(logits=tf.zeros([2, 400])),
                    lambda z: tfd.OneHotCategorical(logits=tf.zeros([2, 300])),
                ]
            ),
            r"at most 65536 values; received layers of \[400, 300\]",
        ),
    ],
    ids=["continuous", "many", "layers"],
)
def test_what_cannot_be_enumerated_is_refused(posterior, message):
    with pytest.raises(ValueError, match=message):
        EnumeratedELBO()(toys.joint(None, posterior, posterior), seed=None)
