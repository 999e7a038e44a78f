"""A Gaussian latent of one dimension: bounds of one or two draws by Gauss-Hermite quadrature."""

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
