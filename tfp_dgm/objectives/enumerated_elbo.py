"""Bounds on discrete latents of few values, each value visited."""

from typing import Any

import tensorflow as tf
from tensorflow_probability import distributions as tfd

from tfp_dgm.objectives.impossible_draws import (
    expectation,
    normalized_weights,
    zero_where_infinite,
)
from tfp_dgm.objectives.objective import Bound, LogLikelihood, Objective
from tfp_dgm.objectives.support import enumerated


class EnumeratedELBO(Objective):
    """Exact expectation over a discrete latent of few values, with exact gradients.

        value[b] = sum_k q(k | x_b) (log p(x_b | k) + log p(k) - log q(k | x_b))

    With q equal to the true posterior this is the log-likelihood itself. Values to which q gives
    no probability (logit -inf: a class that an annotation rules out) contribute nothing, to the
    value and to the gradient. Latents: one class, or several classes or binary variables, in one
    layer or several, if they have no more than 65,536 values together.

    Raises:
      ValueError: if the posterior is of another kind.
    """

    def _evaluate(
        self,
        log_likelihood: LogLikelihood,
        posterior: tfd.Distribution,
        prior: tfd.Distribution,
        seed: tf.Tensor,
        needed: dict[str, Any],
    ) -> Bound:
        values, log_q = enumerated(posterior)  # [K, B, ...], [K, B]
        log_px = log_likelihood(values)  # [K, B]
        possible = tf.math.is_finite(log_q)
        # 0 (log p - -inf) would be NaN, in the gradient too: mask before multiplying.
        log_q = tf.where(possible, log_q, 0.0)
        q = tf.where(possible, tf.exp(log_q), 0.0)
        log_ratio = tf.where(possible, log_q - prior.log_prob(values), 0.0)
        reconstruction = expectation(q, tf.where(possible, log_px, 0.0))  # [B]
        kl = expectation(q, log_ratio)  # [B]
        value = reconstruction - kl
        log_weights = tf.where(possible, log_px - log_ratio, -float("inf"))
        return Bound(-value, value, reconstruction, kl, log_weights)


class ExactMarginal(Objective):
    """The log-likelihood itself, of a discrete latent of few values.

        value[b] = log sum_k p(x_b | k) p(k)

    over the values k to which q gives any probability; q is not used, nor trained, otherwise.
    `reconstruction` and `kl` are those of the true posterior, whose log-weights are all log p(x).

    Raises:
      ValueError: as for `EnumeratedELBO`.
    """

    def _evaluate(
        self,
        log_likelihood: LogLikelihood,
        posterior: tfd.Distribution,
        prior: tfd.Distribution,
        seed: tf.Tensor,
        needed: dict[str, Any],
    ) -> Bound:
        values, log_q = enumerated(posterior)  # [K, B, ...], [K, B]
        log_px = log_likelihood(values)  # [K, B]
        possible = tf.math.is_finite(log_q)
        log_joint = tf.where(possible, log_px + prior.log_prob(values), -float("inf"))
        value = tf.reduce_logsumexp(log_joint, axis=0)  # [B]
        true = normalized_weights(log_joint)  # [K, B]
        reconstruction = expectation(true, tf.where(possible, log_px, 0.0))
        log_weights = tf.where(possible, value, -float("inf"))
        surrogate = tf.reduce_sum(tf.stop_gradient(true) * zero_where_infinite(log_joint), axis=0)
        loss = tf.stop_gradient(surrogate - value) - surrogate
        return Bound(loss, value, reconstruction, reconstruction - value, log_weights)
