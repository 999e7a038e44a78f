"""The discrepancy of latents from the prior: double sums, closed forms, finite differences."""

import numpy as np
import pytest
import tensorflow as tf

from tests.objectives.autoencoder_toys import (
    LOC,
    PRIOR,
    SCALE,
    SEED,
    TILT,
    drawn,
    joint_of,
    noises,
    prior_of,
)
from tfp_dgm.distributions import MultivariateNormalDiag, PointMass
from tfp_dgm.objectives import InverseMultiquadratic, RadialBasisFunction, WassersteinMMD
from tfp_dgm.objectives.mean_discrepancies import maximum_mean_discrepancy


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
