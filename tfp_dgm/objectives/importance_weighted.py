"""Importance-weighted bounds: several draws, one tighter bound."""

from typing import Any

import tensorflow as tf
import tensorflow_probability as tfp
from tensorflow_probability import distributions as tfd

from tfp_dgm.objectives.impossible_draws import normalized_weights, zero_where_infinite
from tfp_dgm.objectives.objective import Bound, LogLikelihood, Objective, at_least_one
from tfp_dgm.objectives.pathwise import (
    Pathwise,
    Shares,
    require_reparameterized,
    scale_gradient,
)

# The least share of a draw in p's gradient, so that the quotient of shares stays finite.
_LEAST_SHARE = 1e-30


class ImportanceWeighted(Objective):
    """Importance-weighted bound of K draws (IWAE [1]).

        value[b] = log mean_s w_sb,   log w_sb = log p(x_b, z_sb) - log q(z_sb | x_b)

    K = 1 is the ELBO (estimated), and the bound rises to log p(x) as K grows. `reconstruction` and
    `kl` stay those of the posterior itself, means over the draws: their difference is the ELBO, and
    `value` less that is what the weighting gains.

    Args:
      num_samples: K.
      gradient: how it reaches the posterior: `Pathwise()`, `DoublyReparameterized()`, or
        `StickingTheLanding()`, which is biased here.
    Raises:
      ValueError: if the posterior cannot be reparameterised.
    References:
      [1] Burda, Grosse and Salakhutdinov. Importance Weighted Autoencoders. ICLR 2016.
        arXiv:1509.00519
    """

    def __init__(self, *, num_samples: int = 5, gradient: Pathwise | None = None) -> None:
        self.num_samples = at_least_one(self, "num_samples", num_samples)
        self.gradient = gradient or Pathwise()

    def _evaluate(
        self,
        log_likelihood: LogLikelihood,
        posterior: tfd.Distribution,
        prior: tfd.Distribution,
        seed: tf.Tensor,
        needed: dict[str, Any],
    ) -> Bound:
        require_reparameterized(self, posterior)
        z, log_q = posterior.experimental_sample_and_log_prob(self._num_draws(), seed=seed)
        ratios: list[tf.Tensor] = []
        # Where p and q share the draw's log-weight differently, the gradient that comes from p is
        # brought from p's share to q's on its way into the draw.
        routed = scale_gradient(z, lambda: ratios[0])
        log_px = log_likelihood(routed)  # [S, B]
        log_pz = prior.log_prob(routed)  # [S, B]
        log_weights = log_px + log_pz - log_q
        value, shares = self._bound(log_weights)
        shares = Shares(*map(tf.stop_gradient, shares))
        of_posterior = self.gradient.posterior_share(shares)  # [S, B]
        of_model = tf.maximum(shares.model, _LEAST_SHARE)
        ratios.append(of_posterior / of_model)
        surrogate = tf.reduce_sum(
            of_model * zero_where_infinite(log_px + log_pz)
            - of_posterior * self.gradient.log_posterior(posterior, z, log_q),
            axis=0,
        )  # [B]
        return Bound(
            loss=tf.stop_gradient(surrogate - value) - surrogate,
            value=value,
            reconstruction=tf.reduce_mean(log_px, axis=0),
            kl=tf.reduce_mean(log_q - log_pz, axis=0),
            log_weights=log_weights,
        )

    def _num_draws(self) -> int:
        """S, the draws of one example."""
        return self.num_samples

    def _bound(self, log_weights: tf.Tensor) -> tuple[tf.Tensor, Shares]:
        """The bound [B] of the log-weights [S, B], and their shares in its gradients."""
        weights = normalized_weights(log_weights)  # [S, B]
        return tfp.math.reduce_logmeanexp(log_weights, axis=0), Shares(
            weights, weights, tf.square(weights)
        )


class MultiplyImportanceWeighted(ImportanceWeighted):
    """Mean of M importance-weighted bounds of K draws each (MIWAE [1]).

        value[b] = mean_m log mean_k w_mkb

    Looser than one bound of M K draws; its gradient of the posterior has less noise relative to
    its size.

    Args:
      num_bounds: M.
      num_samples: K.
      gradient: see `ImportanceWeighted`.
    References:
      [1] Rainforth et al. Tighter Variational Bounds are Not Necessarily Better. ICML 2018.
        arXiv:1802.04537
    """

    def __init__(
        self, *, num_bounds: int = 2, num_samples: int = 5, gradient: Pathwise | None = None
    ) -> None:
        super().__init__(num_samples=num_samples, gradient=gradient)
        self.num_bounds = at_least_one(self, "num_bounds", num_bounds)

    def _num_draws(self) -> int:
        return self.num_bounds * self.num_samples

    def _bound(self, log_weights: tf.Tensor) -> tuple[tf.Tensor, Shares]:
        shape = tf.shape(log_weights)
        groups = tf.reshape(
            log_weights, tf.concat([[self.num_bounds, self.num_samples], shape[1:]], axis=0)
        )  # [M, K, B]
        weights = tf.reshape(normalized_weights(groups, axis=1), shape)  # [S, B]
        value = tf.reduce_mean(tfp.math.reduce_logmeanexp(groups, axis=1), axis=0)  # [B]
        share, doubly = weights / self.num_bounds, tf.square(weights) / self.num_bounds
        return value, Shares(share, share, doubly)


class PartiallyImportanceWeighted(MultiplyImportanceWeighted):
    """The bound of M K draws for p, and the mean of M bounds of K draws for q (PIWAE [1]).

        value[b] = log mean_mk w_mkb

    The parameters of p climb the tight bound, those of q the one whose gradient has less noise.

    Args:
      num_bounds: M.
      num_samples: K.
      gradient: see `ImportanceWeighted`.
    References:
      [1] Rainforth et al. Tighter Variational Bounds are Not Necessarily Better. ICML 2018.
        arXiv:1802.04537
    """

    def _bound(self, log_weights: tf.Tensor) -> tuple[tf.Tensor, Shares]:
        _, shares = super()._bound(log_weights)
        return tfp.math.reduce_logmeanexp(log_weights, axis=0), shares._replace(
            model=normalized_weights(log_weights)
        )


class CombinationImportanceWeighted(ImportanceWeighted):
    """A convex combination of the ELBO and the importance-weighted bound (CIWAE [1]).

        value[b] = beta mean_s log w_sb + (1 - beta) log mean_s w_sb

    Args:
      num_samples: K.
      beta: share of the ELBO, from 0 to 1.
      gradient: see `ImportanceWeighted`.
    References:
      [1] Rainforth et al. Tighter Variational Bounds are Not Necessarily Better. ICML 2018.
        arXiv:1802.04537
    """

    def __init__(
        self, *, num_samples: int = 5, beta: float = 0.5, gradient: Pathwise | None = None
    ) -> None:
        super().__init__(num_samples=num_samples, gradient=gradient)
        if not 0 <= beta <= 1:
            raise ValueError(
                f"CombinationImportanceWeighted: `beta` must lie in [0, 1]; received {beta}"
            )
        self.beta = beta

    def _bound(self, log_weights: tf.Tensor) -> tuple[tf.Tensor, Shares]:
        value, shares = super()._bound(log_weights)
        elbo, even = tf.reduce_mean(log_weights, axis=0), self.beta / self.num_samples
        share = even + (1 - self.beta) * shares.model
        doubly = even + (1 - self.beta) * shares.doubly
        elbo, value = (
            tf.math.multiply_no_nan(part, weight)
            for part, weight in ((elbo, self.beta), (value, 1 - self.beta))
        )
        return elbo + value, Shares(share, share, doubly)


class Renyi(ImportanceWeighted):
    """Variational Renyi bound [1], between the importance-weighted bound and the ELBO.

        value[b] = log mean_s w_sb^(1 - alpha) / (1 - alpha)

    alpha = 0 is the importance-weighted bound, and alpha -> 1 the ELBO. Above 1 the bound, and its
    estimate from draws, are lower bounds too, but looser than the ELBO. Below 0 Renyi's is an upper
    bound, and the estimate neither: below log p(x) with one draw, above it with many.

    Args:
      num_samples: K.
      alpha: order of the divergence, 0 <= alpha < 1.
      gradient: see `ImportanceWeighted`.
    References:
      [1] Li and Turner. Renyi Divergence Variational Inference. NeurIPS 2016. arXiv:1602.02311
    """

    def __init__(
        self, *, num_samples: int = 5, alpha: float = 0.5, gradient: Pathwise | None = None
    ) -> None:
        super().__init__(num_samples=num_samples, gradient=gradient)
        if not 0 <= alpha < 1:
            raise ValueError(f"Renyi: `alpha` must lie in [0, 1); received {alpha}")
        self.alpha = alpha

    def _bound(self, log_weights: tf.Tensor) -> tuple[tf.Tensor, Shares]:
        rest = 1 - self.alpha
        weights = normalized_weights(rest * log_weights)  # [S, B]
        doubly = self.alpha * weights + rest * tf.square(weights)
        return tfp.math.reduce_logmeanexp(rest * log_weights, axis=0) / rest, Shares(
            weights, weights, doubly
        )
