import numpy as np
import pytest
import scipy.stats
import tensorflow as tf
from tensorflow_probability import distributions as tfd

from tests.references import hard_kumaraswamy as reference
from tfp_dgm.distributions import HardKumaraswamy, independent_factors, point_estimate
from tfp_dgm.inference import draw

PAIRS = [(0.5, 0.7), (2.0, 5.0), (0.05, 3.0), (8.0, 0.3), (0.3, 0.05), (20.0, 40.0), (1.0, 1.0)]
A, B = np.array(PAIRS, np.float32).T
POINTS = np.array([0.0, 1e-3, 0.2, 0.5, 0.9, 1.0])


def distribution(a=A, b=B):
    return HardKumaraswamy(a, b)


def test_log_prob_is_that_of_the_mixed_measure_and_it_is_one_in_all():
    found = distribution(A[:, None], B[:, None]).log_prob(POINTS.astype(np.float32)).numpy()
    for row, (a, b) in enumerate(PAIRS):
        wanted = [reference.log_prob(a, b, x) for x in POINTS]
        np.testing.assert_allclose(found[row], wanted, rtol=2e-4, atol=2e-4)
        np.testing.assert_allclose(reference.expectation(a, b, lambda x: 1.0), 1, rtol=1e-7)
    outside = distribution().log_prob(tf.constant([-1e-3, 1.5, -0.1, 1.1, 7.0, -3.0, 1.001]))
    assert np.isneginf(outside).all()


def test_cdf_and_quantile():
    found = distribution(A[:, None], B[:, None])
    for row, (a, b) in enumerate(PAIRS):
        zero, one = reference.atoms(a, b)
        below = [0, zero, 1 - (1 - 0.5**a) ** b, 1, 1]
        points = np.array([-0.01, 0, 0.5, 1, 3], np.float32)
        np.testing.assert_allclose(found.cdf(points)[row], below, atol=2e-6)
        inside = np.linspace(zero + 0.01 * (1 - zero - one), 1 - one - 0.01 * (1 - zero - one), 7)
        if 1 - zero - one > 1e-3:
            quantiles = found.quantile(inside.astype(np.float32))[row]
            np.testing.assert_allclose(found.cdf(quantiles)[row], inside, atol=1e-5)
    np.testing.assert_array_equal(HardKumaraswamy(0.5, 0.7).quantile([0.0, 1.0]), [0, 1])


def test_mean_and_variance_are_integrals():
    found = distribution()
    wanted = [reference.mean_by_beta_functions(a, b) for a, b in PAIRS]
    np.testing.assert_allclose(found.mean(), wanted, atol=1e-5)
    second = [reference.expectation(a, b, np.square) for a, b in PAIRS]
    np.testing.assert_allclose(found.variance(), second - np.square(wanted), atol=2e-5)


def test_divergences_are_integrals():
    first, second = PAIRS[:-1], PAIRS[1:]
    found = tfd.kl_divergence(distribution(A[:-1], B[:-1]), distribution(A[1:], B[1:]))
    wanted = [reference.kl(q, p) for q, p in zip(first, second, strict=True)]
    np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-5)
    assert min(wanted) > 0.1
    with pytest.raises(ValueError, match=r"of the same stretch; received .*-0.1.*-0.2"):
        tfd.kl_divergence(distribution(), HardKumaraswamy(A, B, low=-0.2))


def test_draws_have_the_atoms_and_the_density_between():
    """Atoms within 5 standard errors; between, Kolmogorov's p above 1e-6."""
    size = 20_000
    draws = distribution().sample(size, seed=(3, 5)).numpy()
    for row, (a, b) in enumerate(PAIRS):
        for value, chance in enumerate(reference.atoms(a, b)):
            error = np.sqrt(chance * (1 - chance) / size)
            assert abs(np.mean(draws[:, row] == value) - chance) < 5 * error + 1e-12
        inside = draws[(draws[:, row] > 0) & (draws[:, row] < 1), row]
        zero, one = reference.atoms(a, b)

        def cdf(x, a=a, b=b, zero=zero, one=one):
            k = (x - reference.LOW) / (reference.HIGH - reference.LOW)
            return (1 - (1 - k**a) ** b - zero) / (1 - zero - one)

        if len(inside) > 100:
            assert scipy.stats.kstest(inside, cdf).pvalue > 1e-6


def test_pathwise_gradients_are_those_of_the_mean():
    """200,000 draws against differences of the mean by SciPy: within 5 standard errors."""
    a, b = 0.8, 1.7
    rows = tf.fill([200_000], 1.0)
    with tf.GradientTape() as tape:
        parameters = a * rows, b * rows
        tape.watch(parameters)
        draws = HardKumaraswamy(*parameters).sample(seed=(1, 2))
    step = 1e-5
    means = [
        [reference.mean_by_beta_functions(a + da, b + db) for da, db in ((s, 0), (0, s))]
        for s in (step, -step)
    ]
    wanted = np.subtract(*means) / (2 * step)
    for found, slope in zip(tape.gradient(draws, parameters), wanted, strict=True):
        error = np.std(found) / np.sqrt(len(found))
        assert error < 0.02 * abs(slope)
        assert abs(np.mean(found) - slope) < 5 * error


@pytest.mark.parametrize("quantity", ["log_prob", "mean", "kl"])
def test_gradients_are_finite_differences(quantity):
    other = 1.3, 0.6

    def exact(a, b):
        if quantity == "log_prob":
            return sum(reference.log_prob(a, b, x) for x in (0, 0.3, 1))
        return (
            reference.mean_by_beta_functions(a, b)
            if quantity == "mean"
            else reference.kl((a, b), other)
        )

    def found(a, b):
        gates = HardKumaraswamy(a, b)
        if quantity == "log_prob":
            return tf.reduce_sum(gates.log_prob([0.0, 0.3, 1.0]))
        return (
            gates.mean()
            if quantity == "mean"
            else tfd.kl_divergence(gates, HardKumaraswamy(*other))
        )

    a, b, step = tf.constant(0.8), tf.constant(1.7), 1e-4
    with tf.GradientTape() as tape:
        tape.watch((a, b))
        value = found(a, b)
    gradients = tape.gradient(value, (a, b))
    wanted = [
        (exact(0.8 + da, 1.7 + db) - exact(0.8 - da, 1.7 - db)) / (2 * step)
        for da, db in ((step, 0), (0, step))
    ]
    np.testing.assert_allclose(gradients, wanted, rtol=2e-3)


@pytest.mark.slow
@pytest.mark.parametrize("jit_compile", [False, True])
def test_extreme_parameters_give_finite_numbers_and_gradients(jit_compile):
    sizes = [1e-3, 0.01, 1.0, 100.0, 1e4]
    a, b = (part.ravel() for part in np.meshgrid(sizes, sizes))
    # Of a million draws of each, the generator's smallest and largest numbers among them.
    a, b = (tf.constant(np.tile(part, (4_000, 1)), tf.float32) for part in (a, b))

    @tf.function(jit_compile=jit_compile)
    def answers(a, b):
        with tf.GradientTape(persistent=True) as tape:
            tape.watch((a, b))
            gates = HardKumaraswamy(a, b)
            draws = gates.sample(seed=(1, 2))
            first = HardKumaraswamy(a[0], b[0])
            values = [
                draws,
                gates.log_prob(tf.stop_gradient(draws)),
                *(gates.log_prob(x) for x in (0.0, 0.5, 1.0)),
                *(gates.quantile(x) for x in (0.0, 1e-7, 1 - 2**-24, 1.0)),
                first.mean(),
                first.variance(),
                tfd.kl_divergence(first, HardKumaraswamy(1.0, 1.0)),
                tfd.kl_divergence(HardKumaraswamy(1.0, 1.0), first),
            ]
        return values, [tape.gradient(value, (a, b)) for value in values]

    values, gradients = answers(a, b)
    for value, pair in zip(values, gradients, strict=True):
        assert np.isfinite(value).all()
        for gradient in pair:
            assert np.isfinite(tf.convert_to_tensor(gradient)).all()


def test_an_atom_that_underflows_keeps_its_logarithm():
    """P(x = 0) is about b begin^a = e^-248 of a = 100."""
    wanted = np.log(3.0) + 100 * np.log(reference.BEGIN)
    np.testing.assert_allclose(HardKumaraswamy(100.0, 3.0).log_prob(0.0), wanted, rtol=1e-5)


def test_the_point_that_stands_for_it_is_the_likeliest_of_three():
    gates = tfd.Independent(HardKumaraswamy([0.1, 8.0, 2.0], [3.0, 0.1, 3.0]), 1)
    mean = reference.mean_by_beta_functions(2.0, 3.0)
    np.testing.assert_allclose(point_estimate(gates), [0, 1, mean], atol=1e-5)


def test_draws_of_rows_with_seeds_follow_it():
    gates = tfd.Independent(HardKumaraswamy(A, B), 1)
    seeds = np.stack([np.arange(20_000), np.full(20_000, 3)], axis=1).astype(np.int32)
    draws = draw(gates, seeds, 7)[0]
    zero = np.array([reference.atoms(a, b)[0] for a, b in PAIRS])
    error = np.sqrt(zero * (1 - zero) / len(seeds))
    np.testing.assert_array_less(np.abs((draws == 0).numpy().mean(0) - zero), 5 * error + 1e-9)
    mean = [reference.mean_by_beta_functions(a, b) for a, b in PAIRS]
    np.testing.assert_allclose(draws.numpy().mean(0), mean, atol=0.02)
    np.testing.assert_array_equal(independent_factors(gates).concentration1, A)


def test_a_stretch_that_leaves_no_atom_is_refused():
    with pytest.raises(ValueError, match=r"`low` must lie below 0 .* received 0.1 and 1.1"):
        HardKumaraswamy(1.0, 1.0, low=0.1)
