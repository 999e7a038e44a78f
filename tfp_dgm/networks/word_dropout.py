"""Words hidden from a network in training."""

from typing import Any

import keras
import tensorflow as tf

from tfp_dgm.saved_arguments import SavesArguments
from tfp_dgm.token_ids import PAD, START, UNKNOWN


@keras.saving.register_keras_serializable(package="tfp_dgm")
class WordDropout(SavesArguments, keras.layers.Layer):
    """Replaces tokens by UNKNOWN in training [1]; START and PAD stay.

    Args:
      rate: share of the tokens, between 0 and 1.
      seed: int or None.
    References:
      [1] Bowman et al. Generating Sentences from a Continuous Space. CoNLL 2016. arXiv:1511.06349
    """

    def __init__(self, rate: float, *, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if not 0 <= rate <= 1:
            raise ValueError(f"WordDropout: `rate` must lie in [0, 1]; received {rate}")
        self.rate = rate
        self.seed = seed
        if rate:  # Without noise there is no state to save.
            self.seed_generator = keras.random.SeedGenerator(seed)
        self.built = True

    def call(self, token_ids: tf.Tensor, training: bool = False) -> tf.Tensor:
        if not training or not self.rate:
            return token_ids
        noise = keras.random.uniform(tf.shape(token_ids), seed=self.seed_generator)
        hidden = (noise < self.rate) & (token_ids != START) & (token_ids != PAD)
        return tf.where(hidden, UNKNOWN, token_ids)
