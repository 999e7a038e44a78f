"""The evidence lower bound of one categorical latent: enumerated, or sampled."""

from typing import Any

import tensorflow as tf
from tensorflow_probability import distributions as tfd

from tfp_dgm.objectives.objective import Bound, LogLikelihood, Objective


class EnumeratedELBO(Objective):
    """Exact expectation over a categorical latent of K values, with exact gradients.

        value[b] = sum_k q(k | x_b) (log p(x_b | k) + log p(k) - log q(k | x_b))

    With q equal to the true posterior this is the log-likelihood itself. Values to which q gives
    no probability (logit -inf: a class that an annotation rules out) contribute nothing, to the
    value and to the gradient.
    """

    def _evaluate(
        self,
        log_likelihood: LogLikelihood,
        posterior: tfd.Distribution,
        prior: tfd.Distribution,
        seed: tf.Tensor,
        needed: dict[str, Any],
    ) -> Bound:
        log_q = tf.math.log_softmax(posterior.logits_parameter())  # [B, K]
        num_values = log_q.shape[-1]
        batch = tf.shape(log_q)[:-1]
        column = tf.concat([[num_values], tf.ones_like(batch)], axis=0)
        values = tf.reshape(tf.range(num_values), column)  # [K, 1, ...]
        values = tf.broadcast_to(values, tf.concat([[num_values], batch], axis=0))  # [K, B]
        log_q = tf.experimental.numpy.moveaxis(log_q, -1, 0)  # [K, B]
        log_px = log_likelihood(values)  # [K, B]
        possible = tf.math.is_finite(log_q)
        # 0 (log p - -inf) would be NaN, in the gradient too: mask before multiplying.
        log_q = tf.where(possible, log_q, 0.0)
        q = tf.where(possible, tf.exp(log_q), 0.0)
        log_ratio = tf.where(possible, log_q - prior.log_prob(values), 0.0)
        reconstruction = tf.reduce_sum(q * tf.where(possible, log_px, 0.0), axis=0)  # [B]
        kl = tf.reduce_sum(q * log_ratio, axis=0)  # [B]
        value = reconstruction - kl
        log_weights = tf.where(possible, log_px - log_ratio, -float("inf"))
        return Bound(-value, value, reconstruction, kl, log_weights)


class ScoreFunctionELBO(Objective):
    """Sampled expectation over a latent that cannot be reparameterised, for many values.

    The gradient is the score-function estimator with the mean of the other draws as each draw's
    baseline (leave one out [1, 2]): unbiased, whatever the latent.

        loss[b] = -mean_s (w_sb + stop(w_sb - mean_{t != s} w_tb) log q(z_sb | x_b)),
        w_sb = log p(x_b | z_sb) + log p(z_sb) - log q(z_sb | x_b)

    Args:
      num_samples: S, at least 2.
    References:
      [1] Kool, van Hoof and Welling. Buy 4 REINFORCE Samples, Get a Baseline for Free! ICLR 2019
        workshop.
      [2] Mnih and Rezende. Variational Inference for Monte Carlo Objectives. ICML 2016.
        arXiv:1602.06725
    """

    def __init__(self, *, num_samples: int = 4) -> None:
        if num_samples < 2:
            raise ValueError(
                "ScoreFunctionELBO: `num_samples` must be >= 2, since each draw is compared with "
                f"the others; received {num_samples}"
            )
        self.num_samples = num_samples

    def _evaluate(
        self,
        log_likelihood: LogLikelihood,
        posterior: tfd.Distribution,
        prior: tfd.Distribution,
        seed: tf.Tensor,
        needed: dict[str, Any],
    ) -> Bound:
        z = tf.stop_gradient(posterior.sample(self.num_samples, seed=seed))  # [S, B, ...]
        log_q = posterior.log_prob(z)  # [S, B]
        log_px = log_likelihood(z)  # [S, B]
        log_ratio = log_q - prior.log_prob(z)  # [S, B]
        log_weights = log_px - log_ratio
        total = tf.reduce_sum(log_weights, axis=0)  # [B]
        others = (total - log_weights) / (self.num_samples - 1)  # [S, B]
        score = tf.stop_gradient(log_weights - others) * log_q
        # The value of the score term is taken off again: estimators change gradients only.
        surrogate = log_weights + score - tf.stop_gradient(score)
        reconstruction = tf.reduce_mean(log_px, axis=0)
        kl = tf.reduce_mean(log_ratio, axis=0)
        return Bound(
            loss=-tf.reduce_mean(surrogate, axis=0),
            value=reconstruction - kl,
            reconstruction=reconstruction,
            kl=kl,
            log_weights=log_weights,
        )
