"""What encoders and decoders of texts share: the making of their layers."""

from typing import Any

import keras

from tfp_dgm.networks.attention import Attention
from tfp_dgm.saved_arguments import SavesArguments


class SequenceLayer(SavesArguments, keras.layers.Layer):
    """Makes layers of its own policy, as trainable as itself, which Keras hands on to none.

    All but attention are built at once, so that saving finds their weights.
    """

    built: bool

    def _dense(self, units: int, from_units: int, name: str, **kwargs: Any) -> keras.layers.Dense:
        dense = keras.layers.Dense(
            units, dtype=self.dtype_policy, trainable=self.trainable, name=name, **kwargs
        )
        dense.build((None, from_units))
        return dense

    def _norm(self, units: int, name: str) -> keras.layers.LayerNormalization:
        norm = keras.layers.LayerNormalization(
            dtype=self.dtype_policy, trainable=self.trainable, name=name
        )
        norm.build((None, units))
        return norm

    def _attention(self, units: int, name: str, **kwargs: Any) -> Attention:
        return Attention(
            units, dtype=self.dtype_policy, trainable=self.trainable, name=name, **kwargs
        )
