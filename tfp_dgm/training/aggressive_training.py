"""The inference network trained ahead of the decoder, so that it is not left behind."""

from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np

from tfp_dgm.evaluation import MutualInformation
from tfp_dgm.training.checks_at_start import (
    require_latent_variable_model,
    require_layers_of_model,
    require_measurable,
)


class AggressiveTraining(keras.callbacks.Callback):
    """Many steps of the inference network for each step of the decoder, at first [1].

    A round is: steps that move the inference network alone, until the mean loss over a window of
    them is above that of the window before or there have been `max_inner_steps`; then one step that
    moves all other weights alone. Rounds go on until the mutual information of example and latent,
    measured at the end of each epoch with the same noise, has fallen, or is `saturated` (see
    `evaluation.mutual_information`); from then on all weights move together, as usual. [1] has the
    first rule alone. At its limit log N the estimate is only noise around a constant, which may not
    fall for ever; and an inference network that tells almost each of the N examples from all others
    does not lag behind, which is all that the rounds are for.

    The steps of a round take their batches from `fit`, one each, where [1] draws extra ones: an
    epoch costs no more than any other, and has fewer steps of the decoder, one a round. Many epochs
    here are one of [1]. `window` decides how many steps a round has, two windows at least: 15 in
    [1], and shorter by default, for the decoder's sake. The optimizer's count of steps, by which
    schedules go, counts them all.

    It freezes and thaws weights (`weight.trainable`) around the model's one training step, of which
    there is one compiled version for each of the three ways to train; their gradients are computed
    for the moving weights only.

    Args:
      inference_network: its layers, such as `[model.encoder, model.posterior_layer]`.
      data: examples [N, ...] or batches of them as `fit` takes them, on which mutual information is
        measured; see `evaluation.mutual_information`.
      max_inner_steps: at most so many steps of the inference network in a round.
      window: steps over which losses are averaged and compared.
      batch_length: where the examples of one batch are longer than those of another, and lose more
        for it: number of a batch in its epoch -> mean length of its examples. Losses are then
        compared by the unit of length, as [1] does by the word.
    Raises:
      TypeError: at the start of training, if the model is no `LatentVariableModel`.
      ValueError: at the start of training, if the model runs several steps at a time, if a layer is
        not the model's, or if the data cannot be measured.
    References:
      [1] He, Spokoyny, Neubig and Berg-Kirkpatrick. Lagging Inference Networks and Posterior
        Collapse in Variational Autoencoders. ICLR 2019. arXiv:1901.05534
    """

    # What `ResumeTraining` brings back.
    state_names = (
        *("active", "_information", "_inner_steps"),
        *("_window_steps", "_window_loss", "_window_length", "_last_mean"),
    )

    active: bool
    _information: float
    _inner_steps: int  # Done in this round; -1 where the step of the others is next.
    _window_steps: int
    _window_loss: float
    _window_length: float
    _last_mean: float

    def __init__(
        self,
        inference_network: Sequence[keras.layers.Layer],
        data: Any,
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
        inner = require_layers_of_model(self, "inference_network", self.inference_network)
        if not model.optimizer.built:
            model.optimizer.build(model.trainable_variables)
        inside = {id(weight) for weight in inner}
        outer = [weight for weight in model.trainable_weights if id(weight) not in inside]
        self._frozen = {"inference": outer, "rest": inner, "all": []}
        self._trainable = model.trainable_weights
        self._steps: dict[str, Callable[..., Any]] = {"all": model.train_function}
        self._measure = MutualInformation(model)
        require_measurable(self, self.data, self._measure)
        self.active = True
        self._information = -np.inf
        self._start_round()

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self._rounds = 0

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        if not self.active:
            return self._move("all")
        self._total, self._count = self._loss_so_far()
        return self._move("rest" if self._inner_steps < 0 else "inference")

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        if not self.active:
            return
        if self._inner_steps < 0:  # That was the decoder's step.
            self._rounds += 1
            self._start_round()
            return
        total, count = self._loss_so_far()
        self._window_loss += (total - self._total) / max(count - self._count, 1e-12)
        self._window_length += 1.0 if self.batch_length is None else self.batch_length(batch)
        self._window_steps += 1
        self._inner_steps += 1
        done = self._inner_steps >= self.max_inner_steps
        if self._window_steps == self.window:
            mean = self._window_loss / self._window_length
            done = done or mean > self._last_mean
            self._start_window(mean)
        if done:
            self._inner_steps = -1

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self._freeze("all")  # Whoever saves the model now finds it as it was built.
        if logs is not None:
            logs["aggressive"] = float(self.active)
            logs["aggressive_rounds"] = float(self._rounds)
        if self.active:
            measured = self._measure(self.data)
            information = measured["mutual_information"]
            self.active = information >= self._information and not measured["saturated"]
            self._information = information

    def on_train_end(self, logs: Any = None) -> None:
        self._move("all")

    def _start_round(self) -> None:
        self._inner_steps = 0
        self._start_window(np.inf)

    def _start_window(self, last_mean: float) -> None:
        self._last_mean = last_mean
        self._window_steps = 0
        self._window_loss = self._window_length = 0.0

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

    def _loss_so_far(self) -> tuple[float, float]:
        (tracker,) = (metric for metric in self.model.metrics if metric.name == "loss")
        return float(tracker.total.numpy()), float(tracker.count.numpy())
