"""Autoencoders held to a prior: kernels and critics against NumPy, SciPy and closed forms."""

import json

import keras
import numpy as np
import pytest
import scipy.special
import scipy.stats
import tensorflow as tf
from tensorflow_probability import distributions as tfd

from tfp_dgm import models, objectives
from tfp_dgm.distributions import Implicit, MultivariateNormalDiag, PointMass
from tfp_dgm.objectives import (
    ELBO,
    AdversarialAutoencoder,
    InverseMultiquadratic,
    Joint,
    LogisticCritic,
    RadialBasisFunction,
    WassersteinCritic,
    WassersteinMMD,
)
from tfp_dgm.objectives.mean_discrepancies import maximum_mean_discrepancy

assert models  # Registers the objectives with Keras.
SEED = (3, 7)
LOC = np.array([[0.9, -0.1], [0.05, 0.6], [1.5, 2.0], [-0.7, 0.4]], np.float32)
SCALE = np.array([[0.3, 0.8], [1.1, 0.5], [0.2, 0.6], [0.9, 0.4]], np.float32)
PRIOR = (np.array([0.2, -0.3], np.float32), np.array([1.5, 0.7], np.float32))
TILT = np.array([0.8, -1.3], np.float32)  # log p(x | z) = tilt . sin(z).


class Owner:
    """A model, but for what it is."""


def prior_of(loc=PRIOR[0]):
    return MultivariateNormalDiag(loc, PRIOR[1])


def joint_of(loc, critic=None, prior=None, posterior=None, training=True):
    return Joint(
        Owner(),
        log_likelihood=lambda z: tf.reduce_sum(TILT * tf.sin(z), axis=-1),
        prior=lambda: prior_of() if prior is None else prior,
        posterior=lambda: MultivariateNormalDiag(loc, SCALE) if posterior is None else posterior,
        critic=None if critic is None else lambda: critic,
        training=training,
    )


def noises(samples):
    """What the objectives draw of standard noise with `SEED`, for latents and for the prior."""
    zeros, ones = np.zeros_like(LOC), np.ones_like(LOC)
    of_prior = MultivariateNormalDiag(zeros[0], ones[0])
    drawn = [
        MultivariateNormalDiag(zeros, ones).sample(samples, seed=SEED),
        of_prior.sample([samples, len(LOC)], seed=tf.random.fold_in(SEED, 1)),
    ]
    return [noise.numpy().astype(np.float64) for noise in drawn]


def drawn(loc, samples):
    of_latents, of_prior = noises(samples)
    return loc + SCALE * of_latents, PRIOR[0] + PRIOR[1] * of_prior


def imq(x, y, scale, scales=(0.1, 0.2, 0.5, 1, 2, 5, 10)):
    distance = sum((a - b) ** 2 for a, b in zip(x, y, strict=True))
    return sum(s * scale / (s * scale + distance) for s in scales)


def rbf(x, y, scale, scales=(0.2, 1.0, 5.0)):
    distance = sum((a - b) ** 2 for a, b in zip(x, y, strict=True))
    return sum(np.exp(-distance / (s * scale)) for s in scales)


def u_statistic(z, y, kernel, scale):
    """MMD^2 by double sums."""
    n, total = len(z), 0.0
    for i in range(n):
        for j in range(n):
            if i != j:
                pairs = kernel(z[i], z[j], scale) + kernel(y[i], y[j], scale)
                total += pairs / (n * (n - 1))
            total -= 2 * kernel(z[i], y[j], scale) / n**2
    return total


@pytest.mark.parametrize(
    ("kernel", "by_hand", "scale"),
    [
        (None, imq, 2 * (1.5**2 + 0.7**2)),
        (RadialBasisFunction(), rbf, 3.0),
        (InverseMultiquadratic(scales=[0.7]), lambda *xy: imq(*xy, scales=[0.7]), 0.4),
    ],
)
def test_the_discrepancy_is_the_double_sum(kernel, by_hand, scale):
    given = None if kernel is None else scale
    objective = WassersteinMMD(weight=1.7, num_samples=2, kernel=kernel, kernel_scale=given)
    bound = objective(joint_of(tf.constant(LOC)), seed=SEED)
    z, y = drawn(LOC, 2)
    expected = np.mean([u_statistic(*pair, by_hand, scale) for pair in zip(z, y, strict=True)])
    reconstruction = (TILT * np.sin(z)).sum(-1).mean(0)
    np.testing.assert_allclose(np.mean(bound.kl), expected, rtol=1e-4)
    np.testing.assert_allclose(bound.reconstruction, reconstruction, rtol=1e-5)
    np.testing.assert_allclose(
        np.mean(bound.value), reconstruction.mean() - 1.7 * expected, rtol=1e-4
    )
    np.testing.assert_allclose(bound.loss, -bound.value, rtol=1e-5)


def test_a_prior_of_each_example_gives_each_a_draw():
    """So narrow that its draws are its means."""
    means = LOC[::-1] * 2
    prior = MultivariateNormalDiag(means, np.full_like(SCALE, 1e-6))
    objective = WassersteinMMD(num_samples=2, kernel_scale=1.5)
    bound = objective(joint_of(tf.constant(LOC), prior=prior), seed=SEED)
    expected = np.mean([u_statistic(z, means, imq, 1.5) for z in drawn(LOC, 2)[0]])
    np.testing.assert_allclose(np.mean(bound.kl), expected, rtol=1e-3)


def test_gradients_of_latents_and_of_a_learned_prior_are_finite_differences():
    loc, prior_loc = tf.constant(LOC), tf.constant(PRIOR[0])
    with tf.GradientTape() as tape:
        tape.watch([loc, prior_loc])
        joint = joint_of(loc, prior=prior_of(prior_loc))
        loss = tf.reduce_mean(WassersteinMMD(weight=3.0)(joint, seed=SEED).loss)
    gradients = tape.gradient(loss, [loc, prior_loc])
    of_latents, of_prior = noises(1)

    def by_hand(loc, prior_loc):
        z, y = loc + SCALE * of_latents[0], prior_loc + PRIOR[1] * of_prior[0]
        scale = 2 * (PRIOR[1].astype(float) ** 2).sum()
        return 3 * u_statistic(z, y, imq, scale) - (TILT * np.sin(z)).sum(-1).mean()

    start = [LOC.astype(np.float64), PRIOR[0].astype(np.float64)]
    for part, gradient in enumerate(gradients):
        for place in np.ndindex(*start[part].shape):
            ends = []
            for step in (1e-5, -1e-5):
                moved = [values.copy() for values in start]
                moved[part][place] += step
                ends.append(by_hand(*moved))
            slope = (ends[0] - ends[1]) / 2e-5
            np.testing.assert_allclose(gradient.numpy()[place], slope, rtol=2e-3, atol=2e-5)


def expected_kernel(shift, variance, width):
    """E exp(-|d|^2 / width) of d ~ N(shift, variance), dimensions independent."""
    shrunk = width + 2 * np.asarray(variance)
    return np.prod(np.sqrt(width / shrunk) * np.exp(-np.square(shift) / shrunk))


def estimates(q, p, kernel, scale, count=4000, rows=6):
    """Independent estimates of one batch each."""
    z, y = (part.sample([count, rows], seed=(5, k)) for k, part in enumerate((q, p)))
    return maximum_mean_discrepancy(z, y, kernel, scale).numpy().mean(axis=-1)


def test_its_mean_between_normals_is_the_closed_form():
    """4,000 estimates of 6 draws each: within 4 standard errors."""
    q, p = MultivariateNormalDiag(LOC[0], SCALE[0]), prior_of()
    found = estimates(q, p, RadialBasisFunction(scales=[0.5, 2.0]), 3.0)
    v, w = SCALE[0].astype(float) ** 2, PRIOR[1].astype(float) ** 2
    expected = sum(
        expected_kernel(0, 2 * v, width)
        + expected_kernel(0, 2 * w, width)
        - 2 * expected_kernel(LOC[0] - PRIOR[0], v + w, width)
        for width in (1.5, 6.0)
    )
    assert expected > 0.2
    assert abs(found.mean() - expected) < 4 * found.std() / np.sqrt(len(found))


def test_its_mean_is_zero_where_both_are_the_same():
    """Of so small batches, a biased estimate is off by some tenths; within 4 standard errors."""
    found = estimates(prior_of(), prior_of(), InverseMultiquadratic(), 5.0)
    assert abs(found.mean()) < 4 * found.std() / np.sqrt(len(found)) < 0.05
    assert found.min() < 0


def test_one_example_alone_has_no_pairs_and_pays_nothing():
    bound = WassersteinMMD()(
        joint_of(tf.constant(LOC[:1]), posterior=PointMass(LOC[:1])), seed=SEED
    )
    assert bound.kl.numpy() == [0]


# c(z) = a . z + b |z|^2.
A, B = np.array([0.4, -0.9]), 0.35


def quadratic(a, b):
    return lambda z: tf.reduce_sum(a * z, axis=-1) + b * tf.reduce_sum(z * z, axis=-1)


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


def test_what_is_without_a_density_is_trained_and_no_bound_is_claimed():
    implicit = Implicit(
        lambda noise: 2.0 * noise + 1.0, MultivariateNormalDiag([0.0] * 2, [1.0] * 2), 2
    )
    joint = joint_of(None, prior=implicit, posterior=PointMass(LOC), critic=quadratic(A[0], B))
    for objective in (WassersteinMMD(kernel_scale=2.0), AdversarialAutoencoder()):
        assert np.isfinite(objective(joint, seed=SEED).loss).all()
        assert not objective.bounds_log_likelihood
    with pytest.raises(NotImplementedError, match="PointMass: has no density"):
        ELBO()(joint, seed=SEED)
    with pytest.raises(NotImplementedError, match="Implicit: has no density"):
        ELBO()(joint_of(tf.constant(LOC), prior=implicit), seed=SEED)
    with pytest.raises(ValueError, match="Implicit knows none; give a number"):
        WassersteinMMD()(joint, seed=SEED)


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        (
            {"posterior": tfd.OneHotCategorical(logits=LOC, dtype=tf.float32)},
            "a posterior that can",
        ),
        (
            {
                "prior": tfd.MixtureSameFamily(
                    tfd.Categorical(logits=[0.0, 0.0]), tfd.MultivariateNormalDiag(LOC[:2])
                )
            },
            "a prior whose draws can be reparameterised",
        ),
        ({"posterior": MultivariateNormalDiag(LOC[0], SCALE[0])}, r"of batch shape \[B\]"),
    ],
)
@pytest.mark.parametrize("objective", [WassersteinMMD(), AdversarialAutoencoder()], ids=repr)
def test_latents_that_cannot_be_held_to_a_prior_are_refused(objective, parts, message):
    joint = joint_of(tf.constant(LOC), critic=quadratic(A[0], B), **parts)
    with pytest.raises(ValueError, match=f"{type(objective).__name__}: needs .*{message}"):
        objective(joint, seed=SEED)


def test_arguments_are_refused_by_name():
    with pytest.raises(ValueError, match="WassersteinMMD: `weight` must be >= 0; received -1"):
        WassersteinMMD(weight=-1)
    with pytest.raises(ValueError, match="WassersteinMMD: `kernel_scale` must be > 0"):
        WassersteinMMD(kernel_scale=0)
    with pytest.raises(ValueError, match="RadialBasisFunction: `scales` must be numbers above 0"):
        RadialBasisFunction(scales=[1.0, 0.0])
    with pytest.raises(ValueError, match="LogisticCritic: `gradient_penalty` must be >= 0"):
        LogisticCritic(gradient_penalty=-0.1)
    nan = float("nan")
    for refused in (
        lambda: WassersteinMMD(weight=nan),
        lambda: WassersteinMMD(kernel_scale=nan),
        lambda: RadialBasisFunction(scales=[1.0, nan]),
        lambda: WassersteinCritic(gradient_penalty=nan),
    ):
        with pytest.raises(ValueError, match=r"must be .*received .*nan"):
            refused()
    with pytest.raises(NotImplementedError, match="Owner has no critic of its latents, which Adv"):
        AdversarialAutoencoder()(joint_of(tf.constant(LOC)), seed=SEED)


@pytest.mark.parametrize(
    "objective",
    [
        WassersteinMMD(weight=2.5, kernel=RadialBasisFunction(scales=(0.3, 4)), kernel_scale=1.5),
        AdversarialAutoencoder(weight=0.7, critic_loss=LogisticCritic(gradient_penalty=0.2)),
        AdversarialAutoencoder(critic_loss=WassersteinCritic(gradient_penalty=3.0)),
    ],
    ids=lambda objective: type(objective).__name__,
)
def test_configuration_comes_back_as_training_left_it(objective):
    objective.weight.assign(1.25)
    config = json.loads(json.dumps(keras.saving.serialize_keras_object(objective)))
    copy = keras.saving.deserialize_keras_object(config)
    assert copy.get_config() == objective.get_config()
    assert (float(copy.weight), repr(copy)) == (1.25, repr(objective))
    assert isinstance(copy, objectives.RegularizedAutoencoder)
