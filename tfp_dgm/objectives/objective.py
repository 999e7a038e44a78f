"""The seam between models and the ways of training them."""

import numbers
from typing import Any, ClassVar

import tensorflow as tf

from tfp_dgm.objectives.bound import Bound
from tfp_dgm.objectives.configuration import Configured
from tfp_dgm.objectives.joint import Joint, LackingPartError


class Objective(Configured):
    """Maps the `Joint` of a batch to a `Bound`; knows no model and no Keras.

    A subclass does its mathematics in `_evaluate`, and asks the joint for what it needs.

    Attributes:
      bounds_log_likelihood: whether `value` is a bound on log p(x), and `kl` the divergence of each
        posterior. Else logs call them by the names of `log_names`.
    """

    bounds_log_likelihood: ClassVar[bool] = True

    @property
    def log_names(self) -> dict[str, str]:
        """What logs call "bound" and "kl" where they are something else."""
        return {}

    def __call__(self, joint: Joint, *, seed: tf.Tensor | None) -> Bound:
        """Evaluates the objective.

        Args:
          joint: prior, posterior and likelihood of a batch of B examples.
          seed: int32 [2], stateless; None only where nothing is drawn.
        Returns:
          A `Bound`. Where its value is -inf, so is minus the loss, which then has no gradient.
        Raises:
          NotImplementedError: if the model lacks what the objective asks for; names both.
          ValueError: if posterior and prior are over events of different shapes.
        """
        try:
            bound = self._evaluate(joint, seed)
        except LackingPartError as lacking:
            raise NotImplementedError(f"{lacking}, which {type(self).__name__} asks for") from None
        # Where a weight of 0 spares the loss what is infinite, there is still something to learn.
        hopeless = tf.math.is_inf(bound.value) & ~tf.math.is_finite(bound.loss)
        loss = tf.where(hopeless, tf.stop_gradient(-bound.value), bound.loss)
        return bound._replace(loss=loss)

    def _evaluate(self, joint: Joint, seed: tf.Tensor | None) -> Bound:
        raise NotImplementedError


def at_least_one(objective: Objective, name: str, value: int) -> int:
    """The value of an argument; raises ValueError where it is no whole number or less than 1."""
    if not isinstance(value, numbers.Integral) or isinstance(value, bool):
        raise ValueError(
            f"{type(objective).__name__}: `{name}` must be a whole number; received {value!r}"
        )
    if value < 1:
        raise ValueError(f"{type(objective).__name__}: `{name}` must be >= 1; received {value}")
    return value


def require_part(objective: Objective, name: str, value: Any, kind: type[Configured]) -> None:
    """Raises TypeError where an argument that is a part of an objective is none of its kind."""
    if not isinstance(value, kind):
        raise TypeError(
            f"{type(objective).__name__}: `{name}` must be a {kind.__name__}, an object and not "
            f"its name or class; received {value!r}"
        )
