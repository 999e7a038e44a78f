"""Flows as posteriors: on every base, drawn without inverting, and near the identity at first."""

import keras
import numpy as np
import pytest
import scipy.stats
import tensorflow as tf
from tensorflow_probability import distributions as tfd

from tfp_dgm import layers
from tfp_dgm.objectives import ELBO, Joint

BASES = [layers.MultivariateNormalDiag, layers.MultivariateNormalTriL]
FLOWS = [
    layers.PlanarFlow,
    layers.InverseAutoregressiveFlow,
    layers.HouseholderFlow,
    layers.SplineCouplingFlow,
    layers.ContinuousFlow,
]
# A base comes in before the flows: those of networks have it as the inverse autoregressive one has.
every_pair = pytest.mark.parametrize(
    ("flow", "base"),
    [
        *((f, b) for f in FLOWS[:2] for b in [*BASES, layers.BatchNormalizedNormalDiag]),
        *((f, layers.MultivariateNormalTriL) for f in FLOWS[2:]),
    ],
)
FEATURES = np.random.default_rng(1).normal(size=(4, 5)).astype(np.float32)


class Laplace(layers.VectorDistributionLayer):
    """A base of one's own."""

    @property
    def parameter_size(self):
        return self.units

    def _distribution(self, parameters):
        return tfd.Independent(tfd.Laplace(parameters, 1.0), 1)


def randomized(layer):
    layer.build((None, 5))
    random = np.random.default_rng(2)
    # At 0.3 all knots of 64 hidden units are as steep as they can be: no grid would be fine enough.
    scale = 0.1 if isinstance(layer, layers.SplineCouplingFlow) else 0.3
    for weight in layer.trainable_weights:
        weight.assign(random.normal(scale=scale, size=weight.shape))
    return layer


@every_pair
def test_density_of_a_draw_is_the_density_of_the_point(flow, base):
    """The one goes forwards only, the other inverts."""
    distribution = randomized(flow(base(3)))(FEATURES)
    z, log_prob = distribution.experimental_sample_and_log_prob(6, seed=(1, 2))
    assert z.shape == (6, 4, 3)
    np.testing.assert_allclose(distribution.log_prob(z.numpy()), log_prob, rtol=1e-4, atol=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("flow", FLOWS)
def test_density_over_a_plane_sums_to_one(flow):
    """Riemann sum over a grid that holds all but 1e-4 of the mass."""
    distribution = randomized(flow(layers.MultivariateNormalTriL(2), num_flows=3))(FEATURES[:1])
    draws = distribution.sample(4000, seed=(2, 3)).numpy()[:, 0]
    axes = [
        np.linspace(low - 3, high + 3, 200)
        for low, high in zip(draws.min(0), draws.max(0), strict=True)
    ]
    grid = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 1, 2).astype("f4")
    cell = np.prod([axis[1] - axis[0] for axis in axes])
    total = np.exp(distribution.log_prob(grid).numpy().astype(float)).sum() * cell
    np.testing.assert_allclose(total, 1.0, atol=2e-3)


@pytest.mark.slow
@pytest.mark.parametrize("flow", FLOWS)
def test_gradient_of_the_density_of_a_point_goes_through_the_inverse(flow):
    """Central differences of log q(z) in one weight and in z, through the inverse."""
    layer = randomized(flow(layers.MultivariateNormalDiag(3)))
    bias = layer.projection.bias
    z = tf.constant([[0.3, -0.8, 0.5]])

    def log_prob(value, shift=0.0):
        start = bias.numpy()
        bias.assign(start + shift)
        result = float(layer(FEATURES[:1]).log_prob(value)[0])
        bias.assign(start)
        return result

    with tf.GradientTape() as tape:
        tape.watch(z)
        total = layer(FEATURES[:1]).log_prob(z)[0]
    of_z, of_bias = tape.gradient(total, [z, bias.value])
    step = 1e-2
    direction = np.random.default_rng(3).normal(size=bias.shape).astype("f4")
    expected = (log_prob(z, step * direction) - log_prob(z, -step * direction)) / (2 * step)
    np.testing.assert_allclose(np.dot(of_bias, direction), expected, rtol=2e-2, atol=2e-3)
    for i, unit in enumerate(np.eye(3, dtype="f4")):
        expected = (log_prob(z + step * unit) - log_prob(z - step * unit)) / (2 * step)
        np.testing.assert_allclose(of_z[0, i], expected, rtol=2e-2, atol=2e-3)


def test_inverse_autoregressive_flow_starts_near_the_identity():
    layer = layers.InverseAutoregressiveFlow(layers.MultivariateNormalDiag(3), num_flows=1)
    layer.build((None, 5))
    (flow,) = layer(FEATURES).bijector.bijectors
    x = np.random.default_rng(4).normal(size=(4, 3)).astype("f4")
    gate = scipy.stats.logistic.cdf(2.0)
    np.testing.assert_allclose(flow.forward(x), gate * x, atol=0.1)


@pytest.mark.slow
@pytest.mark.parametrize("flow", FLOWS)
def test_mean_is_that_of_the_draws_and_always_the_same(flow):
    """256 draws against 20,000, within 5 standard errors: fails once in 10^5."""
    distribution = randomized(flow(layers.MultivariateNormalDiag(3)))(FEATURES)
    draws = distribution.sample(20_000, seed=(5, 6)).numpy()
    error = draws.std(0) / np.sqrt(256)
    np.testing.assert_array_less(np.abs(distribution.mean() - draws.mean(0)), 5 * error)
    np.testing.assert_array_equal(distribution.mean(), distribution.mean())


@pytest.mark.slow
@every_pair
def test_mean_of_a_row_is_the_same_in_every_batch(flow, base):
    layer = randomized(flow(base(3)))
    batch = layer(FEATURES).mean().numpy()
    np.testing.assert_allclose(layer(FEATURES[::-1]).mean()[::-1], batch, atol=1e-6)
    alone = layer(FEATURES[2:3]).mean()[0]
    np.testing.assert_allclose(batch[2], alone, rtol=1e-5, atol=1e-6)


def test_mean_of_a_flow_over_a_flow_and_of_one_that_begins_in_no_normal():
    """With u = w = 0 the outer flows leave every point where it is."""
    inner = layers.InverseAutoregressiveFlow(layers.MultivariateNormalTriL(3))
    layer = randomized(layers.PlanarFlow(inner))
    layer.projection.kernel.assign(tf.zeros_like(layer.projection.kernel))
    layer.projection.bias.assign(tf.zeros_like(layer.projection.bias))
    np.testing.assert_allclose(layer(FEATURES).mean(), inner(FEATURES).mean(), atol=1e-5)
    around = layers.PlanarFlow(Laplace(3))(FEATURES)
    with pytest.raises(NotImplementedError, match=r"multivariate Normal; received .*Independent"):
        around.mean()


@pytest.mark.slow
@pytest.mark.parametrize("flow", FLOWS)
def test_divergence_is_estimated_since_it_has_no_closed_form(flow):
    """KL against a Riemann sum, 20,000 draws within 5 standard errors: fails once in 10^6."""
    posterior = randomized(flow(layers.MultivariateNormalDiag(1)))(FEATURES[:1])
    prior = layers.StandardNormalPrior(1)(None)
    joint = Joint(
        None,
        log_likelihood=lambda z: tf.zeros(tf.shape(z)[:-1]),
        posterior=lambda: posterior,
        prior=lambda: prior,
    )
    bound = ELBO(num_samples=20_000)(joint, seed=(1, 2))
    grid = np.linspace(-30, 30, 60_001, dtype="f4")[:, None, None]
    log_q = posterior.log_prob(grid).numpy()[:, 0].astype(float)
    log_p = scipy.stats.norm.logpdf(grid[:, 0, 0])
    expected = np.sum(np.exp(log_q) * (log_q - log_p)) * 1e-3
    error = np.std(bound.log_weights) / np.sqrt(20_000)
    assert abs(bound.kl[0] - expected) < 5 * error + 1e-3


@pytest.mark.slow
@pytest.mark.parametrize("flow", FLOWS[3:])
def test_xla_compiles_both_ways_means_and_gradients(flow):
    """What training asks, and what serving does; draws of a seed would be others under XLA."""
    layer = randomized(flow(layers.MultivariateNormalDiag(2), hidden_units=(4,), context_units=2))

    def asked(features):
        with tf.GradientTape() as tape:
            distribution = layer(features)
            z = distribution.bijector.forward(features[:, :2])
            log_q = distribution.log_prob(features[:, 2:4])
            total = tf.reduce_sum(tf.sin(z)) + tf.reduce_sum(log_q)
        weights = [weight.value for weight in layer.trainable_weights]
        return z, log_q, distribution.mean(), tape.gradient(total, weights)

    plain, compiled = (
        tf.function(asked, autograph=False, jit_compile=jit)(tf.constant(FEATURES))
        for jit in (False, True)
    )
    for one, other in zip(tf.nest.flatten(plain), tf.nest.flatten(compiled), strict=True):
        np.testing.assert_allclose(other, one, rtol=1e-4, atol=1e-4)


@every_pair
def test_parameters_can_be_stopped(flow, base):
    """A flow is a composite tensor, which estimators rely on."""
    layer = randomized(flow(base(3)))
    z = tf.constant(FEATURES[:, :3])
    with tf.GradientTape() as tape:
        tape.watch(z)
        posterior = layer(FEATURES)
        stopped = tf.nest.map_structure(tf.stop_gradient, posterior, expand_composites=True)
        total = tf.reduce_sum(stopped.log_prob(z))
    weights = [weight.value for weight in layer.trainable_weights]
    of_z, *of_weights = tape.gradient(total, [z, *weights])
    assert np.abs(of_z).min() > 0
    assert of_weights == [None] * len(weights)


def test_mean_of_reflections_is_exact():
    """The base's mean through the reflections, which are maps of matrices."""
    layer = randomized(layers.HouseholderFlow(layers.MultivariateNormalDiag(3), num_flows=2))
    vectors = np.split(layer.projection(FEATURES).numpy(), 2, axis=1)
    expected = layer.base(FEATURES).mean().numpy()
    for v in vectors:
        along = np.sum(v * expected, axis=1, keepdims=True) / np.sum(v * v, axis=1, keepdims=True)
        expected = expected - 2 * v * along
    np.testing.assert_allclose(layer(FEATURES).mean(), expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("flow", [layers.SplineCouplingFlow, layers.ContinuousFlow])
def test_flows_of_networks_start_near_the_identity(flow):
    layer = flow(layers.MultivariateNormalDiag(3))
    layer.build((None, 5))
    x = np.random.default_rng(4).normal(size=(4, 3)).astype("f4")
    distribution = layer(FEATURES)
    np.testing.assert_allclose(distribution.bijector.forward(x), x, atol=0.1)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda base: layers.SplineCouplingFlow(base, num_bins=1), "`num_bins` must be >= 2"),
        (lambda base: layers.SplineCouplingFlow(base, bound=0.0), "`bound` must be above 0"),
        (lambda base: layers.ContinuousFlow(base, context_units=0), "`context_units` must be >= 1"),
        (
            lambda base: layers.ContinuousFlow(base, hidden_units=(4, 4, 4)),
            r"widths of one or two layers; received \(4, 4, 4\)",
        ),
        (
            lambda base: layers.SplineCouplingFlow(base, hidden_units=()),
            r"one or more positive widths; received \(\)",
        ),
        (lambda base: layers.SplineCouplingFlowPrior(3, num_bins=1), "`num_bins` must be >= 2"),
    ],
)
def test_networks_and_splines_that_are_none_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make(layers.MultivariateNormalDiag(3))


def test_flow_over_a_flow():
    layer = randomized(
        layers.PlanarFlow(layers.InverseAutoregressiveFlow(layers.MultivariateNormalDiag(3)))
    )
    z, log_prob = layer(FEATURES).experimental_sample_and_log_prob(seed=(1, 2))
    np.testing.assert_allclose(layer(FEATURES).log_prob(z.numpy()), log_prob, rtol=1e-3, atol=1e-3)


def test_base_must_be_a_layer_over_vectors():
    with pytest.raises(TypeError, match="PlanarFlow: `base` must be a VectorDistributionLayer"):
        layers.PlanarFlow(layers.IndependentBernoulli((2, 2)))


@pytest.mark.parametrize("flow", [layers.PlanarFlow, layers.InverseAutoregressiveFlow])
@pytest.mark.parametrize(
    ("base", "where"),
    [
        (layers.PowerSpherical(3), "PowerSpherical, whose values are on the sphere"),
        (layers.OneHotCategorical(3), "OneHotCategorical, whose values are discrete"),
    ],
)
def test_base_must_have_a_density(flow, base, where):
    with pytest.raises(ValueError, match=rf"a density over R\^3; received {where}"):
        flow(base)(np.ones((2, 3), np.float32))


def test_vamp_prior_of_flows():
    """Components in a batch [K] against points [S, B]: the mixture is the mean of densities."""
    layer = randomized(layers.InverseAutoregressiveFlow(layers.MultivariateNormalDiag(3)))
    prior = layers.VampPrior(3, 2, (5,), initializer=keras.initializers.RandomNormal(seed=1))
    points = np.random.default_rng(5).normal(size=(2, 4, 3)).astype("f4")
    actual = prior.as_prior(None, posterior_of_features=layer).log_prob(points)
    components = [layer(prior.pseudo_inputs[k : k + 1]) for k in range(2)]
    expected = np.mean([np.exp(c.log_prob(points)) for c in components], axis=0)
    np.testing.assert_allclose(np.exp(actual), expected, rtol=1e-4)


def test_power_spherical_divergence_in_closed_form():
    """Against 20,000 draws in 8 dimensions, within 5 standard errors: fails once in 10^6."""
    posterior = randomized(layers.PowerSpherical(8))(FEATURES)
    prior = layers.SphericalUniformPrior(8)(None)
    z, log_q = posterior.experimental_sample_and_log_prob(20_000, seed=(3, 4))
    ratio = (log_q - prior.log_prob(z)).numpy()
    closed = tfd.kl_divergence(posterior, prior).numpy()
    assert closed.min() > 0
    np.testing.assert_array_less(np.abs(ratio.mean(0) - closed), 5 * ratio.std(0) / np.sqrt(20_000))
    np.testing.assert_allclose(np.linalg.norm(z, axis=-1), 1.0, atol=1e-5)


def test_learned_concentration_starts_with_some_nats():
    layer = layers.PowerSpherical(32)
    rates = tfd.kl_divergence(layer(0.1 * FEATURES), layers.SphericalUniformPrior(32)(None))
    assert 1.0 < np.mean(rates) < 5.0


def test_fixed_concentration_gives_every_text_one_rate():
    posterior = randomized(layers.PowerSpherical(8, concentration=20.0))(FEATURES)
    rates = tfd.kl_divergence(posterior, layers.SphericalUniformPrior(8)(None)).numpy()
    np.testing.assert_allclose(rates, rates[0], rtol=1e-6)
    assert rates[0] > 1.0


def test_batch_normalized_means_have_a_fixed_spread_in_training_and_use_averages_after():
    layer = layers.BatchNormalizedNormalDiag(3, gamma=0.7, momentum=0.5)
    features = np.random.default_rng(6).normal(size=(500, 5)).astype("f4") + 2.0
    loc = layer(features, training=True).mean().numpy()
    np.testing.assert_allclose(loc.mean(0), np.zeros(3), atol=1e-4)
    np.testing.assert_allclose(loc.std(0), np.full(3, 0.7), rtol=2e-2)
    layer.beta.assign([0.1, -0.4, 0.2])
    for _ in range(20):
        loc = layer(features, training=True).mean().numpy()
    np.testing.assert_allclose(loc.mean(0), [0.1, -0.4, 0.2], atol=1e-4)
    np.testing.assert_allclose(layer(features).mean(), loc, atol=2e-2)
    one = layer(features[:1]).mean()
    np.testing.assert_allclose(one, loc[:1], atol=2e-2)
    # The bound of eq. 7, with scales of 1: the divergence cannot vanish.
    least = (3 * 0.7**2 + np.sum(np.square([0.1, -0.4, 0.2]))) / 2
    np.testing.assert_allclose(0.5 * np.square(loc).sum(1).mean(), least, rtol=2e-2)


def test_batch_normalized_means_that_hardly_vary_are_spread_by_less():
    """Each dimension counts with var / (var + 1e-5) in the least divergence."""
    layer = randomized(layers.BatchNormalizedNormalDiag(3, gamma=0.7))
    kernel, bias = layer.projection.kernel, layer.projection.bias
    kernel.assign(kernel * [0.001, 0.01, 10.0, 1.0, 1.0, 1.0])
    layer.beta.assign([0.1, -0.4, 0.2])
    features = np.random.default_rng(6).normal(size=(500, 5)).astype("f4")
    means = (features @ kernel.numpy() + bias.numpy())[:, :3].astype(np.float64)
    share = means.var(0) / (means.var(0) + 1e-5)
    assert share[0] < 0.9 < share[2]
    loc = layer(features, training=True).mean().numpy()
    least = 0.7**2 * share + np.square([0.1, -0.4, 0.2])
    np.testing.assert_allclose(np.square(loc).mean(0), least, rtol=1e-2)
