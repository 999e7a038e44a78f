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

    Raises:
      NonFiniteLossError: at the end of that batch.
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
        terms = {name: float(value) for name, value in (logs or {}).items()}
        last = ("bound", "loss")
        order = [name for name in terms if name not in last]
        order += [name for name in last if name in terms]
        bad = [name for name in order if not math.isfinite(terms[name])]
        if bad:
            raise NonFiniteLossError(self._message(batch, terms, order, bad))

    def _message(
        self, batch: int, terms: dict[str, float], order: list[str], bad: list[str]
    ) -> str:
        where = f"batch {batch}" if batch == self._begin else f"batches {self._begin} to {batch}"
        finite = ", ".join(f"{name}={terms[name]:.6g}" for name in order if name not in bad)
        parts = [name for name in order if name not in ("bound", "loss")]
        if set(parts) <= set(bad):
            hint = (
                "All terms at once: a gradient spoiled the weights one step earlier. Clip the "
                "gradients (`clipnorm=` of the optimizer) or lower the learning rate."
            )
        else:
            hint = f"The others, as means over the epoch so far: {finite}."
        step = int(self.model.optimizer.iterations.numpy())
        return (
            f"`{bad[0]}` is {terms[bad[0]]} after {where} of epoch {self._epoch} (both counted "
            f"from 0), step {step}. {hint}"
        )
