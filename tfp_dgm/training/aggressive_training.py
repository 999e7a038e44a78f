"""The inference network trained ahead of the decoder, so that it is not left behind."""

from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfp_dgm.evaluation import MutualInformation
from tfp_dgm.models.step_data import are_several_workers
from tfp_dgm.training.checks_at_start import (
    require_latent_variable_model,
    require_layers_of_model,
    require_measurable,
)


class AggressiveTraining(keras.callbacks.Callback):
    """Many steps of the inference network for each step of the decoder, at first [1].

    Before each batch of `fit` comes an inner loop: steps that move the inference network alone,
    each on a further batch of `batches`, until the mean loss over a window of them is above that of
    the window before or there have been `max_inner_steps`. The batch of `fit` then moves all other
    weights alone. It goes on so until the mutual information of example and latent, measured at the
    end of each epoch with the same noise, has fallen, or is `saturated` (see
    `evaluation.mutual_information`); from then on all weights move together, as usual. [1] has the
    first rule alone. At its limit log N the estimate is only noise around a constant, which may not
    fall for ever; and an inference network that tells almost each of the N examples from all others
    does not lag behind, which is all that the loops are for.

    The inner steps are no steps of `fit`: the optimizer's count, by which schedules go, and the
    logs are those of its batches alone. The epochs log, as `aggressive_inner_steps`, how many
    there were.

    It freezes and thaws weights (`weight.trainable`) around the model's one training step, of which
    there is one compiled version for each of the three ways to train; their gradients are computed
    for the moving weights only.

    Args:
      inference_network: its layers, such as `[model.encoder, model.posterior_layer]`.
      data: examples [N, ...] or batches of them as `fit` takes them, on which mutual information is
        measured; see `evaluation.mutual_information`.
      batches: number of an inner step, from 0 in a training -> training examples [B, ...], or a
        tuple of inputs, targets and weights as `fit` takes them.
      max_inner_steps: at most so many in a loop.
      window: steps over which losses are averaged and compared, 15 in [1]; a loop has two windows
        at least, unless `max_inner_steps` ends it.
      batch_length: where the examples of one batch are longer than those of another, and lose more
        for it: number of an inner step -> mean length of its batch's examples. Losses are then
        compared by the unit of length, as [1] does by the word.
    Raises:
      TypeError: at the start of training, if the model is no `LatentVariableModel`.
      ValueError: at the start of training, if the model runs several steps at a time or is trained
        by several workers, if a layer is not the model's, or if the data cannot be measured.
    References:
      [1] He, Spokoyny, Neubig and Berg-Kirkpatrick. Lagging Inference Networks and Posterior
        Collapse in Variational Autoencoders. ICLR 2019. arXiv:1901.05534
    """

    # What `ResumeTraining` brings back.
    state_names = ("active", "_information", "_taken")

    active: bool
    _information: float
    _taken: int  # Inner steps since the start of training.

    def __init__(
        self,
        inference_network: Sequence[keras.layers.Layer],
        data: Any,
        batches: Callable[[int], Any],
        *,
        max_inner_steps: int = 100,
        window: int = 3,
        batch_length: Callable[[int], float] | None = None,
    ) -> None:
        super().__init__()
        if not 1 <= window <= max_inner_steps:
            raise ValueError(
                "AggressiveTraining: needs 1 <= `window` <= `max_inner_steps`; received "
                f"window={window}, max_inner_steps={max_inner_steps}"
            )
        self.inference_network = list(inference_network)
        self.data = data
        self.batches = batches
        self.max_inner_steps = max_inner_steps
        self.window = window
        self.batch_length = batch_length

    def on_train_begin(self, logs: Any = None) -> None:
        model = require_latent_variable_model(self)
        if model.steps_per_execution != 1:
            raise ValueError(
                "AggressiveTraining: needs `steps_per_execution=1`; received "
                f"{model.steps_per_execution}"
            )
        with model.distribute_strategy.scope():
            if are_several_workers():
                raise ValueError("AggressiveTraining: its inner loops run in one process only")
        inner = require_layers_of_model(self, "inference_network", self.inference_network)
        model.build_optimizers()
        inside = {id(weight) for weight in inner}
        outer = [weight for weight in model.trainable_weights if id(weight) not in inside]
        self._frozen = {"inference": outer, "rest": inner, "all": []}
        self._trainable = model.trainable_weights
        self._steps: dict[str, Callable[..., Any]] = {"all": model.train_function}
        self._measure = MutualInformation(model)
        require_measurable(self, self.data, self._measure)
        self.active = True
        self._information = -np.inf
        self._taken = 0

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self._taken_before = self._taken

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        if not self.active:
            return self._move("all")
        self._move("inference")
        kept = [self.model.optimizer.iterations, *self.model.metrics_variables]
        values = [variable.numpy() for variable in kept]
        self._inner_loop()
        for variable, value in zip(kept, values, strict=True):
            variable.assign(value)
        return self._move("rest")

    def _inner_loop(self) -> None:
        last, total, length = np.inf, 0.0, 0.0
        for step in range(1, self.max_inner_steps + 1):
            total += self._inner_step(self.batches(self._taken))
            length += 1.0 if self.batch_length is None else self.batch_length(self._taken)
            self._taken += 1
            if step % self.window == 0:
                mean = total / length
                if mean > last:
                    return
                last, total, length = mean, 0.0, 0.0

    def _inner_step(self, batch: Any) -> float:
        """Moves the inference network once; the loss [nats] of an example of the batch."""
        batch = batch if isinstance(batch, tuple) else (batch,)
        (tracker,) = (metric for metric in self.model.metrics if metric.name == "loss")
        tracker.reset_state()
        self.model.train_function(iter([keras.tree.map_structure(tf.convert_to_tensor, batch)]))
        return float(tracker.result())

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self._freeze("all")  # Whoever saves the model now finds it as it was built.
        if logs is not None:
            logs["aggressive"] = float(self.active)
            logs["aggressive_inner_steps"] = float(self._taken - self._taken_before)
        if self.active:
            measured = self._measure(self.data)
            information = measured["mutual_information"]
            self.active = information >= self._information and not measured["saturated"]
            self._information = information

    def on_train_end(self, logs: Any = None) -> None:
        self._move("all")

    def _move(self, which: str) -> None:
        """Lets the next steps move these weights: "inference", "rest" or "all"."""
        self._freeze(which)
        if which not in self._steps:
            self.model.make_train_function(force=True)
            self._steps[which] = self.model.train_function
        self.model.train_function = self._steps[which]

    def _freeze(self, which: str) -> None:
        frozen = {id(weight) for weight in self._frozen[which]}
        for weight in self._trainable:
            weight.trainable = id(weight) not in frozen
