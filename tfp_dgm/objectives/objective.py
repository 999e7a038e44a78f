"""The seam between models and the ways of training them."""

from collections.abc import Callable
from typing import Any, NamedTuple

import tensorflow as tf
from tensorflow_probability import distributions as tfd

from tfp_dgm.distributions.same_space import require_same_space
from tfp_dgm.objectives.configuration import Configured

# A tensor, or a nested structure of tensors where the latents are of several layers.
Latents = Any
LogLikelihood = Callable[[Latents], tf.Tensor]


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


class Objective(Configured):
    """Maps a likelihood, a posterior and a prior to a `Bound`; knows no model and no Keras.

    Where an objective needs more (whether this is training, a learned baseline's value), it names
    it in `needs` and is given it as the keyword of that name; `LatentVariableModel.needed` says
    what there is. A subclass does its mathematics in `_evaluate`.
    """

    @property
    def needs(self) -> tuple[str, ...]:
        """Names of the further keywords that a call takes."""
        return ()

    def __call__(
        self,
        log_likelihood: LogLikelihood,
        posterior: tfd.Distribution,
        prior: tfd.Distribution,
        *,
        seed: tf.Tensor | None,
        **needed: Any,
    ) -> Bound:
        """Evaluates the objective.

        Args:
          log_likelihood: maps latents [S, B, ...] to log p(x | z), [S, B].
          posterior: q(z | x), batch shape [B]. Latents of several layers are one joint distribution
            over a nested structure, such as `tfd.JointDistributionSequential`.
          prior: p(z), batch shape [B] or [], over the same structure.
          seed: int32 [2], stateless; None only where nothing is drawn.
          **needed: what `needs` names.
        Returns:
          A `Bound`. Where its value is -inf, so is minus the loss, which then has no gradient.
        Raises:
          TypeError: if the keywords are not those that `needs` names.
          ValueError: if posterior and prior are over events of different shapes.
        """
        if set(needed) != set(self.needs):
            raise TypeError(
                f"{type(self).__name__}: takes the keywords {sorted(self.needs)} besides `seed`; "
                f"received {sorted(needed)}"
            )
        require_same_space(self, posterior, prior)
        bound = self._evaluate(log_likelihood, posterior, prior, seed, needed)
        # Where a weight of 0 spares the loss what is infinite, there is still something to learn.
        hopeless = tf.math.is_inf(bound.value) & ~tf.math.is_finite(bound.loss)
        loss = tf.where(hopeless, tf.stop_gradient(-bound.value), bound.loss)
        return bound._replace(loss=loss)

    def _evaluate(
        self,
        log_likelihood: LogLikelihood,
        posterior: tfd.Distribution,
        prior: tfd.Distribution,
        seed: tf.Tensor,
        needed: dict[str, Any],
    ) -> Bound:
        raise NotImplementedError


def at_least_one(objective: Objective, name: str, value: int) -> int:
    """The value of an argument; raises ValueError where it is less than 1."""
    if value < 1:
        raise ValueError(f"{type(objective).__name__}: `{name}` must be >= 1; received {value}")
    return value
