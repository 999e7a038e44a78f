"""The state and the log of a run, kept in its folder."""

from collections.abc import Sequence
from typing import Any

import keras

from tfp_dgm.data import DataError, RunFolder, atomic_write, write_json
from tfp_dgm.training.resume_training import STATE, ResumeTraining
from tfp_dgm.training.workers import Workers

HISTORY = "history.json"


class RunState(ResumeTraining):
    """`ResumeTraining` in a run's folder, whose `history.json` has each epoch's figures.

    Args:
      run: the claimed folder.
      callbacks: see `ResumeTraining`.
      workers: who train together; all of them resume from the chief's state.
    Raises:
      DataError: see `ResumeTraining`; also where the saved state is of another model, since the
        data or the program are others than before.
    """

    def __init__(
        self,
        run: RunFolder,
        *,
        callbacks: Sequence[keras.callbacks.Callback] = (),
        workers: Workers | None = None,
    ) -> None:
        if workers is not None:
            _share_state(run, workers)
        super().__init__(run.state, callbacks=callbacks)
        self.run = run

    def _restore(self) -> None:
        try:
            super()._restore()
        except ValueError as error:
            raise DataError.at(
                self.run.path, f"the data or the program are others than before: {error}"
            ) from error
        if self.epoch:
            self._write_history()  # A kill may have come between the state and this.

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        super().on_epoch_end(epoch, logs)
        self._write_history()

    def _write_history(self) -> None:
        write_json(self.run.path / HISTORY, self.history)


def _share_state(run: RunFolder, workers: Workers) -> None:
    path = run.state / STATE
    known = path.read_bytes() if workers.is_chief and path.exists() else b""
    content = workers.from_chief(known)
    if content and not workers.is_chief:
        path.parent.mkdir(exist_ok=True)
        with atomic_write(path) as file:
            file.write(content)
