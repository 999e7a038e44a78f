"""What an objective says of each example."""

from typing import NamedTuple

import tensorflow as tf


class Bound(NamedTuple):
    """What an objective says of each example; every field float32, in nats.

    Of an objective that bounds no log-likelihood (`Objective.bounds_log_likelihood`), `value` is
    what it maximises, `kl` its penalty on all latents together, and `log_weights` None.

    Attributes:
      loss: [B]; its gradient is the estimator's. Minimised.
      value: [B]; the lower bound on the log-likelihood with weight 1 on every term. Maximised.
      reconstruction: [B]; the expected log-likelihood under the posterior.
      kl: [B]; the divergence of the posterior from the prior (the rate).
      log_weights: [S, B]; log p(x, z) - log q(z | x) of the S draws (or enumerated values).
    """

    loss: tf.Tensor
    value: tf.Tensor
    reconstruction: tf.Tensor
    kl: tf.Tensor
    log_weights: tf.Tensor | None
