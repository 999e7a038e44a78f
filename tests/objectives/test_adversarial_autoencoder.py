"""A critic and who learns from it: gradients by hand, and the best critics of two Normals."""

import keras
import numpy as np
import pytest
import scipy.special
import scipy.stats
import tensorflow as tf
from tensorflow_probability import distributions as tfd

from tests.objectives.autoencoder_toys import (
    LOC,
    PRIOR,
    SEED,
    TILT,
    A,
    B,
    drawn,
    joint_of,
    prior_of,
    quadratic,
)
from tfp_dgm.distributions import MultivariateNormalDiag
from tfp_dgm.objectives import AdversarialAutoencoder, LogisticCritic, WassersteinCritic


def critic_steps(critic_loss, weight=1.7, prior=None):
    """Loss and gradients of a step in posterior, prior and critic."""
    loc, prior_loc = tf.constant(LOC), tf.constant(PRIOR[0])
    a, b = tf.constant(A, tf.float32), tf.constant(B, tf.float32)
    objective = AdversarialAutoencoder(weight=weight, num_samples=2, critic_loss=critic_loss)
    with tf.GradientTape() as tape:
        tape.watch([loc, prior_loc, a, b])
        joint = joint_of(loc, quadratic(a, b), prior_of(prior_loc))
        bound = objective(joint, seed=SEED)
    return bound, tape.gradient(bound.loss, [loc, prior_loc, a, b])


sigmoid = scipy.special.expit


@pytest.mark.parametrize("penalty", [0.0, 0.6])
def test_each_of_three_learns_by_its_own_logistic_loss(penalty):
    bound, (of_loc, of_prior, of_a, of_b) = critic_steps(LogisticCritic(gradient_penalty=penalty))
    z, y = drawn(LOC, 2)
    c_z, c_y = (part @ A + B * (part**2).sum(-1) for part in (z, y))
    slopes = [A + 2 * B * part for part in (z, y)]
    expected = (1.7 * sigmoid(c_z)[..., None] * slopes[0] - TILT * np.cos(z)).mean(0)
    np.testing.assert_allclose(of_loc, expected, rtol=1e-4, atol=1e-6)
    expected = -1.7 * (sigmoid(-c_y)[..., None] * slopes[1]).mean(0).sum(0)
    np.testing.assert_allclose(of_prior, expected, rtol=1e-4)
    # d/dc of log(1 + exp(-c)) is -sigmoid(-c); d/da of |a + 2 b z|^2 / 2 is a + 2 b z.
    up = -sigmoid(-c_z)[..., None] * z + sigmoid(c_y)[..., None] * y
    up = up + penalty * (slopes[0] + slopes[1])
    np.testing.assert_allclose(of_a, up.mean(0).sum(0), rtol=1e-4)
    up = -sigmoid(-c_z) * (z**2).sum(-1) + sigmoid(c_y) * (y**2).sum(-1)
    up = up + penalty * sum(2 * (s * part).sum(-1) for s, part in zip(slopes, (z, y), strict=True))
    np.testing.assert_allclose(of_b, up.mean(0).sum(0), rtol=1e-4)
    reconstruction = (TILT * np.sin(z)).sum(-1).mean(0)
    np.testing.assert_allclose(bound.kl, c_z.mean(0), rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(bound.value, reconstruction - 1.7 * c_z.mean(0), rtol=1e-4)
    paid = (np.log1p(np.exp(c_z)) + np.log1p(np.exp(-c_y))).mean(0)
    np.testing.assert_allclose(bound.loss, 1.7 * paid - reconstruction, rtol=1e-4)


def test_each_of_three_learns_by_its_own_distance():
    bound, (of_loc, of_prior, of_a, of_b) = critic_steps(WassersteinCritic(gradient_penalty=0.0))
    z, y = drawn(LOC, 2)
    slopes = [A + 2 * B * part for part in (z, y)]
    expected = (1.7 * slopes[0] - TILT * np.cos(z)).mean(0)
    np.testing.assert_allclose(of_loc, expected, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(of_prior, -1.7 * slopes[1].mean(0).sum(0), rtol=1e-4)
    np.testing.assert_allclose(of_a, (y - z).mean(0).sum(0), rtol=1e-4)
    np.testing.assert_allclose(of_b, ((y**2) - (z**2)).sum(-1).mean(0).sum(0), rtol=1e-4)
    c_z, c_y = (part @ A + B * (part**2).sum(-1) for part in (z, y))
    np.testing.assert_allclose(bound.kl, (c_z - c_y).mean(0), rtol=1e-4)


def test_a_slope_other_than_one_is_paid_for():
    """Of a linear critic the slope is |a| wherever it is taken."""
    z, y = (tf.constant(part, tf.float32) for part in drawn(LOC, 2))
    paid = WassersteinCritic().penalty(quadratic(A.astype("f4"), 0.0), z, y, SEED)
    np.testing.assert_allclose(paid, np.full([2, 4], (np.hypot(*A) - 1) ** 2), rtol=1e-3)


def test_evaluation_teaches_nobody():
    loc, a = tf.constant(LOC), tf.constant(A, tf.float32)
    with tf.GradientTape() as tape:
        tape.watch(a)
        joint = joint_of(loc, quadratic(a, 0.2), training=False)
        bound = AdversarialAutoencoder()(joint, seed=SEED)
    assert tape.gradient(bound.loss, a) is None


def train_critic(objective, q, p, features, steps=600):
    """Weights of a critic that is linear in features, after steps on fresh draws."""
    weights = tf.Variable(tf.zeros([features(tf.zeros([1, 1, 1])).shape[-1]]))
    optimizer = keras.optimizers.Adam(0.03)

    @tf.function(autograph=False)
    def step(seed):
        with tf.GradientTape() as tape:
            joint = joint_of(
                None,
                lambda z: tf.linalg.matvec(features(z), weights),
                p,
                tfd.Sample(q, 1) if q.event_shape.rank == 0 else q,
            )
            loss = tf.reduce_mean(objective(joint, seed=seed).loss)
        optimizer.apply_gradients([(tape.gradient(loss, weights), weights)])

    rate = optimizer.learning_rate
    for n in range(steps):
        if n == steps // 2:
            rate.assign(0.003)  # What is left is the noise of the steps.
        step(tf.constant([1, n]))
    return weights.numpy()


def normal(loc, scale, rows=256):
    return MultivariateNormalDiag(tf.fill([rows, 1], loc), tf.fill([rows, 1], scale))


def test_the_best_logistic_critic_is_the_log_ratio():
    """Of N(1, 0.6) and N(0, 1), which is quadratic; its mean is the divergence."""
    q, p = normal(1.0, 0.6), MultivariateNormalDiag([0.0], [1.0])
    weights = train_critic(
        AdversarialAutoencoder(), q, p, lambda z: tf.concat([tf.ones_like(z), z, z * z], axis=-1)
    )
    grid = np.linspace(0.0, 2.0, 9)
    ratio = scipy.stats.norm.logpdf(grid, 1, 0.6) - scipy.stats.norm.logpdf(grid, 0, 1)
    found = weights @ np.stack([np.ones(9), grid, grid**2])
    np.testing.assert_allclose(found, ratio, atol=0.1)
    kl = np.log(1 / 0.6) + (0.6**2 + 1) / 2 - 0.5
    z = 1 + 0.6 * np.random.default_rng(1).standard_normal(20_000)
    assert abs((weights @ np.stack([np.ones_like(z), z, z**2])).mean() - kl) < 0.1


def test_the_best_linear_critic_of_two_normals_pays_for_its_slope():
    """Slope s and means apart by d: s d - 10 (s - 1)^2 is most at s = 1 + d / 20."""
    q, p = normal(1.5, 0.3), MultivariateNormalDiag([0.0], [0.3])
    objective = AdversarialAutoencoder(critic_loss=WassersteinCritic())
    (slope,) = train_critic(objective, q, p, lambda z: z)
    np.testing.assert_allclose(slope, 1 + 1.5 / 20, atol=0.02)
