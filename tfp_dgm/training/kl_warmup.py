"""The KL weight, raised step by step."""

from tfp_dgm.training.objective_schedule import KLWeightSchedule
from tfp_dgm.training.schedules import Linear


class LinearKLWarmup(KLWeightSchedule):
    """Raises the objective's `kl_weight` from 0 to 1 over the first steps of training [1].

    Args:
      steps: training steps until the weight is 1.
    References:
      [1] Bowman et al. Generating Sentences from a Continuous Space. CoNLL 2016. arXiv:1511.06349
    """

    def __init__(self, steps: int) -> None:
        if steps < 1:
            raise ValueError(f"LinearKLWarmup: `steps` must be >= 1; received {steps}")
        super().__init__(Linear(steps))
