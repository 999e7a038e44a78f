"""A bound whose gradient is that of something else."""

import tensorflow as tf

from tfp_dgm.objectives.objective import Bound


def surrogate_bound(
    surrogate: tf.Tensor,
    log_px: tf.Tensor,
    log_ratio: tf.Tensor,
    kl: tf.Tensor | None = None,
) -> Bound:
    """The ELBO of draws, with the gradient of a surrogate.

    Args:
      surrogate: [B]; only its gradient counts. Finite.
      log_px: [S, B]; log p(x | z).
      log_ratio: [S, B]; log q(z | x) - log p(z).
      kl: [B]; by default the mean of `log_ratio`.
    """
    reconstruction = tf.reduce_mean(log_px, axis=0)  # [B]
    kl = tf.reduce_mean(log_ratio, axis=0) if kl is None else kl  # [B]
    value = reconstruction - kl
    return Bound(
        loss=tf.stop_gradient(surrogate - value) - surrogate,
        value=value,
        reconstruction=reconstruction,
        kl=kl,
        log_weights=log_px - log_ratio,
    )
