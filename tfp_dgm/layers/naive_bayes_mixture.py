"""Mixtures of bags of words as a layer."""

from typing import Any

import keras
import tensorflow as tf
from tensorflow_probability import distributions as tfd

from tfp_dgm import distributions
from tfp_dgm.layers.constraints import COUNTS, Constraint
from tfp_dgm.layers.seeded_prior import SeededPrior


@keras.saving.register_keras_serializable(package="tfp_dgm")
class NaiveBayesMixture(SeededPrior):
    """Counts of V words (`units` = V) from one of K distributions; the logits are weights.

    See `distributions.NaiveBayesMixture` for the density.

    Args:
      units: V.
      num_components: K.
      seed: see `SeededPrior`.
      **kwargs: see `DistributionLayer`.
    """

    def __init__(
        self, units: int, num_components: int, *, seed: int | None = None, **kwargs: Any
    ) -> None:
        super().__init__(units, seed=seed, **kwargs)
        self._require_positive("num_components", num_components)
        self.num_components = num_components

    def _shapes(self) -> dict[str, tuple[tuple[int, ...], float]]:
        return {
            "component_logits": ((self.num_components,), 0.1),
            "word_logits": ((self.num_components, self.units), 0.5),
        }

    def _distribution(self) -> tfd.Distribution:
        return distributions.NaiveBayesMixture(
            tf.convert_to_tensor(self.component_logits), tf.convert_to_tensor(self.word_logits)
        )

    @property
    def support(self) -> Constraint:
        return COUNTS
