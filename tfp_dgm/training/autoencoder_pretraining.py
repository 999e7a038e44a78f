"""An encoder pretrained as an autoencoder's, before the decoder starts anew."""

from collections.abc import Sequence
from typing import Any

import keras

from tfp_dgm.training.checks_at_start import require_layers_of_model
from tfp_dgm.training.objective_schedule import objective_variable


class AutoencoderPretraining(keras.callbacks.Callback):
    """Trains without the KL term for some epochs, then resets the decoder [1].

    At the end of the pretraining the decoder's weights and the optimizer's state are again what
    they were at the start of training, the optimizer's count of steps among it, so that schedules
    begin there. The encoder keeps what it has learned. [1] goes on with free bits and annealing,
    which are the objective's and a `KLWeightSchedule`'s business.

    Stands after any `KLWeightSchedule` in the list of callbacks, whose value it overrides in the
    pretraining, and before `ResumeTraining`.

    Args:
      epochs: of pretraining; they count among those of `fit`.
      decoder: the layers to reset: decoder, likelihood, and a learned prior.
    Raises:
      TypeError: at the start of training, if the model is no `LatentVariableModel`.
      ValueError: at the start of training, if the objective has no `kl_weight`, or if a layer is
        not the model's.
    References:
      [1] Li et al. A Surprisingly Effective Fix for Deep Latent Variable Modeling of Text.
        EMNLP 2019. arXiv:1909.00868
    """

    def __init__(self, epochs: int, decoder: Sequence[keras.layers.Layer]) -> None:
        super().__init__()
        if epochs < 1:
            raise ValueError(f"AutoencoderPretraining: `epochs` must be >= 1; received {epochs}")
        if not decoder:
            raise ValueError("AutoencoderPretraining: `decoder` must name layers; received none")
        self.epochs = epochs
        self.decoder = list(decoder)
        self._pretraining = False

    def on_train_begin(self, logs: Any = None) -> None:
        self._kl_weight = objective_variable(self, "kl_weight")
        require_layers_of_model(self, "decoder", self.decoder)
        self.model.build_optimizers()
        weights = [weight for layer in self.decoder for weight in layer.weights]
        optimizers = self.model.named_optimizers.values()
        state = [variable for optimizer in optimizers for variable in optimizer.variables]
        self._start = [(variable, variable.numpy()) for variable in weights + state]
        self._start.append((self._kl_weight, self._kl_weight.numpy()))

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self._pretraining = epoch < self.epochs
        if epoch == self.epochs:
            for variable, value in self._start:
                variable.assign(value)

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        if self._pretraining:
            self._kl_weight.assign(0.0)
