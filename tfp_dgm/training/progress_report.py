"""How far a training is, told to whoever shows it."""

from typing import Any

import keras

from tfp_dgm.progress import Progress


class ProgressReport(keras.callbacks.Callback):
    """Tells how many batches are done, those of earlier epochs with them.

    Args:
      progress: told the step's name, the batches done, and all there are.
      step: the name.
      batches: of an epoch.
      epochs: of the whole training, those before a resumption with them.
    """

    def __init__(self, progress: Progress, step: str, *, batches: int, epochs: int) -> None:
        super().__init__()
        self.progress = progress
        self.step = step
        self.batches = batches
        self.total = batches * epochs
        self.done_before = 0

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self.done_before = epoch * self.batches

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self.progress(self.step, self.done_before + batch + 1, self.total)
