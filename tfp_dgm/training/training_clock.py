"""How long a training took, over all its sessions."""

import time
from typing import Any

import keras


class TrainingClock(keras.callbacks.Callback):
    """Counts the seconds of all epochs; given to `ResumeTraining`, those before a kill too.

    Attributes:
      seconds: of the epochs that are done.
    """

    state_names = ("seconds",)

    def __init__(self) -> None:
        super().__init__()
        self.seconds = 0.0
        self._start = 0.0

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self._start = time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self.seconds += time.perf_counter() - self._start
