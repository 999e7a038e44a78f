"""A joint of two latents of each example, and its draws by NumPy's noise from the same seeds."""

import numpy as np
import tensorflow as tf

from tfp_dgm.distributions import MultivariateNormalDiag
from tfp_dgm.objectives import Joint

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


# c(z) = a . z + b |z|^2.
A, B = np.array([0.4, -0.9]), 0.35


def quadratic(a, b):
    return lambda z: tf.reduce_sum(a * z, axis=-1) + b * tf.reduce_sum(z * z, axis=-1)
