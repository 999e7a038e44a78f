"""Values that depend on the training step: for KL weights, temperatures, and the like.

A schedule is a function of the step; those of Keras (`keras.optimizers.schedules`, of which
`ExponentialDecay` is the usual one of a temperature) serve as well.
"""

import math
from dataclasses import dataclass

import keras


@dataclass(frozen=True)
class Constant:
    """The same value at every step."""

    value: float

    def __call__(self, step: int) -> float:
        return self.value


@dataclass(frozen=True)
class Linear:
    """From `start` to `stop` in a straight line over `steps`, and `stop` from then on [1].

        value = start + (stop - start) min(1, step / steps)

    References:
      [1] Sonderby et al. Ladder Variational Autoencoders. NeurIPS 2016. arXiv:1602.02282
    """

    steps: int
    start: float = 0.0
    stop: float = 1.0

    def __post_init__(self) -> None:
        _positive(self, "steps", self.steps)

    def __call__(self, step: int) -> float:
        return self.start + (self.stop - self.start) * min(1.0, step / self.steps)


@dataclass(frozen=True)
class Sigmoid:
    """From 0 to `stop` in the shape of a logistic function [1].

        value = stop / (1 + exp(-(step - midpoint) / width))

    Attributes:
      midpoint: the step at which the value is half of `stop`.
      width: steps; after six of them on either side, the value is within 0.003 `stop` of its end.
      stop: the end.

    References:
      [1] Bowman et al. Generating Sentences from a Continuous Space. CoNLL 2016. arXiv:1511.06349
    """

    midpoint: float
    width: float
    stop: float = 1.0

    def __post_init__(self) -> None:
        _positive(self, "width", self.width)

    def __call__(self, step: int) -> float:
        return 0.5 * self.stop * (1.0 + math.tanh((step - self.midpoint) / (2.0 * self.width)))


@dataclass(frozen=True)
class Cyclical:
    """From 0 to `stop` again and again, and `stop` after the last cycle [1].

        value = stop min(1, t / ramp),    t = (step mod period) / period

    Attributes:
      period: steps in a cycle.
      cycles: how many.
      ramp: share of a cycle in which the value rises; it is `stop` in the rest.
      stop: the end of each cycle.

    References:
      [1] Fu et al. Cyclical Annealing Schedule: A Simple Approach to Mitigating KL Vanishing.
        NAACL 2019. arXiv:1903.10145
    """

    period: int
    cycles: int = 4
    ramp: float = 0.5
    stop: float = 1.0

    def __post_init__(self) -> None:
        _positive(self, "period", self.period)
        _positive(self, "cycles", self.cycles)
        if not 0.0 < self.ramp <= 1.0:
            raise ValueError(f"Cyclical: `ramp` must be in (0, 1]; received {self.ramp}")

    def __call__(self, step: int) -> float:
        if step >= self.cycles * self.period:
            return self.stop
        return self.stop * min(1.0, (step % self.period) / (self.ramp * self.period))


Schedule = Constant | Linear | Sigmoid | Cyclical | keras.optimizers.schedules.LearningRateSchedule


def _positive(schedule: object, name: str, value: float) -> None:
    if value <= 0:
        raise ValueError(f"{type(schedule).__name__}: `{name}` must be positive; received {value}")
