"""Training that goes on after a kill as if there had been none."""

import io
import json
import os
import tempfile
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np

from tfp_dgm.data import DataError, atomic_write
from tfp_dgm.training.checks_at_start import require_latent_variable_model
from tfp_dgm.training.objective_schedule import objective_variables

STATE = "training_state.npz"
# What Keras's own callbacks remember from epoch to epoch.
_STATE_NAMES = {
    keras.callbacks.EarlyStopping: ("wait", "best", "best_epoch", "best_weights"),
    keras.callbacks.ReduceLROnPlateau: ("wait", "best", "cooldown_counter"),
}


class ResumeTraining(keras.callbacks.Callback):
    """Saves everything that training depends on after each epoch, and starts from there.

    That is, beyond what `keras.callbacks.BackupAndRestore` saves: the state of every seed generator
    (dropout's too), the objective's variables (KL weight, temperatures, multipliers) and what other
    callbacks remember. With data whose order follows from the epoch's number (`batch_stream`,
    `text.BucketedBatches`), a resumed training gives the same numbers as an uninterrupted one, to
    the last bit.

        resume = ResumeTraining(folder, callbacks=[stopping])
        model.fit(..., initial_epoch=resume.epoch, callbacks=[stopping, ..., resume])

    It stands last in the list of callbacks. The file is replaced as a whole: a kill while it is
    written leaves the one before.

    Args:
      directory: of the file `training_state.npz`; made where it is missing.
      callbacks: whose state to save too: Keras's `EarlyStopping` and `ReduceLROnPlateau`, and those
        with an attribute `state_names`, which names what they remember.
    Attributes:
      epoch: how many epochs are done; 0 at first.
      history: the logs of each of them.
      stopped: whether a callback (early stopping) ended the training after the last of them; give
        `fit` no further `epochs` then.
    Raises:
      DataError: if the file cannot be read; at the start of training, if the folder cannot be
        written to.
      TypeError: at the start of training, if the model is no `LatentVariableModel`.
      ValueError: at the start of training, if it is of another model, optimizer or objective, or if
        one of `callbacks` does not stand before it in the list of callbacks.
    """

    def __init__(
        self,
        directory: str | os.PathLike[str],
        *,
        callbacks: Sequence[keras.callbacks.Callback] = (),
    ) -> None:
        super().__init__()
        self.path = Path(directory) / STATE
        self.callbacks = list(callbacks)
        for callback in self.callbacks:
            if not _state_names(callback):
                raise ValueError(
                    "ResumeTraining: each of `callbacks` must have `state_names`; received "
                    f"{type(callback).__name__}"
                )
        self._arrays: dict[str, np.ndarray] = {}
        self._saved: dict[str, Any] = {"epoch": 0, "history": [], "stopped": False, "callbacks": []}
        if self.path.exists():
            self._read()
        self.epoch: int = self._saved["epoch"]
        self.history: list[dict[str, float]] = self._saved["history"]
        self.stopped: bool = self._saved["stopped"]

    def restore(self, model: keras.Model) -> None:
        """Brings a model to the state of the last saved epoch, without `fit`."""
        self.set_model(model)
        self._restore()

    def on_train_begin(self, logs: Any = None) -> None:
        require_latent_variable_model(self)
        for callback in self.callbacks:
            missing = [name for name in _state_names(callback) if not hasattr(callback, name)]
            if missing:
                raise ValueError(
                    f"ResumeTraining: each of `callbacks` must stand before it among the callbacks "
                    f"of `fit`; {type(callback).__name__} has no {missing[0]!r} yet"
                )
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=self.path.parent):
                pass
        except OSError as error:
            raise DataError.at(self.path.parent, f"cannot be written to: {error}") from error
        self._restore()

    def _restore(self) -> None:
        self.model.build_optimizers()
        if self.epoch == 0:
            return
        variables = self._variables()
        saved = {name for name in self._arrays if not name.startswith("callbacks/")}
        if saved != variables.keys():
            missing, extra = sorted(variables.keys() - saved), sorted(saved - variables.keys())
            raise ValueError(
                f"ResumeTraining: {self.path} is of another model, optimizer or objective: it "
                f"lacks {missing[:3]} and has {extra[:3]} besides"
            )
        for name, variable in variables.items():
            value = self._arrays[name]
            if value.shape != tuple(variable.shape):
                raise ValueError(
                    f"ResumeTraining: {self.path} has {name} in the shape {value.shape}; the model "
                    f"has it in {tuple(variable.shape)}"
                )
            variable.assign(value)
        self._restore_callbacks()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self.epoch = epoch + 1
        self.history.append({name: float(value) for name, value in (logs or {}).items()})
        arrays = {name: _array(variable) for name, variable in self._variables().items()}
        states = []
        for index, callback in enumerate(self.callbacks):
            state = {name: getattr(callback, name) for name in _state_names(callback)}
            weights = state.pop("best_weights", None) or []
            arrays |= {f"callbacks/{index}/{i}": value for i, value in enumerate(weights)}
            states.append({name: _plain(value) for name, value in state.items()})
        self.stopped = bool(self.model.stop_training)
        saved = {
            "epoch": self.epoch,
            "history": self.history,
            "stopped": self.stopped,
            "callbacks": states,
        }
        # All workers come here, since to read some variables is to ask all for them.
        if self.model.distribute_strategy.extended.should_checkpoint:
            self._write(arrays, saved)

    def _variables(self) -> dict[str, Any]:
        """Everything that training changes, by place.

        Keras numbers the models of a process, so that paths differ where models do not.
        """
        of_optimizers = {
            f"{name}/{index}": variable
            for name, optimizer in self.model.named_optimizers.items()
            for index, variable in enumerate(optimizer.variables)
        }
        of_objectives = {
            f"{name}/{path}": variable
            for name, objective in self.model.named_objectives.items()
            for path, variable in objective_variables(objective).items()
        }
        return {
            **{f"model/{index}/{v.name}": v for index, v in enumerate(self.model.variables)},
            **of_optimizers,
            **of_objectives,
        }

    def _restore_callbacks(self) -> None:
        states = self._saved["callbacks"]
        if len(states) != len(self.callbacks):
            raise ValueError(
                f"ResumeTraining: {self.path} has the state of {len(states)} callbacks; received "
                f"{len(self.callbacks)}"
            )
        callbacks: list[Any] = self.callbacks  # Keras names no common type with `best_weights`.
        for index, (callback, state) in enumerate(zip(callbacks, states, strict=True)):
            for name, value in state.items():
                setattr(callback, name, value)
            head = f"callbacks/{index}/"
            count = sum(name.startswith(head) for name in self._arrays)
            if count:
                callback.best_weights = [self._arrays[f"{head}{i}"] for i in range(count)]

    def _write(self, arrays: dict[str, np.ndarray], saved: dict[str, Any]) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        # Names of weights may hold what names of files must not.
        names = list(arrays)
        numbered = {str(index): arrays[name] for index, name in enumerate(names)}
        text = json.dumps({**saved, "names": names}).encode()
        with atomic_write(self.path) as file:
            np.savez(file, **{"saved": np.frombuffer(text, np.uint8), **numbered})  # type: ignore[arg-type]

    def _read(self) -> None:
        try:
            with np.load(io.BytesIO(self.path.read_bytes()), allow_pickle=False) as archive:
                self._saved = json.loads(archive["saved"].tobytes())
                names = self._saved.pop("names")
                self._arrays = {name: archive[str(index)] for index, name in enumerate(names)}
        except (OSError, EOFError, ValueError, KeyError, zipfile.BadZipFile) as error:
            raise DataError.at(self.path, f"holds no state of a training: {error}") from error


def _state_names(callback: keras.callbacks.Callback) -> tuple[str, ...]:
    for kind, names in _STATE_NAMES.items():
        if isinstance(callback, kind):
            return names
    return getattr(callback, "state_names", ())


def _array(variable: Any) -> np.ndarray:
    """The variable's value, of the first replica where there are several."""
    value = variable.numpy()
    # bfloat16 has no place in the file, and every bit of it has one in float32.
    return value.astype(np.float32) if value.dtype.name == "bfloat16" else value


def _plain(value: Any) -> Any:
    """A number, a list of numbers, a string or None, as JSON can hold them."""
    return value.tolist() if isinstance(value, np.ndarray | np.generic) else value
