"""Models whose latents take few values: every bound and its gradient by enumeration, in float64."""

import functools
import itertools

import numpy as np
from scipy.special import log_expit, log_softmax, logsumexp

X = (1, 0)


class Binary:
    """z in {0, 1}^3 with factorised prior and posterior; two pixels, x_d ~ Bernoulli(z W + b).

    Parameters are flat vectors: theta = prior logits [3], W [3, 2], b [2]; phi = logits [3].
    """

    theta = np.array([0.4, -0.7, 0.2, 1.9, -1.2, -2.3, 0.8, 0.7, 1.6, -0.3, 0.5])
    phi = np.array([0.6, -0.9, 1.1])
    support = tuple(itertools.product((0.0, 1.0), repeat=3))

    def log_likelihood(self, theta, z):
        w, b = np.reshape(theta[3:9], (3, 2)), theta[9:]
        total = 0.0
        for d in range(2):
            total += bernoulli([sum(z[i] * w[i, d] for i in range(3)) + b[d]], [X[d]])
        return total

    def log_joint(self, theta, z):
        return bernoulli(theta[:3], z) + self.log_likelihood(theta, z)

    def log_q(self, phi, z):
        return bernoulli(phi, z)


class OneHot:
    """z a one-hot vector of length 4; theta = prior logits [4], W [4, 2]; phi = logits [4]."""

    theta = np.array([0.3, -0.5, 0.8, 0.0, 1.7, -1.4, -2.1, 0.6, 0.2, 1.9, -0.8, -0.4])
    phi = np.array([0.2, 0.9, -0.6, 0.4])
    support = tuple(map(tuple, np.eye(4)))

    def log_joint(self, theta, z):
        w = np.reshape(theta[4:], (4, 2))
        k = z.index(1.0)
        likelihood = sum(bernoulli([w[k, d]], [X[d]]) for d in range(2))
        return log_softmax(theta[:4])[k] + likelihood

    def log_q(self, phi, z):
        return log_softmax(phi)[z.index(1.0)]


class TwoLayers:
    """u in {0, 1}^2, then v in {0, 1}; x from u as in a belief network whose top is v.

    p(v) p(u | v) p(x | u) and q(u | x) q(v | u), all logits linear. Values are (u_1, u_2, v).
    theta = [1] of p(v), W [1, 2] and b [2] of p(u | v), W [2, 2] and b [2] of p(x | u);
    phi = logits [2] of q(u), w [2] and b of q(v | u).
    """

    theta = np.array([0.5, 1.3, -0.9, -0.4, 0.3, 1.8, -1.1, -1.7, 0.9, 0.2, -0.6])
    phi = np.array([0.7, -0.8, 1.2, -1.6, 0.3])
    support = tuple(itertools.product((0.0, 1.0), repeat=3))

    def log_joint(self, theta, z):
        u, v = z[:2], z[2]
        total = bernoulli(theta[:1], [v])
        total += bernoulli([v * theta[1] + theta[3], v * theta[2] + theta[4]], u)
        w, b = np.reshape(theta[5:9], (2, 2)), theta[9:]
        return total + bernoulli([u[0] * w[0, d] + u[1] * w[1, d] + b[d] for d in range(2)], X)

    def log_q(self, phi, z):
        u, v = z[:2], z[2]
        return bernoulli(phi[:2], u) + bernoulli([u[0] * phi[2] + u[1] * phi[3] + phi[4]], [v])


class OneHotLayers:
    """u a one-hot vector of length 3, then v one of length 2; x from u, whose generator is v.

    p(v) p(u | v) p(x | u) and q(u | x) q(v | u), each row of a matrix the logits given one value.
    Values are (u, v) in one tuple. theta = [2] of p(v), [2, 3] of p(u | v), [3, 2] of p(x | u);
    phi = [3] of q(u), [3, 2] of q(v | u).
    """

    theta = np.array(
        [*(0.4, -0.6), *(0.9, -0.3, 0.1, -1.2, 0.7, 0.5), *(1.8, -1.1, -1.7, 0.9, 0.3, 1.2)]
    )
    phi = np.array([*(0.5, -0.4, 0.8), *(1.1, -0.7, -0.9, 0.2, 0.3, 0.6)])
    support = tuple(u + v for u in map(tuple, np.eye(3)) for v in map(tuple, np.eye(2)))

    def log_joint(self, theta, z):
        u, v = z[:3].index(1.0), z[3:].index(1.0)
        of_u, of_x = np.reshape(theta[2:8], (2, 3)), np.reshape(theta[8:], (3, 2))
        total = log_softmax(theta[:2])[v] + log_softmax(of_u[v])[u]
        return total + bernoulli(of_x[u], X)

    def log_q(self, phi, z):
        u, v = z[:3].index(1.0), z[3:].index(1.0)
        return log_softmax(phi[:3])[u] + log_softmax(np.reshape(phi[3:], (3, 2))[u])[v]


def bernoulli(logits, values):
    total = 0.0
    for logit, value in zip(logits, values, strict=True):
        total += log_expit(logit) if value else log_expit(-logit)
    return total


def evidence(model, theta, phi=None):
    return logsumexp([model.log_joint(theta, z) for z in model.support])


def tuples(model, theta, phi, num_samples):
    """Of every tuple of draws: log-weights [N, S], probabilities [N], and whose they are [N, S]."""
    log_q = np.array([model.log_q(phi, z) for z in model.support])
    log_w = np.array([model.log_joint(theta, z) for z in model.support]) - log_q
    draws = np.array(list(itertools.product(range(len(log_q)), repeat=num_samples)))
    return log_w[draws], np.exp(log_q[draws].sum(axis=1)), draws


@functools.cache
def importance_weighted(num_samples):
    """E log mean_s w_s over all tuples of draws; the ELBO for one draw."""

    def bound(model, theta, phi):
        log_w, probabilities, _ = tuples(model, theta, phi, num_samples)
        return probabilities @ (logsumexp(log_w, axis=1) - np.log(num_samples))

    return bound


elbo = importance_weighted(1)


def wake_phi(num_samples):
    """E sum_s v_s log q(z_s), whose draws and normalised weights v come from model.phi."""

    def expectation(model, theta, phi):
        log_w, probabilities, draws = tuples(model, theta, model.phi, num_samples)
        changed = np.array([model.log_q(phi, z) for z in model.support])
        shares = np.exp(log_w - logsumexp(log_w, axis=1, keepdims=True))
        return probabilities @ np.sum(shares * changed[draws], axis=1)

    return expectation


def true_posterior_phi(model, theta, phi):
    """E_p(z | x) log q(z): minus KL(p || q), but for a constant."""
    log_joint = np.array([model.log_joint(theta, z) for z in model.support])
    weights = np.exp(log_joint - logsumexp(log_joint))
    return sum(w * model.log_q(phi, z) for w, z in zip(weights, model.support, strict=True))


def mixed(share, first, second):
    """share first + (1 - share) second."""
    return lambda *point: share * first(*point) + (1 - share) * second(*point)


def sleep_phi(model, theta, phi):
    """E_p(z) log q(z), for a q that looks at no x."""
    marginal = [model.log_joint(theta, z) - model.log_likelihood(theta, z) for z in model.support]
    return sum(
        np.exp(log_p) * model.log_q(phi, z)
        for log_p, z in zip(marginal, model.support, strict=True)
    )


@functools.cache
def gradients(bound, model, step=1e-5):
    """d bound / d theta and d bound / d phi by central differences."""

    def differences(function, point):
        result = np.zeros_like(point)
        for i in range(len(point)):
            move = np.zeros_like(point)
            move[i] = step
            result[i] = (function(point + move) - function(point - move)) / (2 * step)
        return result

    return (
        differences(lambda theta: bound(model, theta, model.phi), model.theta),
        differences(lambda phi: bound(model, model.theta, phi), model.phi),
    )
