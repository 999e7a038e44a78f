"""Training stops where a loss is no longer a number, and says what was wrong first."""

import math
from typing import Any

import keras


class NonFiniteLossError(FloatingPointError):
    """A term of the loss is NaN or infinite; the message names it and the batch."""


class NonFiniteGuard(keras.callbacks.Callback):
    """Looks at the logged terms after each batch, and raises at the first that is not finite.

    The terms are looked at in the order in which they are computed: the model's parts, then the
    bound, then the loss. The logs are means over the epoch so far, which one bad batch spoils.
    Those of validation are looked at when the epoch ends.

    Raises:
      NonFiniteLossError: at the end of that batch, or of that epoch.
    """

    def __init__(self) -> None:
        super().__init__()
        self._epoch = 0
        self._begin = 0

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self._epoch = epoch

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        self._begin = batch

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        where = f"batch {batch}" if batch == self._begin else f"batches {self._begin} to {batch}"
        self._check(logs, "", f"after {where} of epoch {self._epoch} (both counted from 0)")

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self._check(logs, "val_", f"after epoch {epoch} (counted from 0)")

    def _check(self, logs: Any, prefix: str, where: str) -> None:
        terms = {n: float(v) for n, v in (logs or {}).items() if n.startswith(prefix)}
        last = (f"{prefix}bound", f"{prefix}loss")
        parts = [name for name in terms if name not in last]
        order = [*parts, *(name for name in last if name in terms)]
        bad = [name for name in order if not math.isfinite(terms[name])]
        if not bad:
            return
        remedy = "Clip the gradients (`clipnorm=` of the optimizer) or lower the learning rate."
        if not set(parts) <= set(bad):
            others = (f"{name}={terms[name]:.6g}" for name in order if name not in bad)
            hint = f"The others, as means over the epoch so far: {', '.join(others)}."
        elif parts:
            hint = f"All terms at once: a gradient spoiled the weights one step earlier. {remedy}"
        else:
            hint = (
                "It has no parts that would tell whether the data are at fault or a gradient that "
                f"spoiled the weights one step earlier. {remedy}"
            )
        step = int(self.model.optimizer.iterations.numpy())
        raise NonFiniteLossError(f"`{bad[0]}` is {terms[bad[0]]} {where}, step {step}. {hint}")
