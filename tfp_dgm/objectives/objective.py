"""The seam between models and the ways of training them."""

from collections.abc import Callable
from typing import Any, NamedTuple

import tensorflow as tf
from tensorflow_probability import distributions as tfd

LogLikelihood = Callable[[tf.Tensor], tf.Tensor]


class Bound(NamedTuple):
    """What an objective says of each example; every field float32, in nats.

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
    log_weights: tf.Tensor


class Objective:
    """Maps a likelihood, a posterior and a prior to a `Bound`; knows no model and no Keras.

    An objective is a plain configuration: its constructor's arguments come back from `get_config`.
    What training may change (a weight) is a `tf.Variable`, and comes back as training left it.
    """

    def __call__(
        self,
        log_likelihood: LogLikelihood,
        posterior: tfd.Distribution,
        prior: tfd.Distribution,
        *,
        seed: tf.Tensor,
    ) -> Bound:
        """Evaluates the objective.

        Args:
          log_likelihood: maps latents [S, B, ...] to log p(x | z), [S, B].
          posterior: q(z | x), batch shape [B].
          prior: p(z), batch shape [B] or [].
          seed: int32 [2], stateless.
        Returns:
          A `Bound`.
        """
        raise NotImplementedError

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        raise NotImplementedError

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "Objective":
        """The inverse of `get_config`."""
        return cls(**config)
