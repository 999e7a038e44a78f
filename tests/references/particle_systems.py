"""Sequences of two steps: what particle filters of few particles give on average, in float64.

Resampling is multinomial. Whatever the filter draws is enumerated, or integrated by quadrature.
"""

import functools
import itertools

import numpy as np
from scipy.special import expit, logsumexp
from scipy.stats import norm

from tests.references.enumerable import bernoulli

X = (1, 0)
VECTORS = (1.3, -0.7)


class BinarySequence:
    """z_1, z_2 in {0, 1}, x_t ~ Bernoulli of a logit that z_t chooses.

    theta = logit of p(z_1), of p(z_2 | 0) and p(z_2 | 1), of p(x_t | 0) and p(x_t | 1);
    phi = logit of q(z_1), of q(z_2 | 0) and q(z_2 | 1).
    """

    theta = np.array([0.4, -0.9, 1.1, -1.3, 1.7])
    phi = np.array([-0.3, 0.5, -0.8])


class GaussianSequence:
    """z_1 ~ N(m, 1), z_2 ~ N(a z_1 + b, 0.8^2), x_t ~ N(w sin(z_t) + c, 0.6^2).

    theta = m, a, b, w, c; q(z_1) = N(phi_0, exp(phi_1)^2), q(z_2 | z_1) = N(phi_2 z_1 + phi_3,
    exp(phi_4)^2).
    """

    theta = np.array([0.3, 0.8, -0.4, 1.2, 0.1])
    phi = np.array([0.7, -0.3, 0.3, -0.2, 0.1])
    scales = (1.0, 0.8, 0.6)


def log_evidence(model, theta, phi=None):
    """log p(x) of a `BinarySequence`."""
    total = 0.0
    for z1, z2 in itertools.product((0, 1), repeat=2):
        log_p = bernoulli([theta[0], theta[1 + z1]], [z1, z2])
        total += np.exp(log_p + bernoulli([theta[3 + z1], theta[3 + z2]], X))
    return np.log(total)


@functools.cache
def enumerated(num_particles, threshold=1.0, *, is_dropped=False):
    """E log of the estimate for N particles of a `BinarySequence`: every draw, every ancestor.

    With `is_dropped`, the probabilities of the ancestors are those of the model's own parameters
    whatever theta and phi are: the function whose gradient has no part in the choice of ancestors.
    """

    def bound(model, theta, phi):
        total = 0.0
        for first in itertools.product((0, 1), repeat=num_particles):
            log_w = first_log_weights(theta, phi, first)
            chance = np.exp(sum(bernoulli(phi[:1], [z]) for z in first))
            choosing = log_w
            if is_dropped:
                choosing = first_log_weights(model.theta, model.phi, first)
            shares = np.exp(choosing - logsumexp(choosing))
            if 1 / np.sum(shares**2) < threshold * num_particles or threshold == 1:
                for chosen in itertools.product(range(num_particles), repeat=num_particles):
                    parents = [first[n] for n in chosen]
                    rest = expected_rest(theta, phi, parents, np.zeros(num_particles))
                    value = logsumexp(log_w) - np.log(num_particles) + rest
                    total += chance * np.prod(shares[list(chosen)]) * value
            else:
                total += chance * expected_rest(theta, phi, first, log_w)
        return total

    return bound


def first_log_weights(theta, phi, states):
    return np.array(
        [bernoulli([theta[0], theta[3 + z]], [z, X[0]]) - bernoulli(phi[:1], [z]) for z in states]
    )


def expected_rest(theta, phi, parents, log_w):
    """E log mean_n exp(log_w_n) w_2^n over the states of the second step."""
    total = 0.0
    for states in itertools.product((0, 1), repeat=len(parents)):
        log_q = [bernoulli([phi[1 + b]], [z]) for b, z in zip(parents, states, strict=True)]
        log_p = [
            bernoulli([theta[1 + b], theta[3 + z]], [z, X[1]])
            for b, z in zip(parents, states, strict=True)
        ]
        value = logsumexp(log_w + np.array(log_p) - log_q) - np.log(len(parents))
        total += np.exp(sum(log_q)) * value
    return total


@functools.cache
def integrated(*, is_resampled=True, is_dropped=False, count=32):
    """E log of the estimate for two particles of a `GaussianSequence`.

    With `is_dropped`, as in `enumerated`; the noise is what stays the same.
    """
    points, weights = np.polynomial.hermite_e.hermegauss(count)
    weights = weights / weights.sum()
    # Noise of the two particles at the first step, and of the two at the second.
    first = points[:, np.newaxis, np.newaxis, np.newaxis], points[:, np.newaxis, np.newaxis]
    second = points[:, np.newaxis], points

    def mean(values):
        for _ in range(4):
            values = values @ weights
        return values

    def bound(model, theta, phi):
        start = [first_draw(model, theta, phi, noise) for noise in first]
        (z1, w1), (z2, w2) = start
        if not is_resampled:
            ends = [
                log_w + second_log_weight(model, theta, phi, z, noise)
                for (z, log_w), noise in zip(start, second, strict=True)
            ]
            return mean(np.logaddexp(*ends) - np.log(2))
        choosing = w2 - w1
        if is_dropped:
            (_, own1), (_, own2) = (first_draw(model, model.theta, model.phi, n) for n in first)
            choosing = own2 - own1
        shares = expit(-choosing), expit(choosing)
        total = np.logaddexp(w1, w2) - np.log(2) + np.zeros([count] * 4)
        for a, b in itertools.product((0, 1), repeat=2):
            ends = [
                second_log_weight(model, theta, phi, (z1, z2)[parent], noise)
                for parent, noise in zip((a, b), second, strict=True)
            ]
            total = total + shares[a] * shares[b] * (np.logaddexp(*ends) - np.log(2))
        return mean(total)

    return bound


def first_draw(model, theta, phi, noise):
    """z_1 and its log-weight."""
    z = phi[0] + np.exp(phi[1]) * noise
    log_q = norm.logpdf(z, phi[0], np.exp(phi[1]))
    return z, norm.logpdf(z, theta[0], model.scales[0]) + emission(model, theta, z, 0) - log_q


def second_log_weight(model, theta, phi, before, noise):
    loc = phi[2] * before + phi[3]
    z = loc + np.exp(phi[4]) * noise
    log_p = norm.logpdf(z, theta[1] * before + theta[2], model.scales[1])
    return log_p + emission(model, theta, z, 1) - norm.logpdf(z, loc, np.exp(phi[4]))


def emission(model, theta, z, step):
    return norm.logpdf(VECTORS[step], theta[3] * np.sin(z) + theta[4], model.scales[2])
