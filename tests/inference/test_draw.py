import numpy as np
import pytest
import tensorflow as tf
from scipy import stats
from tensorflow_probability import bijectors as tfb
from tensorflow_probability import distributions as tfd

from tfp_dgm.distributions import TopDown
from tfp_dgm.inference import draw

ROWS = 20_000
SEEDS = tf.stack([tf.range(ROWS), tf.fill([ROWS], 5)], axis=1)
FAMILIES = {
    "diagonal": tfd.MultivariateNormalDiag([1.0, -2.0], [0.5, 2.0]),
    "full": tfd.MultivariateNormalTriL([1.0, -2.0], [[0.5, 0.0], [1.0, 2.0]]),
    "flow": tfd.TransformedDistribution(
        tfd.MultivariateNormalDiag([0.1, 0.2], [0.3, 0.4]), tfb.Exp()
    ),
    "mixture": tfd.MixtureSameFamily(
        tfd.Categorical(probs=[0.2, 0.8]),
        tfd.MultivariateNormalDiag([[-3.0, 0.0], [2.0, 1.0]], [[0.5, 1.0], [1.0, 0.1]]),
    ),
}
CDFS = {
    "diagonal": lambda x: stats.norm.cdf(x, -2, 2),
    "full": lambda x: stats.norm.cdf(x, -2, np.sqrt(5)),
    "flow": lambda x: stats.norm.cdf(np.log(x), 0.2, 0.4),
    "mixture": lambda x: 0.2 * stats.norm.cdf(x, 0, 1) + 0.8 * stats.norm.cdf(x, 1, 0.1),
}


# Each fails with probability 1e-4 for a seed drawn at random; the seeds are fixed.
@pytest.mark.parametrize("family", FAMILIES)
def test_draws_follow_their_law(family):
    drawn = draw(FAMILIES[family], SEEDS, 3).numpy()
    assert drawn.shape == (1, ROWS, 2)
    assert stats.kstest(drawn[0, :, 1], CDFS[family]).pvalue > 1e-4


def test_a_full_covariance_is_kept():
    drawn = draw(FAMILIES["full"], SEEDS, 3).numpy()[0]
    # Standard errors below 0.05; the bounds lie beyond four of them.
    np.testing.assert_allclose(np.cov(drawn.T), [[0.25, 0.5], [0.5, 5.0]], atol=0.2)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_row_has_its_own_draws(family):
    distribution = FAMILIES[family]
    together = draw(distribution, SEEDS[:5], 3, num_samples=4).numpy()
    alone = draw(distribution, SEEDS[2:3], 3, num_samples=4).numpy()
    np.testing.assert_allclose(together[:, 2:3], alone, rtol=1e-6)
    assert len(np.unique(together)) == together.size


def test_a_batch_of_distributions_takes_a_seed_each():
    loc = np.array([[10.0, 0.0], [-10.0, 5.0]], np.float32)
    batch = draw(tfd.MultivariateNormalDiag(loc, tf.ones([2, 2])), SEEDS[:2], 0, num_samples=3)
    standard = draw(tfd.MultivariateNormalDiag(tf.zeros([2])), SEEDS[:2], 0, num_samples=3)
    np.testing.assert_allclose(batch.numpy(), standard.numpy() + loc, rtol=1e-5)


def test_binary_variables_follow_their_law():
    probs = np.array([[0.1, 0.9], [0.3, 0.5]], np.float32)
    drawn = draw(tfd.Independent(tfd.Bernoulli(probs=probs), 2), SEEDS, 3).numpy()[0]
    assert set(np.unique(drawn)) == {0, 1}
    # 4 standard errors each of 4 means and 6 covariances: fails with probability 6e-4.
    np.testing.assert_allclose(drawn.mean(axis=0), probs, atol=4 * 0.5 / np.sqrt(ROWS))
    covariance = np.cov(drawn.reshape(ROWS, 4).T)
    assert np.abs(covariance - np.diag(np.diag(covariance))).max() < 4 * 0.25 / np.sqrt(ROWS)


def test_categorical_variables_follow_their_law():
    probs = np.array([[0.7, 0.1, 0.2], [0.05, 0.45, 0.5]], np.float32)
    drawn = draw(tfd.Independent(tfd.OneHotCategorical(probs=probs), 1), SEEDS, 3).numpy()[0]
    np.testing.assert_array_equal(drawn.sum(axis=-1), 1)
    # 4 standard errors each of 4 free numbers: fails with probability 3e-4.
    np.testing.assert_allclose(drawn.mean(axis=0), probs, atol=4 * 0.5 / np.sqrt(ROWS))


def _two_layers(kind):
    """A first variable that is 1 with probability 0.3, and a second that tends to follow it."""
    first = tfd.Independent(tfd.Bernoulli(probs=[0.3]), 1)

    def second(_):
        return tfd.Independent(tfd.Bernoulli(probs=0.2 + 0.6 * tf.cast(_, tf.float32)), 1)

    return kind([first, second])


@pytest.mark.parametrize("kind", [tfd.JointDistributionSequential, TopDown])
def test_layers_are_drawn_each_given_the_one_before(kind):
    layers = _two_layers(kind)
    drawn = draw(layers, SEEDS[:2000], 3, num_samples=5)
    assert [layer.shape for layer in drawn] == [(5, 2000, 1)] * 2
    # Shapes and order are those of TFP's own draws, and log_prob takes them.
    assert layers.log_prob(drawn).shape == (5, 2000)
    first, second = drawn[::-1] if kind is TopDown else drawn
    table = [np.mean((first == a) & (second == b)) for a in (0, 1) for b in (0, 1)]
    # 4 standard errors of 10,000 draws: fails with probability 3e-4.
    np.testing.assert_allclose(table, [0.56, 0.14, 0.06, 0.24], atol=4 * 0.5 / np.sqrt(10_000))
    alone = draw(layers, SEEDS[7:8], 3, num_samples=5)
    for one, every in zip(alone, drawn, strict=True):
        np.testing.assert_array_equal(one[:, 0], every[:, 7])


def test_the_uniform_direction_has_no_preference():
    drawn = draw(tfd.SphericalUniform(3), SEEDS, 3).numpy()[0]
    np.testing.assert_allclose(np.linalg.norm(drawn, axis=-1), 1, rtol=1e-5)
    for axis in range(3):  # On the sphere in R^3 every coordinate is uniform (Archimedes).
        assert stats.kstest(drawn[:, axis], stats.uniform(-1, 2).cdf).pvalue > 1e-4


@pytest.mark.parametrize(("size", "concentration"), [(2, 0.5), (3, 4.0), (16, 60.0)])
def test_directions_follow_the_power_spherical_law(size, concentration):
    mean = np.arange(1.0, size + 1)
    mean = (mean / np.linalg.norm(mean)).astype(np.float32)
    distribution = tfd.PowerSpherical(mean, np.float32(concentration))
    drawn = draw(distribution, SEEDS, 3).numpy()[0]
    np.testing.assert_allclose(np.linalg.norm(drawn, axis=-1), 1, rtol=1e-5)
    half = (size - 1) / 2
    cosine = drawn @ mean
    law = stats.beta(half + concentration, half)
    assert stats.kstest((cosine + 1) / 2, law.cdf).pvalue > 1e-4
    # What is across the mean direction prefers none: 4 standard errors of each coordinate.
    across = drawn - cosine[:, np.newaxis] * mean
    errors = across.std(axis=0) / np.sqrt(ROWS)
    assert (np.abs(across.mean(axis=0)) < 4 * errors + 1e-6).all()
    angles = across / np.linalg.norm(across, axis=-1, keepdims=True)
    spread = np.cov(angles.T) - (np.eye(size) - np.outer(mean, mean)) / (size - 1)
    assert np.abs(spread).max() < 4 / np.sqrt(ROWS)


@pytest.mark.slow
@pytest.mark.parametrize("compiled", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_directions_are_drawn_by_row_and_in_graphs(compiled):
    mean = tf.math.l2_normalize(tf.reshape(tf.range(1.0, 49.0), [3, 16]), axis=-1)
    concentration = tf.constant([1.0, 30.0, 300.0])

    def directions():
        return draw(tfd.PowerSpherical(mean, concentration), SEEDS[:3], 3, num_samples=4)

    graph = tf.function(directions, jit_compile=compiled)
    eager, traced = directions().numpy(), graph().numpy()
    assert eager.shape == (4, 3, 16)
    np.testing.assert_allclose(eager, traced, atol=3e-5)
    one = tfd.PowerSpherical(mean[1:2], concentration[1:2])
    alone = draw(one, SEEDS[1:2], 3, num_samples=4)
    np.testing.assert_allclose(eager[:, 1:2], alone, atol=3e-5)


def test_other_families_are_named():
    with pytest.raises(ValueError, match=r"expected a multivariate Normal.*received Gamma"):
        draw(tfd.Gamma(1.0, 1.0), SEEDS[:2], 0)
    with pytest.raises(ValueError, match=r"expected independent Bernoulli.*received Normal"):
        draw(tfd.Independent(tfd.Normal([0.0], 1.0), 1), SEEDS[:2], 0)
    mixture = tfd.MixtureSameFamily(
        tfd.Categorical(probs=[0.5, 0.5]), tfd.Dirichlet([[1.0, 1.0], [2.0, 1.0]])
    )
    with pytest.raises(ValueError, match="a mixture of Normals; received one of Dirichlet"):
        draw(mixture, SEEDS[:2], 0)
