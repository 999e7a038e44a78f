"""The evidence lower bound of a latent that can be reparameterised."""

import functools

import tensorflow as tf

from tfp_dgm.distributions.divergence import divergence
from tfp_dgm.objectives.bound import Bound
from tfp_dgm.objectives.draws import Draws
from tfp_dgm.objectives.impossible_draws import zero_where_infinite
from tfp_dgm.objectives.joint import Joint
from tfp_dgm.objectives.objective import Objective, at_least_one, require_part
from tfp_dgm.objectives.pathwise import (
    Pathwise,
    StickingTheLanding,
    require_reparameterized,
)
from tfp_dgm.objectives.rate import Rate, kl_per_dimension


class ELBO(Objective):
    """Evidence lower bound with pathwise gradients [1].

        value[b] = mean_s log p(x_b | z_sb) - KL(q(z | x_b) || p(z))
        loss[b]  = -mean_s log p(x_b | z_sb) + kl_weight rate(KL(q(z | x_b) || p(z)))

    Args:
      num_samples: S.
      analytic_kl: use the closed form of the divergence. Where false, or where TFP registers no
        closed form for the pair, the divergence is estimated from the same draws.
      kl_weight: factor of the divergence in `loss` (the beta of a beta-VAE [2]), kept as the
        non-trainable variable `kl_weight` so that a schedule reaches the compiled step. It never
        enters `value`.
      gradient: `Pathwise()`, or `StickingTheLanding()`, for which the divergence's gradient
        is estimated from the draws.
      rate: what the divergence is replaced by in `loss`, against collapse of the posterior:
        `FreeBits(...)`, `MinimumDesiredRate(...)`, or None for the divergence itself.
    Raises:
      ValueError: if the posterior cannot be reparameterised; for `StickingTheLanding` beside a
        rate per dimension, whose divergences are closed forms, not estimates.
    References:
      [1] Kingma and Welling. Auto-Encoding Variational Bayes. ICLR 2014. arXiv:1312.6114
      [2] Higgins et al. beta-VAE: Learning Basic Visual Concepts with a Constrained Variational
        Framework. ICLR 2017.
    """

    def __init__(
        self,
        *,
        num_samples: int = 1,
        analytic_kl: bool = True,
        kl_weight: float = 1.0,
        gradient: Pathwise | None = None,
        rate: Rate | None = None,
    ) -> None:
        self.num_samples = at_least_one(self, "num_samples", num_samples)
        self.analytic_kl = analytic_kl
        self.kl_weight = tf.Variable(kl_weight, trainable=False, dtype=tf.float32, name="kl_weight")
        self.gradient = Pathwise() if gradient is None else gradient
        require_part(self, "gradient", self.gradient, Pathwise)
        self.rate = rate
        if rate is not None:
            require_part(self, "rate", rate, Rate)
        if rate is not None and rate.is_per_dimension and isinstance(gradient, StickingTheLanding):
            raise ValueError(
                "ELBO: `gradient=StickingTheLanding()` needs a rate of the whole latent, such as "
                f"FreeBits(nats, group_size=None); received {rate!r}"
            )

    def _evaluate(self, joint: Joint, seed: tf.Tensor) -> Bound:
        posterior, prior = joint.posterior, joint.prior
        require_reparameterized(self, posterior)
        z, log_q = posterior.experimental_sample_and_log_prob(self.num_samples, seed=seed)
        draws = Draws.of(joint, z, log_q)
        if self.analytic_kl:
            kl = divergence(posterior, prior, lambda: draws.mean_log_ratio)
        else:
            kl = draws.mean_log_ratio
        weighted = kl
        if isinstance(self.gradient, StickingTheLanding):
            of_draws = self.gradient.log_posterior(posterior, z, log_q) - draws.log_pz
            estimate = tf.reduce_mean(zero_where_infinite(of_draws), axis=0)  # [B]
            weighted = tf.stop_gradient(kl - estimate) + estimate
        if self.rate is not None:
            per_dimension = functools.partial(kl_per_dimension, posterior, prior)
            weighted = self.rate(weighted, per_dimension, training=joint.training)
        weighted = tf.math.multiply_no_nan(weighted, self.kl_weight)
        return draws.bound(kl=kl, loss=weighted - draws.mean_log_px)
