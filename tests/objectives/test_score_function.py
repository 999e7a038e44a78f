"""The default score-function bound of a categorical latent against enumeration in NumPy."""

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp

from tests.objectives.test_enumerated_elbo import LOG_PX, LOGITS, PRIOR, log_likelihood
from tests.references.discrete_oracle import enumerated_bound, numerical_gradient
from tfp_dgm.objectives import LeaveOneOut, ScoreFunctionELBO

tfd = tfp.distributions


def score_function(row, size, num_samples, seed=(4, 2)):
    """The bound of `size` copies of one row, and the gradient of each copy's loss."""
    logits = tf.constant(np.tile(LOGITS[row], [size, 1]), tf.float32)
    log_px = tf.constant(np.tile(LOG_PX[row], [size, 1]), tf.float32)
    prior = tfd.Categorical(probs=tf.constant(PRIOR, tf.float32))
    with tf.GradientTape() as tape:
        tape.watch([logits, log_px])
        result = ScoreFunctionELBO(num_samples=num_samples)(
            log_likelihood(log_px), tfd.Categorical(logits=logits), prior, seed=seed
        )
    return result, *tape.gradient(result.loss, [logits, log_px])


@pytest.mark.parametrize("row", [0, 1])
@pytest.mark.parametrize("num_samples", [2, 5])
def test_score_function_is_unbiased(row, num_samples):
    """20,000 estimates, each mean within 5 standard errors: fails once in 10^5."""
    size = 20_000
    result, of_logits, of_log_px = score_function(row, size, num_samples)
    estimates = [
        (result.value[:, None], [enumerated_bound(LOGITS[row], PRIOR, LOG_PX[row])[0]]),
        (
            of_logits,
            numerical_gradient(
                lambda logits: -enumerated_bound(logits, PRIOR, LOG_PX[row])[0], LOGITS[row]
            ),
        ),
        (
            of_log_px,
            numerical_gradient(
                lambda log_px: -enumerated_bound(LOGITS[row], PRIOR, log_px)[0], LOG_PX[row]
            ),
        ),
    ]
    for estimate, expected in estimates:
        estimate = estimate.numpy()
        error = estimate.std(0) / np.sqrt(size)
        np.testing.assert_array_less(np.abs(estimate.mean(0) - expected), 5 * error + 1e-5)


def test_score_function_is_exact_where_one_value_is_left():
    result, of_logits, _ = score_function(2, 2, 3)
    expected = LOG_PX[2][2] + np.log(PRIOR[2])
    np.testing.assert_allclose(result.value, [expected] * 2, rtol=1e-5)
    np.testing.assert_allclose(of_logits, np.zeros([2, 4]), atol=1e-6)


def test_score_function_changes_the_gradient_and_never_the_value():
    result, _, _ = score_function(0, 7, 3)
    np.testing.assert_allclose(result.value, np.mean(result.log_weights, axis=0), rtol=1e-5)
    np.testing.assert_allclose(result.loss, -result.value, rtol=1e-5)
    assert np.std(result.value) > 0.1


def test_score_function_config_and_error():
    copy = ScoreFunctionELBO.from_config(ScoreFunctionELBO(num_samples=7).get_config())
    assert copy.num_samples == 7
    assert [type(part) for part in copy.control_variates] == [LeaveOneOut]
    with pytest.raises(ValueError, match=r"`num_samples` must be >= 2.*received 1"):
        ScoreFunctionELBO(num_samples=1)
