"""A variable of the objective, moved by a schedule."""

from collections.abc import Iterator, Mapping
from typing import Any

import keras
import tensorflow as tf

from tfp_dgm.objectives import Configured
from tfp_dgm.training.checks_at_start import require_latent_variable_model
from tfp_dgm.training.schedules import Schedule


class ObjectiveSchedule(keras.callbacks.Callback):
    """Sets a variable of the objective before each step, and logs it at the end of the epoch.

        variable <- schedule(step),    step = number of steps the optimizer has made

    The count of steps is saved with the optimizer, so that a resumed training goes on in the right
    place. With `steps_per_execution` of n, the variable moves every n steps.

    Args:
      variable: its name: "kl_weight", or a dotted path to the variable of a part, as in
        "rate.multiplier" or "control_variates.0.average".
      schedule: one of `training.schedules` or of `keras.optimizers.schedules`.
    Raises:
      TypeError: if the schedule is no function of the step; at the start of training, if the model
        is no `LatentVariableModel`.
      ValueError: at the start of training, if the objective has no such variable.
    """

    def __init__(self, variable: str, schedule: Schedule) -> None:
        super().__init__()
        if not callable(schedule) or isinstance(schedule, type):
            raise TypeError(
                f"{type(self).__name__}: `schedule` must be a function of the step, such as "
                f"Linear(10_000), or Constant(0.5) for one value; received {schedule!r}"
            )
        self.variable = variable
        self.schedule = schedule

    def on_train_begin(self, logs: Any = None) -> None:
        self._target()

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        step = int(self.model.optimizer.iterations.numpy())
        self._target().assign(float(self.schedule(step)))

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        if logs is not None:
            logs[self.variable] = float(self._target().numpy())

    def _target(self) -> tf.Variable:
        return objective_variable(self, self.variable)


class KLWeightSchedule(ObjectiveSchedule):
    """Anneals the weight of the divergence in the loss: `ObjectiveSchedule` of "kl_weight"."""

    def __init__(self, schedule: Schedule) -> None:
        super().__init__("kl_weight", schedule)


def objective_variable(callback: keras.callbacks.Callback, path: str) -> tf.Variable:
    """The variable of the objective that a callback works on.

    Raises:
      TypeError: if the model is no `LatentVariableModel`.
      ValueError: if the objective has no such variable.
    """
    objective = require_latent_variable_model(callback).objective
    known = objective_variables(objective)
    target = known.get(path, getattr(objective, path, None))
    if not isinstance(target, tf.Variable):
        raise ValueError(
            f"{type(callback).__name__}: works on one of {type(objective).__name__}'s variables "
            f"{sorted(known)}; there is no {path!r}"
        )
    return target


def objective_variables(objective: Configured) -> dict[str, tf.Variable]:
    """The variables of an objective and of its parts, by dotted path; parts in a list by place."""
    return dict(_variables(vars(objective)))


def _variables(values: Mapping[str, Any]) -> Iterator[tuple[str, tf.Variable]]:
    for name, value in values.items():
        if isinstance(value, tf.Variable):
            yield name, value
            continue
        parts = {}
        if isinstance(value, Configured):
            parts = vars(value)
        elif isinstance(value, list | tuple):
            parts = {str(place): part for place, part in enumerate(value)}
        for path, variable in _variables(parts):
            yield f"{name}.{path}", variable
