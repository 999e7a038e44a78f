"""Importance-weighted bounds: several draws, one tighter bound."""

import tensorflow as tf
import tensorflow_probability as tfp

from tfp_dgm.objectives.bound import Bound
from tfp_dgm.objectives.draws import Draws
from tfp_dgm.objectives.impossible_draws import normalized_weights, zero_where_infinite
from tfp_dgm.objectives.joint import Joint
from tfp_dgm.objectives.objective import Objective, at_least_one, require_part
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
        self.gradient = Pathwise() if gradient is None else gradient
        require_part(self, "gradient", self.gradient, Pathwise)

    def _evaluate(self, joint: Joint, seed: tf.Tensor) -> Bound:
        posterior = joint.posterior
        require_reparameterized(self, posterior)
        z, log_q = posterior.experimental_sample_and_log_prob(self._num_draws(), seed=seed)
        ratios: list[tf.Tensor] = []
        # Where p and q share the draw's log-weight differently, the gradient that comes from p is
        # brought from p's share to q's on its way into the draw.
        routed = scale_gradient(z, lambda: ratios[0])
        draws = Draws.of(joint, routed, log_q)
        shares = Shares(*map(tf.stop_gradient, self._shares(draws.log_weights)))
        of_posterior = self.gradient.posterior_share(shares)  # [S, B]
        of_model = tf.maximum(shares.model, _LEAST_SHARE)
        ratios.append(of_posterior / of_model)
        surrogate = tf.reduce_sum(
            of_model * zero_where_infinite(draws.log_joint)
            - of_posterior * self.gradient.log_posterior(posterior, z, log_q),
            axis=0,
        )  # [B]
        return draws.bound(lambda draws: self._value(draws.log_weights), surrogate=surrogate)

    def _num_draws(self) -> int:
        """S, the draws of one example."""
        return self.num_samples

    def _value(self, log_weights: tf.Tensor) -> tf.Tensor:
        """The bound [B] of the log-weights [S, B]."""
        return tfp.math.reduce_logmeanexp(log_weights, axis=0)

    def _shares(self, log_weights: tf.Tensor) -> Shares:
        """The shares of the log-weights [S, B] in the bound's gradients."""
        weights = normalized_weights(log_weights)  # [S, B]
        return Shares(weights, weights, tf.square(weights))


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

    def _value(self, log_weights: tf.Tensor) -> tf.Tensor:
        bounds = tfp.math.reduce_logmeanexp(self._groups(log_weights), axis=1)  # [M, B]
        return tf.reduce_mean(bounds, axis=0)

    def _shares(self, log_weights: tf.Tensor) -> Shares:
        weights = normalized_weights(self._groups(log_weights), axis=1)  # [M, K, B]
        weights = tf.reshape(weights, tf.shape(log_weights))  # [S, B]
        share, doubly = weights / self.num_bounds, tf.square(weights) / self.num_bounds
        return Shares(share, share, doubly)

    def _groups(self, log_weights: tf.Tensor) -> tf.Tensor:
        """[S, B] -> [M, K, B]."""
        shape = [[self.num_bounds, self.num_samples], tf.shape(log_weights)[1:]]
        return tf.reshape(log_weights, tf.concat(shape, axis=0))


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

    def _value(self, log_weights: tf.Tensor) -> tf.Tensor:
        return tfp.math.reduce_logmeanexp(log_weights, axis=0)

    def _shares(self, log_weights: tf.Tensor) -> Shares:
        return super()._shares(log_weights)._replace(model=normalized_weights(log_weights))


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

    def _value(self, log_weights: tf.Tensor) -> tf.Tensor:
        elbo = tf.reduce_mean(log_weights, axis=0)
        weighted = super()._value(log_weights)
        return tf.math.multiply_no_nan(elbo, self.beta) + tf.math.multiply_no_nan(
            weighted, 1 - self.beta
        )

    def _shares(self, log_weights: tf.Tensor) -> Shares:
        shares, even = super()._shares(log_weights), self.beta / self.num_samples
        share = even + (1 - self.beta) * shares.model
        doubly = even + (1 - self.beta) * shares.doubly
        return Shares(share, share, doubly)


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

    def _value(self, log_weights: tf.Tensor) -> tf.Tensor:
        rest = 1 - self.alpha
        return tfp.math.reduce_logmeanexp(rest * log_weights, axis=0) / rest

    def _shares(self, log_weights: tf.Tensor) -> Shares:
        rest = 1 - self.alpha
        weights = normalized_weights(rest * log_weights)  # [S, B]
        return Shares(weights, weights, self.alpha * weights + rest * tf.square(weights))
