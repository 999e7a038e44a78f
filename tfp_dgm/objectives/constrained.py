"""An objective under limits on what its latent may use."""

from collections.abc import Sequence

import tensorflow as tf

from tfp_dgm.objectives.bound import Bound
from tfp_dgm.objectives.configuration import Configured
from tfp_dgm.objectives.joint import Joint
from tfp_dgm.objectives.objective import Objective


class AtMost(Configured):
    """A constraint amount <= limit on the mean over the batch, by a Lagrangian multiplier [1].

        term[b] = multiplier (amount_b - limit),
        multiplier <- max(0, multiplier + learning_rate (mean_b amount_b - limit))  in training

    As of `MinimumDesiredRate`, the ascent is the multiplier's own, and the model's optimizer does
    not see it. ([1] grows it exponentially, by a moving average of the excess.)

    Args:
      amount: the name of one of the joint's `amounts`.
      limit: how much of it there may be; >= 0.
      learning_rate: of the multiplier's ascent, per unit of excess; so slow that the model first
        learns what it is about to lose.
      multiplier: where the ascent starts, in nats.
    References:
      [1] Bastings, Aziz and Titov. Interpretable Neural Predictions with Differentiable Binary
        Variables. ACL 2019. arXiv:1905.08160
    """

    def __init__(
        self, amount: str, limit: float, *, learning_rate: float = 0.002, multiplier: float = 0.0
    ) -> None:
        if limit < 0:
            raise ValueError(f"AtMost: `limit` must be >= 0; received {limit}")
        self.amount = amount
        self.limit = float(limit)
        self.learning_rate = learning_rate
        self.multiplier = tf.Variable(
            multiplier,
            trainable=False,
            dtype=tf.float32,
            aggregation=tf.VariableAggregation.MEAN,  # Replicas see different parts of a batch.
            name="multiplier",
        )

    def __call__(self, joint: Joint) -> tf.Tensor:
        """The term of the loss, [B], nats.

        Raises:
          ValueError: if the joint has no such amount; names those that it has.
        """
        if self.amount not in joint.amounts:
            raise ValueError(
                f"AtMost: `amount` must be one of {sorted(joint.amounts)}; received {self.amount!r}"
            )
        amount = joint.amounts[self.amount]
        multiplier = tf.convert_to_tensor(self.multiplier)
        if joint.training:
            excess = tf.reduce_mean(tf.stop_gradient(amount)) - self.limit
            self.multiplier.assign(tf.maximum(0.0, multiplier + self.learning_rate * excess))
        return multiplier * (amount - self.limit)


class Constrained(Objective):
    """Another objective, whose loss pays for what the latent uses beyond limits.

        loss[b] = loss of `objective`[b] + sum_i limits_i[b]

    The amounts are expectations, in closed form where there is one, so that they add no noise to
    the gradient. The bound's value knows nothing of the limits.

    Args:
      objective: what is optimised within the limits.
      limits: on the joint's `amounts`.
    Raises:
      TypeError: if a limit is no `AtMost`.
    """

    def __init__(self, objective: Objective, limits: Sequence[AtMost]) -> None:
        self.objective = objective
        self.limits = list(limits)
        for limit in self.limits:
            if not isinstance(limit, AtMost):
                raise TypeError(f"Constrained: `limits` must be AtMosts; received {limit!r}")

    def _evaluate(self, joint: Joint, seed: tf.Tensor | None) -> Bound:
        bound = self.objective(joint, seed=seed)
        return bound._replace(loss=tf.add_n([bound.loss, *(limit(joint) for limit in self.limits)]))
