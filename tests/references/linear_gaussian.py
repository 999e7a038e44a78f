"""z ~ N(0, I), x | z ~ N(W z + b, s^2 I): evidence, posterior and bound in closed form."""

from typing import NamedTuple

import numpy as np
import scipy.stats

from tests.references.densities import normal_full_kl


class LinearGaussian(NamedTuple):
    w: np.ndarray  # [D, Z]
    b: np.ndarray  # [D]
    s: float

    def log_evidence(self, x):
        covariance = self.w @ self.w.T + self.s**2 * np.eye(len(self.b))
        return scipy.stats.multivariate_normal.logpdf(x, self.b, covariance)

    def posterior(self, x):
        """Mean and covariance of p(z | x)."""
        precision = np.eye(self.w.shape[1]) + self.w.T @ self.w / self.s**2
        covariance = np.linalg.inv(precision)
        return covariance @ self.w.T @ (x - self.b) / self.s**2, covariance

    def bound(self, x, loc, covariance):
        """log p(x) - KL(q || p(z | x)) for q = N(loc, covariance)."""
        return self.log_evidence(x) - normal_full_kl(loc, covariance, *self.posterior(x))

    def bound_gradient_of_loc(self, x, loc):
        return self.w.T @ (x - self.b - self.w @ loc) / self.s**2 - loc
