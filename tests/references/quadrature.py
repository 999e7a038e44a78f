"""Gaussian latents in one layer or two: bounds of a few draws by Gauss-Hermite quadrature."""

import numpy as np
from scipy.stats import norm

X = (1.3, -0.7)


class Gaussian:
    """z ~ N(m, 1), x_d ~ N(w_d z + b_d, 0.6^2); q(z) = N(loc, exp(rho)^2).

    theta = m, w [2], b [2]; phi = loc, rho. The last factor bends the likelihood, so that the true
    posterior is no Normal: w_d z becomes w_d sin(z).
    """

    theta = np.array([0.3, 1.4, -0.8, 0.2, 0.5])
    phi = np.array([0.9, -0.4])
    scale = 0.6

    def log_joint(self, theta, z):
        total = norm.logpdf(z, theta[0], 1.0)
        for d in range(2):
            total = total + norm.logpdf(X[d], theta[1 + d] * np.sin(z) + theta[3 + d], self.scale)
        return total

    def nodes(self, phi, count=80):
        """Draws, their log q and their weights in expectations under q."""
        points, weights = np.polynomial.hermite_e.hermegauss(count)
        z = phi[0] + np.exp(phi[1]) * points
        return z, norm.logpdf(z, phi[0], np.exp(phi[1])), weights / weights.sum()


class TwoLayers:
    """u, then v, both of one dimension; x from u, as in a hierarchy whose top is v.

    q(u) = N(phi_0, exp(phi_1)^2), q(v | u) = N(phi_2 u + phi_3, exp(phi_4)^2);
    p(v) = N(theta_0, 1), p(u | v) = N(theta_1 v + theta_2, 1), x_d ~ N(w_d sin(u) + b_d, 0.6^2)
    with w, b = theta[3:5], theta[5:7].
    """

    theta = np.array([0.4, 0.7, -0.2, 1.4, -0.8, 0.2, 0.5])
    phi = np.array([0.9, -0.4, 0.5, 0.1, -0.2])
    scale = 0.6

    def log_joint(self, theta, z):
        u, v = z
        total = norm.logpdf(v, theta[0], 1.0) + norm.logpdf(u, theta[1] * v + theta[2], 1.0)
        for d in range(2):
            total = total + norm.logpdf(X[d], theta[3 + d] * np.sin(u) + theta[5 + d], self.scale)
        return total

    def nodes(self, phi, count=26):
        points, weights = np.polynomial.hermite_e.hermegauss(count)
        first, second = (axis.ravel() for axis in np.meshgrid(points, points, indexing="ij"))
        u = phi[0] + np.exp(phi[1]) * first
        centre = phi[2] * u + phi[3]
        v = centre + np.exp(phi[4]) * second
        log_q = norm.logpdf(u, phi[0], np.exp(phi[1])) + norm.logpdf(v, centre, np.exp(phi[4]))
        share = weights / weights.sum()
        return (u, v), log_q, np.outer(share, share).ravel()


def elbo(model, theta, phi):
    z, log_q, weights = model.nodes(phi)
    return np.sum(weights * (model.log_joint(theta, z) - log_q))


def of_two_draws(function):
    """The expectation of a function of two log-weights."""

    def bound(model, theta, phi):
        z, log_q, weights = model.nodes(phi)
        log_w = model.log_joint(theta, z) - log_q
        return weights @ function(log_w[:, None], log_w[None, :]) @ weights

    return bound


importance_weighted_2 = of_two_draws(lambda a, b: np.logaddexp(a, b) - np.log(2))


def importance_weighted_4(model, theta, phi, count=26):
    z, log_q, weights = model.nodes(phi, count)
    log_w = model.log_joint(theta, z) - log_q
    pairs = np.logaddexp(log_w[:, None], log_w[None, :]).ravel()
    shares = np.outer(weights, weights).ravel()
    total = 0.0
    for pair, share in zip(pairs, shares, strict=True):
        total += share * (shares @ np.logaddexp(pair, pairs))
    return total - np.log(4)


def combination_2(beta):
    return of_two_draws(
        lambda a, b: beta * (a + b) / 2 + (1 - beta) * (np.logaddexp(a, b) - np.log(2))
    )


def renyi_2(alpha):
    rest = 1 - alpha
    return of_two_draws(lambda a, b: (np.logaddexp(rest * a, rest * b) - np.log(2)) / rest)


def evidence(model, theta):
    z = np.linspace(-9, 9, 20_001)
    return np.log(np.trapezoid(np.exp(model.log_joint(theta, z)), z))
