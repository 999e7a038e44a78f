"""Score-function bounds of a categorical latent against enumeration in NumPy."""

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp
from scipy.special import logsumexp

from tests.objectives import toys
from tests.objectives.categorical_problem import LOG_PX, LOGITS, PRIOR, log_likelihood
from tests.references.discrete_oracle import enumerated_bound, numerical_gradient
from tfp_dgm.objectives import (
    LearnedBaseline,
    LeaveOneOut,
    RunningAverage,
    ScoreFunctionELBO,
    ScoreFunctionImportanceWeighted,
)

tfd = tfp.distributions


def score_function(row, size, num_samples=2, seed=(4, 2), objective=None):
    """The bound of `size` copies of one row, and the gradient of each copy's loss."""
    logits = tf.constant(np.tile(LOGITS[row], [size, 1]), tf.float32)
    log_px = tf.constant(np.tile(LOG_PX[row], [size, 1]), tf.float32)
    prior = tfd.Categorical(probs=tf.constant(PRIOR, tf.float32))
    with tf.GradientTape() as tape:
        tape.watch([logits, log_px])
        joint = toys.joint(log_likelihood(log_px), tfd.Categorical(logits=logits), prior)
        objective = objective or ScoreFunctionELBO(num_samples=num_samples)
        result = objective(joint, seed=seed)
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


@pytest.mark.parametrize("kl_weight", [0.0, 0.4])
def test_the_divergence_weighs_in_the_gradient_and_not_in_the_value(kl_weight):
    """20,000 estimates, each mean within 5 standard errors: fails once in 10^5."""
    size, row = 20_000, 0
    objective = ScoreFunctionELBO(num_samples=2, kl_weight=kl_weight)
    result, of_logits, _ = score_function(row, size, objective=objective)

    def loss(logits):
        _, reconstruction, kl = enumerated_bound(logits, PRIOR, LOG_PX[row])
        return kl_weight * kl - reconstruction

    expected = numerical_gradient(loss, LOGITS[row])
    for estimate, wanted in [
        (of_logits.numpy(), expected),
        (result.loss.numpy(), loss(LOGITS[row])),
        (result.value.numpy(), enumerated_bound(LOGITS[row], PRIOR, LOG_PX[row])[0]),
    ]:
        error = estimate.std(0) / np.sqrt(size)
        np.testing.assert_array_less(np.abs(estimate.mean(0) - wanted), 5 * error + 1e-5)
    copy = ScoreFunctionELBO.from_config(objective.get_config())
    np.testing.assert_allclose(copy.kl_weight, kl_weight)


def test_score_function_config_and_error():
    copy = ScoreFunctionELBO.from_config(ScoreFunctionELBO(num_samples=7).get_config())
    assert copy.num_samples == 7
    assert [type(part) for part in copy.control_variates] == [LeaveOneOut]
    with pytest.raises(ValueError, match=r"`num_samples` must be >= 2.*received 1"):
        ScoreFunctionELBO(num_samples=1)


def signal_variance(control_variates, num_samples=2, size=4_000):
    logits = tf.constant(np.tile(LOGITS[0], [size, 1]), tf.float32)
    log_px = tf.constant(np.tile(LOG_PX[0], [size, 1]), tf.float32)
    prior = tfd.Categorical(probs=tf.constant(PRIOR, tf.float32))
    objective = ScoreFunctionELBO(num_samples=num_samples, control_variates=control_variates)
    bound, _, _ = enumerated_bound(LOGITS[0], PRIOR, LOG_PX[0])
    with tf.GradientTape() as tape:
        tape.watch(logits)
        joint = toys.joint(
            log_likelihood(log_px),
            tfd.Categorical(logits=logits),
            prior,
            baseline=lambda: tf.constant(bound, tf.float32),
        )
        loss = objective(joint, seed=(9, 2)).loss
    return tape.gradient(loss, logits).numpy().var(0).sum()


def test_control_variates_lessen_the_variance():
    """By factors of two and more, where the variances of 4,000 gradients are good to 10 %."""
    plain = signal_variance([])
    assert signal_variance([LeaveOneOut()]) < plain / 2
    assert signal_variance([LearnedBaseline()]) < plain / 2
    assert signal_variance([RunningAverage(average=-3.0)]) < plain / 2


def test_running_average_follows_the_signal_in_training_alone():
    average = RunningAverage(decay=0.75, average=-4.0)
    objective = ScoreFunctionELBO(num_samples=3, control_variates=[average])
    log_px, logits = tf.constant(LOG_PX, tf.float32), tf.constant(LOGITS, tf.float32)
    prior = tfd.Categorical(probs=tf.constant(PRIOR, tf.float32))
    arguments = log_likelihood(log_px), tfd.Categorical(logits=logits), prior
    objective(toys.joint(*arguments), seed=(1, 2))
    assert average.average.numpy() == -4.0
    bound = objective(toys.joint(*arguments, training=True), seed=(1, 2))
    expected = -3.0 + 0.25 * np.mean(bound.log_weights)
    np.testing.assert_allclose(average.average, expected, rtol=1e-5)
    copy = ScoreFunctionELBO.from_config(objective.get_config()).control_variates[0]
    np.testing.assert_array_equal(copy.average, average.average)


def test_learned_baseline_is_drawn_to_what_is_left_of_the_signal():
    baseline = tf.constant([-1.0, 2.0, 0.5])
    parts = [RunningAverage(average=-4.0), LearnedBaseline(loss_weight=0.5)]
    objective = ScoreFunctionELBO(num_samples=3, control_variates=parts)
    log_px, logits = tf.constant(LOG_PX, tf.float32), tf.constant(LOGITS, tf.float32)
    prior = tfd.Categorical(probs=tf.constant(PRIOR, tf.float32))
    with tf.GradientTape() as tape:
        tape.watch(baseline)
        joint = toys.joint(
            log_likelihood(log_px),
            tfd.Categorical(logits=logits),
            prior,
            baseline=lambda: baseline,
        )
        bound = objective(joint, seed=(1, 2))
    expected = baseline - np.mean(bound.log_weights + 4.0, axis=0)
    np.testing.assert_allclose(tape.gradient(bound.loss, baseline), expected, rtol=1e-4)
    np.testing.assert_allclose(bound.loss, -bound.value, rtol=1e-5)


def test_vimco_leaves_a_draw_out_for_the_geometric_mean_of_the_others():
    """The gradient of log q of each draw, read off by a q whose log-probability is a variable.

    Of an impossible draw, the logarithm of its weight is -inf; of the geometric mean, too.
    """
    objective = ScoreFunctionImportanceWeighted(num_samples=3)
    log_weights = np.array([[-1.0, -900.0, -np.inf], [-2.5, -3.0, -3.0], [0.3, -2.0, -2.0]])

    class Fixed:
        event_shape = tf.TensorShape([])

        def sample(self, count, seed):
            return tf.range(3)[:, None]

        def log_prob(self, z):
            return log_q

    log_q = tf.constant(np.log([[0.2, 0.4, 0.1], [0.5, 0.3, 0.6], [0.3, 0.3, 0.3]]), tf.float32)
    log_px = tf.constant(log_weights, tf.float32) + log_q
    prior = tfd.Categorical(logits=tf.zeros([3]))
    with tf.GradientTape() as tape:
        tape.watch(log_q)
        arguments = lambda z: log_px - prior.log_prob(z), Fixed(), prior
        loss = objective(toys.joint(*arguments), seed=None).loss
    gradient = -tape.gradient(loss, log_q).numpy()
    for b in range(3):
        w = log_weights[:, b]
        for s in range(3):
            others = np.delete(w, s)
            left_out = logsumexp([*others, others.mean()])
            expected = logsumexp(w) - left_out - np.exp(w[s] - logsumexp(w))
            np.testing.assert_allclose(gradient[s, b], expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("batch", [(1, 3), (2, 2), (2, 1, 3)], ids=str)
def test_axes_of_a_batch_are_rows_like_those_of_one(batch):
    """Sizes that are 1, or the number of draws, with which anything would broadcast."""
    random = np.random.default_rng(7)
    rows = int(np.prod(batch))
    logits, log_px = random.normal(size=(2, rows, 4)).astype(np.float32)
    found = []
    for shape in [(rows,), batch]:
        q, log_p = (tf.constant(part.reshape(*shape, 4)) for part in (logits, log_px))
        with tf.GradientTape() as tape:
            tape.watch(q)
            joint = toys.joint(
                lambda z, log_p=log_p: tf.reduce_sum(z * log_p, axis=-1),
                tfd.OneHotCategorical(logits=q, dtype=tf.float32),
                tfd.OneHotCategorical(logits=tf.zeros([*shape, 4]), dtype=tf.float32),
            )
            bound = ScoreFunctionImportanceWeighted(num_samples=2)(joint, seed=(4, 2))
        gradient = tape.gradient(bound.loss, q)
        assert bound.value.shape == shape
        found.append((tf.reshape(bound.log_weights, [2, rows]), tf.reshape(gradient, [rows, 4])))
    for one, other in zip(*found, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("num_samples", [1, 3])
@pytest.mark.parametrize("kl_weight", [0.0, 0.3, 2.0])
def test_a_weighted_closed_form_changes_the_gradient_and_no_value(kl_weight, num_samples):
    """20,000 estimates, each mean within 5 standard errors: fails once in 10^5."""
    size, row = 20_000, 0

    def weighted(logits, log_prior, weight):
        q = np.exp(logits - logsumexp(logits))
        kl = q @ (np.log(q) - log_prior + logsumexp(log_prior))
        return q @ LOG_PX[row] - weight * kl

    log_prior = np.log(PRIOR)
    logits = tf.constant(np.tile(LOGITS[row], [size, 1]), tf.float32)
    of_prior = tf.constant(log_prior, tf.float32)
    objective = ScoreFunctionELBO(
        num_samples=num_samples,
        control_variates=[] if num_samples == 1 else None,
        analytic_kl=True,
        kl_weight=kl_weight,
    )
    with tf.GradientTape() as tape:
        tape.watch([logits, of_prior])
        joint = toys.joint(
            log_likelihood(tf.constant(np.tile(LOG_PX[row], [size, 1]), tf.float32)),
            tfd.Categorical(logits=logits),
            tfd.Categorical(logits=of_prior),
        )
        bound = objective(joint, seed=(4, 2))
        total = tf.reduce_sum(bound.loss)
    of_logits, of_prior = tape.gradient(total, [logits, of_prior])
    expected = numerical_gradient(lambda x: -weighted(x, log_prior, kl_weight), LOGITS[row])
    noise = np.std(of_logits, axis=0) / np.sqrt(size)
    np.testing.assert_array_less(np.abs(np.mean(of_logits, 0) - expected), 5 * noise + 1e-4)
    # The prior has no part in the draws' credit: no noise.
    expected = numerical_gradient(lambda x: -weighted(LOGITS[row], x, kl_weight), log_prior)
    np.testing.assert_allclose(of_prior / size, expected, atol=1e-3)
    noise = np.std(bound.value) / np.sqrt(size)
    for found, weight in ((np.mean(bound.value), 1.0), (-total / size, kl_weight)):
        assert abs(found - weighted(LOGITS[row], log_prior, weight)) < 5 * noise + 1e-3
