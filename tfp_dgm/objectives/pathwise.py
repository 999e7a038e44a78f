"""Gradients through the draws of a posterior that can be reparameterised."""

from collections.abc import Callable
from typing import NamedTuple

import tensorflow as tf
from tensorflow_probability import distributions as tfd

from tfp_dgm.objectives.configuration import Configured
from tfp_dgm.objectives.event_axes import as_rank, sum_over_event
from tfp_dgm.objectives.joint import Latents
from tfp_dgm.objectives.objective import Objective


class Shares(NamedTuple):
    """By how much each draw's log-weight counts, in the gradient of each set of parameters.

    Attributes:
      model: [S, B]; d bound / d log_weights, for the parameters of p(x, z).
      posterior: [S, B]; the same for those of q(z | x), where the gradient goes through log q too.
      doubly: [S, B]; for those of q(z | x) where the part through log q is reparameterised once
        more: `posterior` less its own derivative in the draw's log-weight.
    """

    model: tf.Tensor
    posterior: tf.Tensor
    doubly: tf.Tensor


class Pathwise(Configured):
    """The bound's own derivative: through the draws, and through the parameters in log q."""

    def log_posterior(self, posterior: tfd.Distribution, z: Latents, log_q: tf.Tensor) -> tf.Tensor:
        """log q(z | x) of the draws z, [S, B], whose gradient is the estimator's."""
        return log_q

    def posterior_share(self, shares: Shares) -> tf.Tensor:
        """The share [S, B] that counts for the parameters of q."""
        return shares.posterior


class StickingTheLanding(Pathwise):
    """Through the draws only: the score of q is left out [1].

    Its expectation is zero in the ELBO, which leaves the gradient unbiased, and without any
    variance where q is the true posterior. In an importance-weighted bound of K > 1 draws the
    score's expectation is not zero: the gradient is biased, and `DoublyReparameterized` is the
    unbiased one.

    References:
      [1] Roeder, Wu and Duvenaud. Sticking the Landing: Simple, Lower-Variance Gradient Estimators
        for Variational Inference. NeurIPS 2017. arXiv:1703.09194
    """

    def log_posterior(self, posterior: tfd.Distribution, z: Latents, log_q: tf.Tensor) -> tf.Tensor:
        return path_log_prob(posterior, z)


class DoublyReparameterized(StickingTheLanding):
    """The score of q reparameterised once more: unbiased for every bound (DReG [1]).

    For the importance-weighted bound with normalised weights w_s, the gradient of q's parameters is

        sum_s w_s^2 (d log w(z_s) / d z_s) (d z_s / d phi),

    whose signal-to-noise ratio grows with the number of draws, where that of `Pathwise` falls. That
    of p's parameters is the same. For the ELBO it is `StickingTheLanding`.

    References:
      [1] Tucker, Lawson, Gu and Maddison. Doubly Reparameterized Gradient Estimators for Monte
        Carlo Objectives. ICLR 2019. arXiv:1810.04152
    """

    def posterior_share(self, shares: Shares) -> tf.Tensor:
        return shares.doubly


def require_reparameterized(objective: Objective, posterior: tfd.Distribution) -> None:
    """Raises ValueError if any layer of the posterior cannot be reparameterised."""
    types = tf.nest.flatten(posterior.reparameterization_type)
    if any(kind != tfd.FULLY_REPARAMETERIZED for kind in types):
        raise ValueError(
            f"{type(objective).__name__}: needs a posterior that can be reparameterised; received "
            f"{posterior}. EnumeratedELBO and ScoreFunctionELBO take discrete latents."
        )


def path_log_prob(posterior: tfd.Distribution, z: Latents) -> tf.Tensor:
    """log q(z), [S, B], with a gradient to z and none to q's parameters.

    The derivative in z is taken here, and the result is linear in z: unlike a copy of the
    distribution with stopped parameters, this serves where parameters are out of reach (the
    networks of a flow).
    """
    fixed = tf.nest.map_structure(tf.stop_gradient, z)
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(tf.nest.flatten(fixed))
        log_q = posterior.log_prob(fixed)  # [S, B]
    slopes = tape.gradient(log_q, tf.nest.flatten(fixed))
    result = tf.stop_gradient(log_q)
    for value, start, slope in zip(tf.nest.flatten(z), tf.nest.flatten(fixed), slopes, strict=True):
        change = tf.stop_gradient(slope) * (value - start)  # [S, B, ...]; its value is 0.
        result += sum_over_event(change, log_q.shape.rank)
    return result


def scale_gradient(z: Latents, factor: Callable[[], tf.Tensor]) -> Latents:
    """z itself, whose incoming gradient [S, B, ...] is multiplied by the factor [S, B].

    The factor is asked for on the way back, so that it may depend on what became of z.
    """

    @tf.custom_gradient
    def identity(value: tf.Tensor) -> tuple[tf.Tensor, Callable[[tf.Tensor], tf.Tensor]]:
        def gradient(upstream: tf.Tensor) -> tf.Tensor:
            return as_rank(factor(), upstream) * upstream

        return tf.identity(value), gradient

    return tf.nest.map_structure(identity, z)
