"""Free bits and the minimum desired rate: what they change, and what they leave alone."""

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp

from tests.objectives import toys
from tests.references.densities import normal_diag_kl
from tfp_dgm.objectives import ELBO, FreeBits, MinimumDesiredRate, StickingTheLanding

tfd = tfp.distributions

LOC = np.array([[0.9, -0.1, 0.5, 1.4], [0.05, 0.6, -1.1, 0.2]])
SCALE = np.array([[0.7, 1.0, 0.4, 1.2], [0.9, 1.1, 0.3, 0.8]])
KL = np.array(
    [
        [normal_diag_kl([m], [s], [0.0], [1.0]) for m, s in zip(*row, strict=True)]
        for row in zip(LOC, SCALE, strict=True)
    ]
)  # [B, Z]


def evaluate(objective, posterior=None, prior=None, training=False):
    """The bound, and the gradient of its loss in the posterior's mean through the rate alone."""
    loc = tf.constant(LOC, tf.float32)
    with tf.GradientTape() as tape:
        tape.watch(loc)
        posterior = posterior or tfd.MultivariateNormalDiag
        joint = toys.joint(
            lambda z: tf.fill(tf.shape(z)[:-1], -3.0),
            posterior(loc, tf.constant(SCALE, tf.float32)),
            prior or tfd.MultivariateNormalDiag(tf.zeros(4), tf.ones(4)),
            training=training,
        )
        bound = objective(joint, seed=(1, 2))
    return bound, tape.gradient(bound.loss, loc, unconnected_gradients="zero").numpy()


def independent(loc, scale):
    return tfd.Independent(tfd.Normal(loc, scale), 1)


@pytest.mark.parametrize(
    ("group_size", "nats"), [(1, 0.3), (2, 0.9), (4, 1.9), (None, 1.9)], ids=str
)
@pytest.mark.parametrize("posterior", [tfd.MultivariateNormalDiag, independent])
def test_free_bits(group_size, nats, posterior):
    prior = None if posterior is not independent else independent(tf.zeros(4), tf.ones(4))
    rate = FreeBits(nats, group_size=group_size)
    bound, gradient = evaluate(ELBO(rate=rate, kl_weight=0.5), posterior, prior)
    size = group_size or 4
    groups = KL.reshape(2, -1, size).sum(-1)
    assert (groups < nats).any()
    assert (groups > nats).any()
    np.testing.assert_allclose(bound.loss, 3 + 0.5 * np.maximum(nats, groups).sum(1), rtol=1e-5)
    free = np.repeat(groups < nats, size, axis=1)
    np.testing.assert_allclose(gradient, np.where(free, 0, 0.5 * LOC), rtol=1e-5)
    np.testing.assert_allclose(bound.kl, KL.sum(1), rtol=1e-5)
    np.testing.assert_allclose(bound.value, -3 - KL.sum(1), rtol=1e-5)


@pytest.mark.parametrize(
    ("rate", "expected"),
    [
        (FreeBits(2), [2 + 3, 4 + 2]),
        (FreeBits(4, group_size=None), [4, 5]),
        (MinimumDesiredRate(2, multiplier=0.5), [3.5 + 0.5 * (2 - 3.5), 5 + 0.5 * (2 - 5)]),
    ],
    ids=repr,
)
def test_whole_numbers_of_nats_will_do_in_a_graph(rate, expected):
    @tf.function
    def term(kl):
        return rate(tf.reduce_sum(kl, axis=1), lambda: kl, training=False)

    np.testing.assert_allclose(term(np.array([[0.5, 3.0], [4.0, 1.0]], np.float32)), expected)


def test_free_bits_of_an_estimated_gradient():
    objective = ELBO(rate=FreeBits(1.9, group_size=None), gradient=StickingTheLanding())
    bound, gradient = evaluate(objective)
    np.testing.assert_allclose(bound.loss, 3 + np.maximum(1.9, KL.sum(1)), rtol=1e-5)
    free = KL.sum(1) < 1.9
    assert free.sum() == 1
    np.testing.assert_array_equal(np.abs(gradient).max(1) == 0, free)


def test_minimum_desired_rate_and_its_multiplier():
    rate = MinimumDesiredRate(5.0, learning_rate=0.1, multiplier=0.2)
    bound, gradient = evaluate(ELBO(rate=rate), training=False)
    total = KL.sum(1)
    np.testing.assert_allclose(bound.loss, 3 + total + 0.2 * (5 - total), rtol=1e-5)
    np.testing.assert_allclose(gradient, 0.8 * LOC, rtol=1e-5)
    np.testing.assert_allclose(bound.value, -3 - total, rtol=1e-5)
    assert rate.multiplier.numpy() == np.float32(0.2)
    evaluate(ELBO(rate=rate), training=True)
    np.testing.assert_allclose(rate.multiplier, 0.2 + 0.1 * (5 - total.mean()), rtol=1e-5)


def test_multiplier_never_falls_below_zero():
    rate = MinimumDesiredRate(0.1, learning_rate=1.0, multiplier=0.5)
    evaluate(ELBO(rate=rate), training=True)
    assert rate.multiplier.numpy() == 0.0


def test_the_constraint_is_met_where_the_divergence_would_vanish():
    """Descent in q and ascent in the multiplier: at loc = 0 the divergence would be 2.5 nats."""
    rate = MinimumDesiredRate(3.3, learning_rate=0.05)
    objective, loc = ELBO(rate=rate), tf.Variable([[1.9]])

    @tf.function
    def step():
        with tf.GradientTape() as tape:
            posterior = tfd.MultivariateNormalDiag(loc, tf.fill([1, 1], 0.05))
            prior = tfd.MultivariateNormalDiag(tf.zeros(1), tf.ones(1))
            joint = toys.joint(
                lambda z: -0.2 * tf.reduce_sum(z**4, -1), posterior, prior, training=True
            )
            bound = objective(joint, seed=(0, 1))
        loc.assign_sub(0.05 * tape.gradient(bound.loss, loc))
        return bound.kl

    for _ in range(1_500):
        kl = step()
    np.testing.assert_allclose(kl, [3.3], atol=0.02)
    assert rate.multiplier.numpy() > 1.0


def test_configuration_comes_back_as_training_left_it():
    objective = ELBO(rate=MinimumDesiredRate(2.0), kl_weight=0.3)
    objective.rate.multiplier.assign(0.7)
    copy = ELBO.from_config(objective.get_config())
    assert copy.rate.multiplier.numpy() == np.float32(0.7)
    assert (copy.rate.nats, copy.rate.learning_rate) == (2.0, 0.01)
    assert copy.get_config() == objective.get_config()
    assert (
        ELBO.from_config(ELBO(rate=FreeBits(0.25, group_size=None)).get_config()).rate.nats == 0.25
    )


def full_covariance(loc, scale):
    return tfd.MultivariateNormalTriL(loc, tf.linalg.diag(scale))


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: FreeBits(-1), ValueError, "FreeBits: `nats` must be >= 0; received -1"),
        (
            lambda: ELBO(rate=FreeBits(1.0), gradient=StickingTheLanding()),
            ValueError,
            "needs a rate of the whole latent.*received FreeBits",
        ),
        (lambda: FreeBits(1, group_size=0), ValueError, "`group_size` .* received 0"),
        (lambda: MinimumDesiredRate(-1), ValueError, "`nats` must be >= 0; received -1"),
        (
            lambda: evaluate(ELBO(rate=FreeBits(1.0, group_size=3))),
            ValueError,
            "`group_size` must divide the latent's 4 dimensions; received 3",
        ),
        (
            lambda: evaluate(ELBO(rate=FreeBits(1.0)), full_covariance),
            ValueError,
            "needs a posterior whose dimensions are independent: .*received .*TriL",
        ),
        (
            lambda: evaluate(
                ELBO(rate=FreeBits(1.0)),
                prior=tfd.Independent(tfd.Cauchy(tf.zeros(4), tf.ones(4)), 1),
            ),
            ValueError,
            "needs a closed form for the pair; there is none for .*Diag.* and .*Independent",
        ),
    ],
)
def test_errors_name_what_was_expected_and_received(call, error, message):
    with pytest.raises(error, match=message):
        call()
