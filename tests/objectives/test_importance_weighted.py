"""Importance-weighted bounds: how they tighten, and how much noise their gradients have."""

import itertools

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp
from scipy.special import logsumexp

from tests.objectives import toys
from tests.references import quadrature
from tests.references.linear_gaussian import LinearGaussian
from tfp_dgm.objectives import (
    ELBO,
    CombinationImportanceWeighted,
    DoublyReparameterized,
    ImportanceWeighted,
    MultiplyImportanceWeighted,
    PartiallyImportanceWeighted,
    Pathwise,
    Renyi,
    StickingTheLanding,
)
from tfp_dgm.objectives.pathwise import path_log_prob

tfd = tfp.distributions

GAUSSIAN = quadrature.Gaussian()
COUNT = 20_000


def estimates(objective, count=COUNT):
    return toys.estimates(objective, toys.gaussian, GAUSSIAN, count)


def iw(log_weights):
    return logsumexp(log_weights, axis=0) - np.log(len(log_weights))


@pytest.mark.parametrize(
    ("objective", "value"),
    [
        (ImportanceWeighted(num_samples=6), iw),
        (
            MultiplyImportanceWeighted(num_bounds=2, num_samples=3),
            lambda w: (iw(w[:3]) + iw(w[3:])) / 2,
        ),
        (PartiallyImportanceWeighted(num_bounds=2, num_samples=3), iw),
        (
            CombinationImportanceWeighted(num_samples=6, beta=0.2),
            lambda w: 0.2 * w.mean(0) + 0.8 * iw(w),
        ),
        (Renyi(num_samples=6, alpha=0.3), lambda w: iw(0.7 * w) / 0.7),
    ],
    ids=["IWAE", "MIWAE", "PIWAE", "CIWAE", "Renyi"],
)
def test_value_is_the_formula_of_its_log_weights(objective, value):
    bound, _, _ = estimates(objective, 5)
    log_weights = bound.log_weights.numpy().astype(np.float64)
    assert log_weights.shape == (6, 5)
    assert np.ptp(log_weights) > 1.0
    np.testing.assert_allclose(bound.value, value(log_weights), rtol=1e-5)
    elbo = bound.reconstruction - bound.kl
    np.testing.assert_allclose(elbo, log_weights.mean(0), rtol=1e-4, atol=1e-5)


def test_renyis_bound_falls_with_its_order_also_outside_the_range_that_is_offered():
    """Above 1 it is a lower bound still, looser than the ELBO (Li and Turner, theorem 1)."""
    values = []
    for alpha in (-1.0, 0.0, 0.5, 2.0):
        objective = Renyi(num_samples=6)
        objective.alpha = alpha
        bound, _, _ = estimates(objective, 200)
        values.append(bound.value.numpy())
    log_weights = bound.log_weights.numpy().astype(np.float64)
    values.insert(3, log_weights.mean(0))  # Order 1.
    np.testing.assert_allclose(values[1], iw(log_weights), rtol=1e-5)
    assert all((high > low).all() for high, low in itertools.pairwise(values))


def test_bound_rises_with_the_number_of_draws_and_stays_below_the_evidence():
    """Gaps between neighbours are more than 5 standard errors: fails once in 10^6."""
    values = [
        estimates(ImportanceWeighted(num_samples=k), 5_000)[0].value.numpy() for k in (1, 2, 4, 16)
    ]
    errors = [value.std() / np.sqrt(5_000) for value in values]
    means = [value.mean() for value in values]
    evidence = quadrature.evidence(GAUSSIAN, GAUSSIAN.theta)
    assert means[-1] < evidence + 5 * errors[-1]
    assert evidence - means[-1] < 0.02
    for low, high, error in zip(means[:-1], means[1:], errors[:-1], strict=True):
        assert high - low > 5 * error
    assert abs(means[0] - quadrature.elbo(GAUSSIAN, GAUSSIAN.theta, GAUSSIAN.phi)) < 5 * errors[0]


@pytest.mark.slow
def test_signal_to_noise_grows_where_the_score_is_reparameterised_and_falls_where_not():
    """Rainforth et al. 2018: like K^(-1/2); Tucker et al. 2019: like K^(1/2).

    Of 40,000 estimates, ratios are good to 0.005 (one standard error); what is demanded is more
    than 5 of them away from what that law gives: fails once in 10^5.

    Quicker: `test_no_draw_has_a_gradient_at_the_true_posterior`.
    """

    def signal_to_noise(gradient, num_samples):
        objective = ImportanceWeighted(num_samples=num_samples, gradient=gradient)
        phi = np.concatenate(
            [toys.estimates(objective, toys.gaussian, GAUSSIAN, COUNT, (3, n))[2] for n in (7, 8)]
        )
        return np.linalg.norm(phi.mean(0)) / np.sqrt(phi.var(0).sum())

    few, many = (signal_to_noise(Pathwise(), k) for k in (4, 100))
    assert many < 0.5 * few
    few, many = (signal_to_noise(DoublyReparameterized(), k) for k in (4, 100))
    assert many > 2.5 * few


LINEAR = LinearGaussian(w=np.array([[1.2, -0.4], [0.3, 0.9]]), b=np.array([0.5, -1.0]), s=0.7)
X = np.array([1.0, -0.3])


def linear_log_likelihood(z):
    mean = tf.einsum("sbz,dz->sbd", z, tf.constant(LINEAR.w, tf.float32)) + LINEAR.b
    return tfd.MultivariateNormalDiag(mean, tf.fill([2], LINEAR.s)).log_prob(X.astype("f4"))


def true_posterior(loc, factor):
    return tfd.MultivariateNormalTriL(loc, factor)


def true_posterior_as_a_flow(loc, factor):
    shift, scale = tfp.bijectors.Shift(loc), tfp.bijectors.ScaleMatvecTriL(factor)
    base = tfd.MultivariateNormalDiag(tf.zeros([1, 2]), tf.ones([1, 2]))
    return tfd.TransformedDistribution(base, shift(scale))


@pytest.mark.parametrize("make", [true_posterior, true_posterior_as_a_flow])
@pytest.mark.parametrize(
    ("objective", "quiet"),
    [
        (ELBO(gradient=StickingTheLanding()), True),
        (ELBO(analytic_kl=False, gradient=StickingTheLanding()), True),
        (ImportanceWeighted(num_samples=3, gradient=DoublyReparameterized()), True),
        (ELBO(analytic_kl=False), False),
        (ImportanceWeighted(num_samples=3), False),
    ],
    ids=repr,
)
def test_no_draw_has_a_gradient_at_the_true_posterior(make, objective, quiet):
    loc, covariance = LINEAR.posterior(X)
    loc = tf.constant(loc[None], tf.float32)
    factor = tf.constant(np.linalg.cholesky(covariance)[None], tf.float32)
    prior = tfd.MultivariateNormalDiag(tf.zeros(2), tf.ones(2))
    for seed in range(3):
        with tf.GradientTape() as tape:
            tape.watch([loc, factor])
            loss = objective(
                toys.joint(linear_log_likelihood, make(loc, factor), prior), seed=(seed, 5)
            ).loss
        gradients = tape.gradient(loss, [loc, factor])
        largest = max(np.abs(np.tril(gradient)).max() for gradient in gradients)
        assert (largest < 1e-4) == quiet


DISTRIBUTIONS = {
    "diagonal": lambda p: tfd.MultivariateNormalDiag(p, 0.2 + tf.square(p)),
    "full": lambda p: tfd.MultivariateNormalTriL(p, p[:, :, None] * p[:, None] + tf.eye(3)),
    "independent": lambda p: tfd.Independent(tfd.Laplace(p, 0.2 + tf.square(p)), 1),
    "transformed": lambda p: tfp.bijectors.Exp()(tfd.MultivariateNormalDiag(p, tf.ones([3]))),
    "layers": lambda p: tfd.JointDistributionSequential(
        [
            tfd.MultivariateNormalDiag(p, tf.ones([3])),
            lambda z: tfd.MultivariateNormalDiag(p * z, 0.2 + tf.square(z)),
        ]
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("make", DISTRIBUTIONS.values(), ids=DISTRIBUTIONS)
def test_path_log_prob_has_the_density_and_its_slope_in_the_draw_alone(make):
    p = tf.constant([[0.4, -0.7, 1.1], [0.9, 0.3, -0.5]])
    z = make(p).sample(4, seed=(1, 2))
    leaves = tf.nest.flatten(z)

    step, places = 1e-2, list(itertools.product(range(len(leaves)), range(3)))
    moved = [np.stack([leaf.numpy()] * (2 * len(places))) for leaf in leaves]  # [M, S, B, 3]
    for n, (index, element) in enumerate(places):
        moved[index][2 * n, ..., element] += step
        moved[index][2 * n + 1, ..., element] -= step
    sides = make(p).log_prob(tf.nest.pack_sequence_as(z, moved)).numpy().astype(np.float64)
    numerical = dict(zip(places, (sides[::2] - sides[1::2]) / (2 * step), strict=True))

    with tf.GradientTape() as tape:
        tape.watch([p, *leaves])
        log_prob = path_log_prob(make(p), tf.nest.pack_sequence_as(z, leaves))
    of_p, *of_z = tape.gradient(log_prob, [p, *leaves])
    np.testing.assert_allclose(log_prob, make(p).log_prob(z), rtol=1e-5)
    assert of_p is None
    for index, gradient in enumerate(of_z):
        for element in range(3):
            expected = numerical[index, element]
            np.testing.assert_allclose(gradient[:, :, element], expected, rtol=0.02, atol=0.02)


@pytest.mark.slow
@pytest.mark.parametrize(
    "gradient",
    [pytest.param(Pathwise(), marks=pytest.mark.slow), DoublyReparameterized()],
    ids=repr,
)
def test_the_same_under_xla(gradient):
    """Of one draw each, from the same eager noise: XLA's own noise is another."""
    objective = PartiallyImportanceWeighted(num_bounds=2, num_samples=3, gradient=gradient)
    noise = np.random.default_rng(0).normal(size=(6, 3, 1)).astype(np.float32)

    class Reparameterized(tfd.MultivariateNormalDiag):
        def experimental_sample_and_log_prob(self, sample_shape=(), seed=None):
            z = self.mean() + self.stddev() * noise
            return z, self.log_prob(z)

    def run(theta, phi):
        with tf.GradientTape() as tape:
            tape.watch([theta, phi])
            problem = toys.gaussian(theta, phi)
            posterior = Reparameterized(phi[:, :1], tf.exp(phi[:, 1:]))
            loss = objective(problem._replace(posterior=posterior).joint(), seed=None).loss
        return loss, *tape.gradient(loss, [theta, phi])

    theta = tf.constant(np.tile(GAUSSIAN.theta, [3, 1]), tf.float32)
    phi = tf.constant(np.tile(GAUSSIAN.phi, [3, 1]), tf.float32)
    for eager, graph in zip(
        run(theta, phi), tf.function(run, jit_compile=True)(theta, phi), strict=True
    ):
        np.testing.assert_allclose(graph, eager, rtol=1e-4, atol=1e-5)


def test_draws_of_no_weight_leave_every_gradient_finite():
    """The share of a draw in p's gradient underflows where another outweighs it by 200 nats."""
    objective = PartiallyImportanceWeighted(num_bounds=4, num_samples=2)
    loc = tf.zeros([1, 2])

    def log_likelihood(z):
        return -2_000.0 * tf.reduce_sum(tf.square(z - 1.0), axis=-1)

    with tf.GradientTape() as tape:
        tape.watch(loc)
        posterior = tfd.MultivariateNormalDiag(loc, tf.ones([1, 2]))
        prior = tfd.MultivariateNormalDiag(tf.zeros(2), tf.ones(2))
        bound = objective(toys.joint(log_likelihood, posterior, prior), seed=(4, 4))
    assert np.ptp(bound.log_weights) > 1_000
    gradient = tape.gradient(bound.loss, loc)
    assert np.isfinite(gradient).all()
    assert np.abs(gradient).min() > 1.0


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: ImportanceWeighted(num_samples=0), "`num_samples` must be >= 1; received 0"),
        (lambda: MultiplyImportanceWeighted(num_bounds=0), "`num_bounds` must be >= 1; received 0"),
        (lambda: CombinationImportanceWeighted(beta=1.5), r"`beta` .* \[0, 1\]; received 1.5"),
        (lambda: Renyi(alpha=1.0), r"`alpha` must lie in \[0, 1\); received 1.0"),
        (lambda: Renyi(alpha=-0.5), r"`alpha` must lie in \[0, 1\); received -0.5"),
        (
            lambda: ImportanceWeighted()(
                toys.joint(None, *[tfd.Categorical(logits=tf.zeros([2, 3]))] * 2), seed=(1, 2)
            ),
            "ImportanceWeighted: needs a posterior that can be reparameterised; received .*Categ",
        ),
    ],
)
def test_errors_name_argument_expected_and_received(make, message):
    with pytest.raises(ValueError, match=message):
        make()
