"""The models of tests/references as objectives see them: N replicates of one example, a batch.

Each replicate has parameters of its own, so that one backward pass gives N gradients.
"""

from typing import NamedTuple

import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp

from tests.references import enumerable, quadrature
from tfp_dgm.distributions import MultivariateNormalDiag, TopDown
from tfp_dgm.objectives import Joint

tfd = tfp.distributions


class Problem(NamedTuple):
    log_likelihood: object
    posterior: object
    prior: object

    def joint(self, **parts):
        """As an objective takes it."""
        return joint(*self, **parts)


def joint(log_likelihood, posterior, prior, **parts):
    return Joint(
        None,
        log_likelihood=log_likelihood,
        posterior=lambda: posterior,
        prior=lambda: prior,
        **parts,
    )


def bernoulli(logits):
    return tfd.Independent(tfd.Bernoulli(logits=logits, dtype=tf.float32), 1)


def gaussian(theta, phi):
    """For theta [N, 5] and phi [N, 2]."""
    x, scale = tf.constant(quadrature.X, tf.float32), quadrature.Gaussian.scale

    def log_likelihood(z):  # [S, N, 1] -> [S, N]
        mean = theta[:, 1:3] * tf.sin(z) + theta[:, 3:5]  # [S, N, 2]
        return MultivariateNormalDiag(mean, tf.fill([2], scale)).log_prob(x)

    posterior = MultivariateNormalDiag(phi[:, :1], tf.exp(phi[:, 1:]))
    return Problem(log_likelihood, posterior, MultivariateNormalDiag(theta[:, :1], tf.ones([1])))


def gaussian_layers(theta, phi):
    """For theta [N, 7] and phi [N, 5]."""
    x, scale = tf.constant(quadrature.X, tf.float32), quadrature.TwoLayers.scale

    def log_likelihood(z):
        mean = theta[:, 3:5] * tf.sin(z[0]) + theta[:, 5:7]  # [S, N, 2]
        return MultivariateNormalDiag(mean, tf.fill([2], scale)).log_prob(x)

    def second(u):
        return MultivariateNormalDiag(phi[:, 2:3] * u + phi[:, 3:4], tf.exp(phi[:, 4:]))

    def first(v):
        return MultivariateNormalDiag(theta[:, 1:2] * v + theta[:, 2:3], tf.ones([1]))

    of_u = MultivariateNormalDiag(phi[:, :1], tf.exp(phi[:, 1:2]))
    top = MultivariateNormalDiag(theta[:, :1], tf.ones([1]))
    posterior = tfd.JointDistributionSequential([of_u, second])
    return Problem(log_likelihood, posterior, TopDown([top, first]))


def linear(theta, phi, posterior, prior, size):
    """Pixels whose logits are linear in the latents [S, N, size]."""
    w = tf.reshape(theta[:, size : 3 * size], [-1, size, 2])  # [N, size, 2]
    b = theta[:, 3 * size :] if theta.shape[1] > 3 * size else tf.zeros([1, 2])

    def log_likelihood(z):
        logits = tf.einsum("snz,nzd->snd", z, w) + b
        return bernoulli(logits).log_prob(tf.constant(enumerable.X, tf.float32))

    return Problem(log_likelihood, posterior(phi), prior(theta[:, :size]))


def binary(theta, phi):
    """For theta [N, 11] and phi [N, 3]."""
    return linear(theta, phi, bernoulli, bernoulli, 3)


def categorical(logits):
    return tfd.OneHotCategorical(logits=logits, dtype=tf.float32)


def one_hot(theta, phi):
    """For theta [N, 12] and phi [N, 4]."""
    return linear(theta, phi, categorical, categorical, 4)


def two_layers(theta, phi):
    """For theta [N, 11] and phi [N, 5]."""

    def log_likelihood(z):
        w = tf.reshape(theta[:, 5:9], [-1, 2, 2])
        logits = tf.einsum("snz,nzd->snd", z[0], w) + theta[:, 9:]
        return bernoulli(logits).log_prob(tf.constant(enumerable.X, tf.float32))

    def second(u):
        return bernoulli(tf.reduce_sum(u * phi[:, 2:4], -1, keepdims=True) + phi[:, 4:])

    def first(v):
        return bernoulli(v * theta[:, 1:3] + theta[:, 3:5])

    posterior = tfd.JointDistributionSequential([bernoulli(phi[:, :2]), second])
    return Problem(log_likelihood, posterior, TopDown([bernoulli(theta[:, :1]), first]))


def one_hot_layers(theta, phi):
    """For theta [N, 14] and phi [N, 9]."""

    def row(z, parameters):  # [..., N, K] and [N, K D] -> [..., N, D]
        matrix = tf.reshape(parameters, [-1, z.shape[-1], parameters.shape[1] // z.shape[-1]])
        return tf.reduce_sum(z[..., tf.newaxis] * matrix, axis=-2)

    def log_likelihood(z):
        pixels = bernoulli(row(z[0], theta[:, 8:]))
        return pixels.log_prob(tf.constant(enumerable.X, tf.float32))

    posterior = tfd.JointDistributionSequential(
        [categorical(phi[:, :3]), lambda u: categorical(row(u, phi[:, 3:]))]
    )
    prior = TopDown([categorical(theta[:, :2]), lambda v: categorical(row(v, theta[:, 2:8]))])
    return Problem(log_likelihood, posterior, prior)


def surrogate(problem):
    """A function of each layer's perturbed logits."""

    def first(z):
        return 0.4 * tf.reduce_sum(tf.tanh(0.7 * z - 0.2), axis=-1)

    def second(z):
        return tf.reduce_sum(tf.sin(z), axis=-1)

    joint = isinstance(problem.posterior, tfd.JointDistribution)
    return [first, second] if joint else first


def learned(problem):
    """The joint, with what a model would learn: any function will do."""
    return problem.joint(
        baseline=lambda: tf.constant(-1.7),
        surrogate=lambda: surrogate(problem),
        dream_log_posterior=lambda seed: problem.posterior.log_prob(
            tf.stop_gradient(problem.prior.sample(seed=(8, 1)))
        ),
    )


def estimates(objective, make, model, count, seed=(3, 7)):
    """The bound of N replicates, and the gradients [N, ...] of the bound in theta and phi."""
    theta = tf.constant(np.tile(model.theta, [count, 1]), tf.float32)
    phi = tf.constant(np.tile(model.phi, [count, 1]), tf.float32)
    with tf.GradientTape() as tape:
        tape.watch([theta, phi])
        bound = objective(learned(make(theta, phi)), seed=seed)
        gain = -bound.loss
    gradients = tape.gradient(gain, [theta, phi], unconnected_gradients="zero")
    return bound, *(gradient.numpy().astype(np.float64) for gradient in gradients)
