"""Diagonal Normals in few operations: everything is as TFP's own class has it, draws too."""

import numpy as np
import pytest
import scipy.stats
import tensorflow as tf
from tensorflow_probability import distributions as tfd

from tfp_dgm.distributions import MultivariateNormalDiag

every_shape = pytest.mark.parametrize(
    ("of_loc", "of_scale"),
    [((3,), (3,)), ((4, 3), (4, 3)), ((3,), (4, 3)), ((4, 1, 3), (2, 3)), ((2, 4, 3), (3,))],
)


def _both(of_loc, of_scale, seed=0, dtype=np.float32):
    random = np.random.default_rng(seed)
    loc = random.normal(size=of_loc).astype(dtype)
    scale = np.exp(random.normal(size=of_scale)).astype(dtype)
    return MultivariateNormalDiag(loc, scale), tfd.MultivariateNormalDiag(loc, scale)


def _assert_close(found, expected):
    assert found.shape == expected.shape
    np.testing.assert_allclose(found, expected, rtol=2e-5, atol=1e-6)


@every_shape
@pytest.mark.parametrize("sample_shape", [(), 5, [2, 3]])
def test_draws_and_their_densities_are_tfps(of_loc, of_scale, sample_shape):
    ours, peer = _both(of_loc, of_scale)
    assert (ours.batch_shape, ours.event_shape) == (peer.batch_shape, peer.event_shape)
    draws = peer.sample(sample_shape, seed=(1, 2))
    _assert_close(ours.sample(sample_shape, seed=(1, 2)), draws)
    _assert_close(ours.log_prob(draws), peer.log_prob(draws))
    pairs = [
        one.experimental_sample_and_log_prob(sample_shape, seed=(3, 4)) for one in (ours, peer)
    ]
    for found, expected in zip(*pairs, strict=True):
        _assert_close(found, expected)


@every_shape
def test_moments_are_tfps(of_loc, of_scale):
    ours, peer = _both(of_loc, of_scale)
    for name in ("mean", "mode", "stddev", "variance", "covariance", "entropy"):
        _assert_close(getattr(ours, name)(), getattr(peer, name)())


@every_shape
def test_divergences_are_tfps(of_loc, of_scale):
    ours, peer = _both(of_loc, of_scale)
    others = [
        *_both((3,), (3,), seed=1),
        tfd.MultivariateNormalTriL(np.float32([1, 2, 3]), 2 * np.eye(3, dtype=np.float32)),
    ]
    expected = peer.kl_divergence(others[1])
    for other in others[:2]:
        _assert_close(ours.kl_divergence(other), expected)
    _assert_close(ours.kl_divergence(others[2]), peer.kl_divergence(others[2]))
    np.testing.assert_allclose(ours.kl_divergence(ours), 0, atol=1e-6)


def test_density_is_scipys_in_float64():
    ours, _ = _both((4, 3), (4, 3), dtype=np.float64)
    event = np.random.default_rng(5).normal(size=(4, 3))
    expected = scipy.stats.norm(ours.mean(), ours.stddev()).logpdf(event).sum(axis=-1)
    np.testing.assert_allclose(ours.log_prob(event), expected, rtol=1e-12)


def test_gradients_of_draws_densities_and_divergences_are_tfps():
    loc, scale = tf.constant([[0.3, -1.0]]), tf.constant([[0.7, 2.0]])
    prior = [np.float32([0.5, 0.1]), np.float32([1.2, 0.4])]

    def gradients(family):
        with tf.GradientTape() as tape:
            tape.watch([loc, scale])
            q, p = family(loc, scale), family(*prior)
            z, log_q = q.experimental_sample_and_log_prob(2, seed=(1, 2))
            total = tf.reduce_sum(p.log_prob(z) - 2 * log_q) + 3 * tf.reduce_sum(q.kl_divergence(p))
        return tape.gradient(total, [loc, scale])

    for found, expected in zip(
        gradients(MultivariateNormalDiag), gradients(tfd.MultivariateNormalDiag), strict=True
    ):
        _assert_close(found, expected)


@pytest.mark.slow
@pytest.mark.parametrize("shape", [[None, None], [None, 3], [4, 3], None])
def test_graphs_of_any_batch_draw_the_same(shape):
    ours, peer = _both((4, 3), (4, 3))

    @tf.function(input_signature=[tf.TensorSpec(shape), tf.TensorSpec(shape)])
    def drawn(loc, scale):
        q = MultivariateNormalDiag(loc, scale)
        draws = q.sample(2, seed=(1, 2))
        if shape is not None:
            assert draws.shape.rank == 3
            assert draws.shape[0] == 2
            assert draws.shape[1:].is_compatible_with(shape)
            assert draws.shape[-1] == shape[-1]
        return draws, *q.experimental_sample_and_log_prob(2, seed=(1, 2)), q.mean()

    pair = peer.experimental_sample_and_log_prob(2, seed=(1, 2))
    expected = [peer.sample(2, seed=(1, 2)), *pair, peer.mean()]
    for found, wanted in zip(drawn(ours.loc, ours.parameters["scale_diag"]), expected, strict=True):
        _assert_close(found, wanted)


def test_parameters_are_stopped_as_tfps_are():
    ours, _ = _both((4, 3), (4, 3))
    loc = tf.constant(ours.loc)
    with tf.GradientTape() as tape:
        tape.watch(loc)
        q = MultivariateNormalDiag(loc, tf.ones([4, 3]))
        stopped = tf.nest.map_structure(tf.stop_gradient, q, expand_composites=True)
        log_prob = stopped.log_prob(tf.zeros([4, 3]))
    assert type(stopped) is MultivariateNormalDiag
    np.testing.assert_allclose(log_prob, q.log_prob(tf.zeros([4, 3])))
    assert tape.gradient(log_prob, loc) is None


@pytest.mark.slow
def test_a_step_takes_a_third_of_the_operations():
    """What tracing, and each step, pays for."""

    def operations(family):
        @tf.function(input_signature=[tf.TensorSpec([None, 3]), tf.TensorSpec([None, 3])])
        def step(loc, scale):
            q, p = family(loc, scale), family(tf.zeros([3]), tf.ones([3]))
            z, log_q = q.experimental_sample_and_log_prob(1, seed=(1, 2))
            return p.log_prob(z) - log_q, q.kl_divergence(p)

        return len(step.get_concrete_function().graph.get_operations())

    assert 3 * operations(MultivariateNormalDiag) < operations(tfd.MultivariateNormalDiag)
