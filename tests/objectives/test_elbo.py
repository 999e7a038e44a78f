"""The ELBO on a linear-Gaussian model, where evidence, posterior and bound are known."""

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp
from scipy.special import log_softmax, logsumexp
from scipy.stats import multivariate_normal, norm

from tests.objectives import toys
from tests.references.densities import normal_diag_kl, normal_full_kl
from tests.references.linear_gaussian import LinearGaussian
from tfp_dgm.objectives import ELBO

tfd = tfp.distributions

MODEL = LinearGaussian(
    w=np.array([[1.2, -0.4], [0.3, 0.9], [-0.8, 0.5]]), b=np.array([0.5, -1.0, 0.2]), s=0.7
)
X = np.array([[1.0, -0.3, 0.4], [-2.0, 0.8, 1.5]])  # [B, D]
LOC = np.array([[0.4, -0.9], [1.1, 0.3]])  # [B, Z], of a posterior that is not the true one
SCALE_TRIL = np.array([[[0.6, 0.0], [0.5, 0.8]], [[1.3, 0.0], [-0.2, 0.4]]])
COVARIANCE = np.array([factor @ factor.T for factor in SCALE_TRIL])
SEED = (3, 8)


def log_likelihood(z):
    mean = tf.einsum("sbz,dz->sbd", z, tf.constant(MODEL.w, tf.float32)) + MODEL.b
    return tfd.MultivariateNormalDiag(mean, tf.fill([3], MODEL.s)).log_prob(X.astype(np.float32))


def normal(loc, scale_tril):
    return tfd.MultivariateNormalTriL(tf.cast(loc, tf.float32), tf.cast(scale_tril, tf.float32))


def standard_normal():
    return tfd.MultivariateNormalDiag(tf.zeros(2), tf.ones(2))


def bound(posterior=None, prior=None, **kwargs):
    posterior = normal(LOC, SCALE_TRIL) if posterior is None else posterior
    prior = standard_normal() if prior is None else prior
    return ELBO(**kwargs)(toys.joint(log_likelihood, posterior, prior), seed=SEED)


@pytest.mark.parametrize("num_samples", [1, 3])
def test_equals_the_evidence_at_the_true_posterior(num_samples):
    """Every weight log p(x, z) - log q(z | x) is then log p(x), whatever the draw."""
    moments = [MODEL.posterior(x) for x in X]
    posterior = normal([m for m, _ in moments], [np.linalg.cholesky(c) for _, c in moments])
    result = bound(posterior, num_samples=num_samples, analytic_kl=False)
    evidence = np.array([MODEL.log_evidence(x) for x in X])
    np.testing.assert_allclose(result.value, evidence, rtol=1e-5)
    np.testing.assert_allclose(result.log_weights, [evidence] * num_samples, rtol=1e-5)


@pytest.mark.parametrize("analytic_kl", [True, False])
def test_is_the_closed_form_below_the_evidence(analytic_kl):
    """20,000 draws, within 5 standard errors: fails once in 10^6."""
    result = bound(num_samples=20_000, analytic_kl=analytic_kl)
    error = np.std(result.log_weights, axis=0) / np.sqrt(20_000)
    for b, x in enumerate(X):
        expected = MODEL.bound(x, LOC[b], COVARIANCE[b])
        assert expected < MODEL.log_evidence(x) - 0.5
        assert abs(result.value[b] - expected) < 5 * max(error[b], 1e-3)


def test_kl_is_the_closed_form_or_its_estimate():
    expected = [normal_full_kl(LOC[b], COVARIANCE[b], np.zeros(2), np.eye(2)) for b in range(2)]
    np.testing.assert_allclose(bound(num_samples=1).kl, expected, rtol=1e-5)
    sampled = bound(num_samples=20_000, analytic_kl=False).kl
    np.testing.assert_allclose(sampled, expected, rtol=0.05)
    assert not np.allclose(sampled, expected, rtol=1e-6)


def test_diagonal_posterior_and_prior_per_example():
    scale, prior_loc, prior_scale = np.array([[0.3, 2.0], [1.4, 0.6]]), LOC[::-1] / 2, 0.7
    posterior = tfd.MultivariateNormalDiag(LOC.astype("f4"), scale.astype("f4"))
    prior = tfd.MultivariateNormalDiag(prior_loc.astype("f4"), tf.fill([2, 2], prior_scale))
    expected = [normal_diag_kl(LOC[b], scale[b], prior_loc[b], [prior_scale] * 2) for b in range(2)]
    np.testing.assert_allclose(bound(posterior, prior).kl, expected, rtol=1e-5)


def test_pair_without_a_closed_form_is_estimated_from_the_draws():
    """The same five draws, whose densities SciPy gives."""
    means, logits = np.array([[2.0, 0.0], [-1.0, 1.0]]), np.array([0.3, -0.4])
    components = tfd.MultivariateNormalDiag(tf.constant(means, tf.float32), tf.ones([2, 2]))
    prior = tfd.MixtureSameFamily(tfd.Categorical(logits=logits.astype("f4")), components)
    result = bound(prior=prior, num_samples=5, analytic_kl=True)
    z, _ = normal(LOC, SCALE_TRIL).experimental_sample_and_log_prob(5, seed=SEED)
    for b in range(2):
        draws = z[:, b].numpy().astype(np.float64)  # [S, Z]
        log_q = multivariate_normal.logpdf(draws, LOC[b], COVARIANCE[b])
        parts = [multivariate_normal.logpdf(draws, mean, np.eye(2)) for mean in means]
        log_p = logsumexp(np.array(parts) + log_softmax(logits)[:, None], axis=0)
        expected = draws @ MODEL.w.T + MODEL.b  # [S, D]
        log_px = norm.logpdf(X[b], expected, MODEL.s).sum(axis=1)
        np.testing.assert_allclose(result.kl[b], np.mean(log_q - log_p), rtol=1e-4)
        np.testing.assert_allclose(result.reconstruction[b], log_px.mean(), rtol=1e-4)
        np.testing.assert_allclose(result.log_weights[:, b], log_px + log_p - log_q, rtol=1e-4)
        np.testing.assert_allclose(result.value[b], np.mean(log_px + log_p - log_q), rtol=1e-4)


@pytest.mark.parametrize("analytic_kl", [True, False])
def test_kl_weight_changes_the_loss_and_never_the_value(analytic_kl):
    objective = ELBO(num_samples=2, analytic_kl=analytic_kl, kl_weight=0.25)

    @tf.function
    def compiled():
        posterior = normal(LOC, SCALE_TRIL)
        return objective(toys.joint(log_likelihood, posterior, standard_normal()), seed=SEED)

    quarter = compiled()
    objective.kl_weight.assign(2.0)
    double = compiled()
    np.testing.assert_array_equal(quarter.value, double.value)
    np.testing.assert_allclose(quarter.loss, 0.25 * quarter.kl - quarter.reconstruction, rtol=1e-5)
    np.testing.assert_allclose(double.loss - quarter.loss, 1.75 * quarter.kl, rtol=1e-4)


@pytest.mark.parametrize("analytic_kl", [True, False])
def test_gradient_is_that_of_the_bound(analytic_kl):
    """Mean over 20,000 one-draw gradients, within 5 standard errors: fails once in 10^5."""
    size = 20_000
    loc = tf.Variable(tf.repeat(tf.constant(LOC[:1], tf.float32), size, axis=0))  # [N, Z]
    factor = np.repeat(SCALE_TRIL[:1], size, axis=0)

    def likelihood(z):
        mean = tf.einsum("sbz,dz->sbd", z, tf.constant(MODEL.w, tf.float32)) + MODEL.b
        normal_x = tfd.MultivariateNormalDiag(mean, tf.fill([3], MODEL.s))
        return normal_x.log_prob(X[0].astype(np.float32))

    with tf.GradientTape() as tape:
        posterior = normal(loc, factor)
        objective = ELBO(analytic_kl=analytic_kl)
        loss = objective(toys.joint(likelihood, posterior, standard_normal()), seed=SEED).loss
    gradients = -tape.gradient(loss, loc).numpy()  # [N, Z]
    error = gradients.std(0) / np.sqrt(size)
    expected = MODEL.bound_gradient_of_loc(X[0], LOC[0])
    np.testing.assert_array_less(np.abs(gradients.mean(0) - expected), 5 * error)


def test_one_seed_gives_one_bound():
    np.testing.assert_array_equal(bound().value, bound().value)
    posterior, prior = normal(LOC, SCALE_TRIL), standard_normal()
    other = ELBO()(toys.joint(log_likelihood, posterior, prior), seed=(3, 9))
    assert np.abs(other.value - bound().value).max() > 1e-3


def test_config_comes_back_with_the_weight_as_it_stands():
    objective = ELBO(num_samples=3, analytic_kl=False, kl_weight=0.5)
    objective.kl_weight.assign(0.75)
    copy = ELBO.from_config(objective.get_config())
    assert (copy.num_samples, copy.analytic_kl) == (3, False)
    assert copy.kl_weight.numpy() == 0.75


def test_errors_name_what_was_received():
    with pytest.raises(ValueError, match="`num_samples` must be >= 1; received 0"):
        ELBO(num_samples=0)
    with pytest.raises(ValueError, match=r"reparameterised; received .*Categorical"):
        bound(*[tfd.Categorical(logits=tf.zeros([2, 3]))] * 2)
