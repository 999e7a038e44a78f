"""The evidence lower bound of a latent that can be reparameterised."""

from typing import Any

import tensorflow as tf
from tensorflow_probability import distributions as tfd

from tfp_dgm.objectives.objective import Bound, LogLikelihood, Objective


class ELBO(Objective):
    """Evidence lower bound with pathwise gradients [1].

        value[b] = mean_s log p(x_b | z_sb) - KL(q(z | x_b) || p(z))
        loss[b]  = -mean_s log p(x_b | z_sb) + kl_weight KL(q(z | x_b) || p(z))

    Args:
      num_samples: S.
      analytic_kl: use the closed form of the divergence. Where false, or where TFP registers no
        closed form for the pair, the divergence is estimated from the same draws.
      kl_weight: factor of the divergence in `loss`, kept as the non-trainable variable `kl_weight`
        so that a schedule reaches the compiled step. It never enters `value`.
    Raises:
      ValueError: if the posterior cannot be reparameterised.
    References:
      [1] Kingma and Welling. Auto-Encoding Variational Bayes. ICLR 2014. arXiv:1312.6114
    """

    def __init__(
        self, *, num_samples: int = 1, analytic_kl: bool = True, kl_weight: float = 1.0
    ) -> None:
        if num_samples < 1:
            raise ValueError(f"ELBO: `num_samples` must be >= 1; received {num_samples}")
        self.num_samples = num_samples
        self.analytic_kl = analytic_kl
        self.kl_weight = tf.Variable(kl_weight, trainable=False, dtype=tf.float32, name="kl_weight")

    def __call__(
        self,
        log_likelihood: LogLikelihood,
        posterior: tfd.Distribution,
        prior: tfd.Distribution,
        *,
        seed: tf.Tensor,
    ) -> Bound:
        if posterior.reparameterization_type != tfd.FULLY_REPARAMETERIZED:
            raise ValueError(
                f"ELBO: needs a posterior that can be reparameterised; received {posterior}. "
                "EnumeratedELBO and ScoreFunctionELBO take discrete latents."
            )
        z, log_q = posterior.experimental_sample_and_log_prob(self.num_samples, seed=seed)
        log_ratio = log_q - prior.log_prob(z)  # [S, B]
        log_px = log_likelihood(z)  # [S, B]
        reconstruction = tf.reduce_mean(log_px, axis=0)  # [B]
        kl = self._divergence(posterior, prior, log_ratio)
        return Bound(
            loss=self.kl_weight * kl - reconstruction,
            value=reconstruction - kl,
            reconstruction=reconstruction,
            kl=kl,
            log_weights=log_px - log_ratio,
        )

    def _divergence(
        self, posterior: tfd.Distribution, prior: tfd.Distribution, log_ratio: tf.Tensor
    ) -> tf.Tensor:
        if self.analytic_kl:
            try:
                return tfd.kl_divergence(posterior, prior)
            except NotImplementedError:  # TFP registers no closed form for this pair.
                pass
        return tf.reduce_mean(log_ratio, axis=0)

    def get_config(self) -> dict[str, Any]:
        return {
            "num_samples": self.num_samples,
            "analytic_kl": self.analytic_kl,
            "kl_weight": float(self.kl_weight.numpy()),
        }
