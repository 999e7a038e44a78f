"""The KL weight, raised step by step."""

from typing import Any

import keras


class LinearKLWarmup(keras.callbacks.Callback):
    """Raises the objective's `kl_weight` from 0 to 1 over the first steps of training [1].

    Args:
      steps: training steps until the weight is 1.
    References:
      [1] Bowman et al. Generating Sentences from a Continuous Space. CoNLL 2016. arXiv:1511.06349
    """

    def __init__(self, steps: int) -> None:
        super().__init__()
        if steps < 1:
            raise ValueError(f"LinearKLWarmup: `steps` must be >= 1; received {steps}")
        self.steps = steps

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        done = int(self.model.optimizer.iterations.numpy())
        self.model.objective.kl_weight.assign(min(1.0, done / self.steps))
