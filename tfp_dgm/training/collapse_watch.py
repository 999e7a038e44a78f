"""Whether the latent is used, seen at every epoch."""

from collections.abc import Callable
from typing import Any

import keras

from tfp_dgm.evaluation import ActiveUnits, MutualInformation
from tfp_dgm.training.checks_at_start import require_latent_variable_model, require_measurable

ADVICE = """What helps, from the cheapest on:
  - raise the KL weight slowly, once or in cycles: KLWeightSchedule(Linear(...)), (Cyclical(...))
  - give the divergence some nats free of charge: ELBO(rate=FreeBits(...)), or demand a rate:
    ELBO(rate=MinimumDesiredRate(...))
  - weaken the decoder: more word dropout, fewer units
  - keep the posterior's means apart: BatchNormalizedNormalDiag
  - start from an autoencoder: AutoencoderPretraining with free bits
  - train the inference network ahead of the decoder: AggressiveTraining
  - refine each posterior by gradient steps: SemiAmortized(ELBO(...))"""


class CollapseWatch(keras.callbacks.Callback):
    """Measures rate, mutual information and active units after each epoch, and speaks up.

    The numbers join the epoch's logs, for the history and for TensorBoard (which must stand after
    it in the list of callbacks): `rate`, `mutual_information` and `mutual_information_limit`, in
    nats, and `active_units`. The limit is log N, which no estimate from N examples exceeds; that an
    estimate has come near it is said once.
    The rate is the mean divergence from the prior, the sum of the mutual information and of the
    divergence of the aggregated posterior [1].

    Args:
      data: a sample of some hundred held-out examples [N, ...], or batches of them as `fit` takes
        them, such as `text.BucketedBatches(rows, 32)`; the cost grows with N^2. See
        `evaluation.mutual_information`, whose estimate log N limits.
      least_information: mutual information, in nats, below which the posterior counts as collapsed.
        It alone decides: how many units are active depends on the latent's scale, which on the unit
        sphere is small whatever the latent tells.
      say: takes each message; printed by default.
    Raises:
      TypeError: at the start of training, if the model is no `LatentVariableModel`.
      ValueError: at the start of training, if the data cannot be measured.
    References:
      [1] Hoffman and Johnson. ELBO Surgery. NeurIPS 2016 workshop on advances in approximate
        Bayesian inference.
    """

    state_names = ("collapsed", "saturated")

    def __init__(
        self,
        data: Any,
        *,
        least_information: float = 0.1,
        say: Callable[[str], None] = print,
    ) -> None:
        super().__init__()
        self.data = data
        self.least_information = least_information
        self.say = say

    def on_train_begin(self, logs: Any = None) -> None:
        self.collapsed = self.saturated = False
        model = require_latent_variable_model(self)
        self._information = MutualInformation(model)
        self._units = ActiveUnits(model)
        require_measurable(self, self.data, self._information, self._units)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        information, units = self._information(self.data), self._units(self.data)
        numbers = {
            "rate": information["mutual_information"] + information["marginal_kl"],
            "mutual_information": information["mutual_information"],
            "mutual_information_limit": information["upper_limit"],
            "active_units": float(units["active_units"]),
        }
        if logs is not None:
            logs.update(numbers)
        before = self.collapsed
        self.collapsed = numbers["mutual_information"] < self.least_information
        if self.collapsed != before:
            self.say(self._message(epoch, numbers, units["units"]))
        if information["saturated"] and not self.saturated:
            self.saturated = True
            self.say(
                f"Epoch {epoch + 1}: the mutual information, {numbers['mutual_information']:.2f} "
                f"nats, has come to what {information['num_examples']} examples can show (at most "
                f"{information['upper_limit']:.2f} nats). It may be larger: take more examples."
            )

    def _message(self, epoch: int, numbers: dict[str, float], units: int) -> str:
        figures = (
            f"rate {numbers['rate']:.2f} nats, mutual information "
            f"{numbers['mutual_information']:.2f} nats, {numbers['active_units']:.0f} of {units} "
            "units active"
        )
        if not self.collapsed:
            return f"Epoch {epoch + 1}: the latent is used again ({figures})."
        return (
            f"Epoch {epoch + 1}: the posterior has collapsed ({figures}). The latent tells "
            "next to nothing of its example, and the decoder does without it. While the KL weight "
            f"is still rising, this may pass.\n{ADVICE}"
        )
