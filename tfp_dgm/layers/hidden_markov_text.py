"""Hidden Markov models of texts as a layer."""

from typing import Any

import keras
import tensorflow as tf
from tensorflow_probability import distributions as tfd

from tfp_dgm import distributions
from tfp_dgm.layers.hidden_markov_layer import HiddenMarkovLayer
from tfp_dgm.layers.over_texts import OverTexts


@keras.saving.register_keras_serializable(package="tfp_dgm")
class HiddenMarkovText(OverTexts, HiddenMarkovLayer):
    """Texts written by a hidden Markov chain; its K (K + V + 1) logits are weights.

    See `distributions.HiddenMarkovText` for the density.

    Args:
      vocabulary_size: V.
      num_states: K.
      max_length: tokens of a draw, END included.
      seed: see `HiddenMarkovLayer`.
      **kwargs: see `DistributionLayer`.
    """

    def __init__(
        self,
        vocabulary_size: int,
        num_states: int,
        max_length: int,
        *,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        self._require_positive("vocabulary_size", vocabulary_size)
        super().__init__(vocabulary_size, num_states, seed=seed, **kwargs)
        self._require_positive("max_length", max_length)
        self.max_length = max_length

    @property
    def vocabulary_size(self) -> int:
        return self.units

    def _shapes(self) -> dict[str, tuple[tuple[int, ...], float]]:
        states = self.num_states
        return {
            "initial_logits": ((states,), 1.0),
            "transition_logits": ((states, states), 1.0),
            "emission_logits": ((states, self.vocabulary_size), 1.0),
        }

    def _distribution(self) -> tfd.Distribution:
        return distributions.HiddenMarkovText(
            tf.convert_to_tensor(self.initial_logits),
            tf.convert_to_tensor(self.transition_logits),
            tf.convert_to_tensor(self.emission_logits),
            max_length=self.max_length,
        )
