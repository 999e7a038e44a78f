"""Limits on amounts: what the loss pays, how multipliers move, what is left alone."""

import numpy as np
import pytest
import tensorflow as tf
from tensorflow_probability import distributions as tfd

from tfp_dgm.objectives import ELBO, AtMost, Constrained, Joint, LackingPartError

LOC = np.array([[0.9, -0.1], [0.05, 0.6], [1.5, 2.0]], np.float32)


class Owner:
    """A model, but for what it is."""


def joint_of(loc, training=False):
    normal = tfd.MultivariateNormalDiag(loc, tf.ones_like(loc))
    return Joint(
        Owner(),
        log_likelihood=lambda z: tf.fill(tf.shape(z)[:-1], -3.0),
        prior=lambda: tfd.MultivariateNormalDiag(tf.zeros(2), tf.ones(2)),
        posterior=lambda: normal,
        amounts=lambda: {"first": loc[:, 0], "second": loc[:, 1] ** 2},
        training=training,
    )


def test_the_loss_pays_for_the_excess_and_the_value_does_not():
    limits = [AtMost("first", 0.4, multiplier=1.5), AtMost("second", 1.0, multiplier=0.5)]
    loc = tf.constant(LOC)
    with tf.GradientTape() as tape:
        tape.watch(loc)
        bound = Constrained(ELBO(), limits)(joint_of(loc), seed=(1, 2))
    kl = (LOC**2).sum(1) / 2
    np.testing.assert_allclose(bound.value, -3 - kl, rtol=1e-5)
    paid = 1.5 * (LOC[:, 0] - 0.4) + 0.5 * (LOC[:, 1] ** 2 - 1)
    np.testing.assert_allclose(bound.loss, 3 + kl + paid, rtol=1e-5)
    slopes = np.stack([LOC[:, 0] + 1.5, 2 * LOC[:, 1]], axis=1)
    np.testing.assert_allclose(tape.gradient(bound.loss, loc), slopes, rtol=1e-5)
    assert [float(limit.multiplier) for limit in limits] == [1.5, 0.5]


def test_multipliers_rise_with_the_excess_in_training_and_never_fall_below_nothing():
    limits = [AtMost("first", 0.4, learning_rate=2.0), AtMost("second", 5.0, multiplier=0.005)]
    objective = Constrained(ELBO(), limits)
    objective(joint_of(tf.constant(LOC), training=True), seed=(1, 2))
    rise = 2 * (LOC[:, 0].mean() - 0.4)
    np.testing.assert_allclose(limits[0].multiplier, rise, rtol=1e-5)
    assert limits[1].multiplier.numpy() == 0
    copy = Constrained.from_config(objective.get_config())
    np.testing.assert_allclose(copy.limits[0].multiplier, rise, rtol=1e-5)


@pytest.mark.slow
def test_the_constraint_holds_where_ascent_and_descent_meet():
    """min (x - 3)^2 with x <= 1: x = 1 and a multiplier of 4, by Karush, Kuhn and Tucker."""
    x, limit = tf.Variable([[3.0, 0.0]]), AtMost("first", 1.0, learning_rate=0.5)
    for _ in range(300):
        with tf.GradientTape() as tape:
            joint = joint_of(x + tf.zeros([1, 2]), training=True)
            loss = (x[0, 0] - 3) ** 2 + limit(joint)[0]
        x.assign_sub(0.1 * tape.gradient(loss, x))
    np.testing.assert_allclose([x[0, 0], limit.multiplier], [1, 4], rtol=1e-3)


def test_what_is_not_there_is_refused_by_name():
    loc = tf.constant(LOC)
    with pytest.raises(ValueError, match=r"`amount` must be one of \['first', 'second'\].*'third'"):
        Constrained(ELBO(), [AtMost("third", 1.0)])(joint_of(loc), seed=(1, 2))
    with pytest.raises(ValueError, match="`limit` must be >= 0; received -1"):
        AtMost("first", -1)
    with pytest.raises(TypeError, match="`limits` must be AtMosts; received 'first'"):
        Constrained(ELBO(), ["first"])
    bare = Joint(Owner(), log_likelihood=lambda z: z[..., 0], posterior=lambda: tfd.Normal(0.0, 1))
    with pytest.raises(LackingPartError, match="Owner has no amounts of its latent"):
        bare.amounts  # noqa: B018
