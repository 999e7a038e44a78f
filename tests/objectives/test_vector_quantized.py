"""The bound of codes: its value by enumeration, and which gradient reaches what."""

import numpy as np
import pytest
import tensorflow as tf
from scipy.special import log_softmax
from tensorflow_probability import distributions as tfd

from tfp_dgm.objectives import ELBO, Joint, VectorQuantizedELBO

CODEBOOK = np.array([[0.4, -1.0], [1.2, 0.3], [-0.7, 0.9]], np.float32)
Y = np.array([[0.5, -0.2], [-0.1, 1.6]], np.float32)
PRIOR = np.array([0.3, -0.4, 0.8], np.float32)
NEVER = -1e9


def log_px(v):
    """Of vectors [..., 2]; nothing linear, whose gradient would be the same everywhere."""
    return -tf.reduce_sum(tf.exp(0.5 * v) + 0.3 * v**2, axis=-1)


def joint_of(y, codebook, logits, prior_logits=PRIOR, learned=False):
    posterior = tfd.OneHotCategorical(logits=logits, dtype=tf.float32)
    prior = tfd.OneHotCategorical(logits=prior_logits, dtype=tf.float32)

    def straight_through(z):
        v = tf.einsum("sbk,kd->sbd", z, codebook)
        return log_px(y + tf.stop_gradient(v - y))

    def amounts():
        q = tf.stop_gradient(posterior.mean())

        def apart(y, e):
            squares = tf.reduce_sum((y[:, None] - e) ** 2, axis=-1)
            return tf.reduce_sum(q * squares, axis=-1)

        found = {"commitment": apart(y, tf.stop_gradient(codebook))}
        return found | ({"codebook": apart(tf.stop_gradient(y), codebook)} if learned else {})

    return Joint(
        None,
        log_likelihood=lambda z: log_px(tf.einsum("sbk,kd->sbd", z, codebook)),
        straight_through=straight_through,
        prior=lambda: prior,
        posterior=lambda: posterior,
        amounts=amounts,
    )


def hard_logits(places):
    return np.where(np.eye(3)[places] > 0, 0.0, NEVER).astype(np.float32)


def test_the_gradient_of_the_likelihood_at_the_code_goes_to_the_vector_unchanged():
    """That of the identity: d log p(x | v) / d v at v = e_c, and the commitment's beside it."""
    y, codebook, places = tf.constant(Y), tf.constant(CODEBOOK), [1, 2]
    with tf.GradientTape(persistent=True) as tape:
        tape.watch([y, codebook])
        joint = joint_of(y, codebook, hard_logits(places))
        bound = VectorQuantizedELBO(commitment=0.7)(joint, seed=(1, 2))
    v = CODEBOOK[places].astype(np.float64)
    slope = -(0.5 * np.exp(0.5 * v) + 0.6 * v)
    np.testing.assert_allclose(tape.gradient(bound.loss, y), -slope + 0.7 * 2 * (Y - v), rtol=1e-5)
    assert tape.gradient(bound.loss, codebook) is None
    expected = -(np.exp(0.5 * v) + 0.3 * v**2).sum(axis=1)
    kl = -log_softmax(PRIOR.astype(np.float64))[places]
    np.testing.assert_allclose(bound.value, expected - kl, rtol=1e-5)
    np.testing.assert_allclose(bound.kl, kl, rtol=1e-5)
    apart = ((Y - v) ** 2).sum(axis=1)
    np.testing.assert_allclose(bound.loss, kl - expected + 0.7 * apart, rtol=1e-5)


def test_a_codebook_that_learns_by_gradients_moves_towards_its_vectors():
    codebook = tf.constant(CODEBOOK)
    with tf.GradientTape() as tape:
        tape.watch(codebook)
        joint = joint_of(tf.constant(Y), codebook, hard_logits([1, 1]), learned=True)
        loss = tf.reduce_sum(VectorQuantizedELBO()(joint, seed=(1, 2)).loss)
    expected = np.zeros((3, 2))
    expected[1] = 2 * (2 * CODEBOOK[1] - Y.sum(axis=0))
    np.testing.assert_allclose(tape.gradient(loss, codebook), expected, rtol=1e-5)


def test_soft_codes_have_the_value_of_the_enumeration():
    """20,000 draws, within 5 standard errors; and a divergence in closed form."""
    logits = np.array([[0.5, -0.3, 0.2], [1.0, 0.4, -2.0]], np.float32)
    joint = joint_of(tf.constant(Y), tf.constant(CODEBOOK), logits)
    bound = VectorQuantizedELBO(num_samples=20_000)(joint, seed=(3, 4))
    log_q, log_p = log_softmax(logits.astype(np.float64), axis=1), log_softmax(PRIOR)
    values = log_px(CODEBOOK.astype(np.float64)).numpy()
    q = np.exp(log_q)
    mean = q @ values
    error = np.sqrt((q @ values**2 - mean**2) / 20_000)
    np.testing.assert_array_less(np.abs(bound.reconstruction - mean), 5 * error)
    np.testing.assert_allclose(bound.kl, (q * (log_q - log_p)).sum(axis=1), rtol=1e-5)


def test_the_prior_follows_the_codes_and_does_not_move_them():
    """Its gradient is that of the cross-entropy; the posterior's logits have none."""
    logits, prior = tf.constant(hard_logits([1, 2])), tf.constant(PRIOR)
    with tf.GradientTape() as tape:
        tape.watch([logits, prior])
        joint = joint_of(tf.constant(Y), tf.constant(CODEBOOK), logits, prior)
        loss = tf.reduce_sum(VectorQuantizedELBO()(joint, seed=(1, 2)).loss)
    of_posterior, of_prior = tape.gradient(loss, [logits, prior])
    assert of_posterior is None
    expected = 2 * np.exp(log_softmax(PRIOR)) - [0, 1, 1]
    np.testing.assert_allclose(of_prior, expected, rtol=1e-5)


def test_what_cannot_be_is_refused_by_name():
    with pytest.raises(ValueError, match="`commitment` must be >= 0; received -1"):
        VectorQuantizedELBO(commitment=-1)
    with pytest.raises(ValueError, match="`commitment` must be >= 0; received nan"):
        VectorQuantizedELBO(commitment=float("nan"))
    with pytest.raises(ValueError, match="`num_samples` must be >= 1; received 0"):
        VectorQuantizedELBO(num_samples=0)
    for given in (1.5, True, "2"):
        with pytest.raises(ValueError, match=f"must be a whole number; .*{given!r}"):
            VectorQuantizedELBO(num_samples=given)
    normal = tfd.MultivariateNormalDiag(tf.zeros([2, 1]), tf.ones([2, 1]))
    plain = Joint(
        ELBO(), log_likelihood=lambda z: z[..., 0], prior=lambda: normal, posterior=lambda: normal
    )
    message = (
        "ELBO has no log-likelihood with a straight-through gradient, which VectorQuantizedELBO"
    )
    with pytest.raises(NotImplementedError, match=message):
        VectorQuantizedELBO()(plain, seed=(1, 2))


def test_configuration_comes_back():
    objective = VectorQuantizedELBO(num_samples=3, commitment=0.4)
    copy = VectorQuantizedELBO.from_config(objective.get_config())
    assert repr(copy) == repr(objective) == "VectorQuantizedELBO(num_samples=3, commitment=0.4)"
