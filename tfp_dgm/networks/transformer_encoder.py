"""The Transformer as an encoder of texts."""

from typing import Any

import keras
import tensorflow as tf

from tfp_dgm.networks.sequence_encoder import SequenceEncoder, masked_mean
from tfp_dgm.networks.transformer_decoder import sinusoids


@keras.saving.register_keras_serializable(package="tfp_dgm")
class TransformerEncoder(SequenceEncoder):
    """Self-attention over all tokens, then (but for `return_sequences`) the mean over them.

    Args:
      vocabulary_size: V.
      units: D; even.
      num_layers: blocks, each normalised before its parts.
      num_heads: divides D.
      **kwargs: see `SequenceEncoder`.
    """

    def __init__(
        self,
        vocabulary_size: int,
        units: int = 256,
        *,
        num_layers: int = 2,
        num_heads: int = 4,
        **kwargs: Any,
    ) -> None:
        super().__init__(vocabulary_size, units, **kwargs)
        if units % 2 or num_layers < 1:
            raise ValueError(
                "TransformerEncoder: `units` must be even and `num_layers` >= 1; "
                f"received {units} and {num_layers}"
            )
        self.num_layers = num_layers
        self.num_heads = num_heads
        self.attention = [
            self._attention(units, f"attention_{i}", num_heads=num_heads) for i in range(num_layers)
        ]

    def _build(self) -> None:
        self.input_map = self._dense(self.units, self.embedding_units, "input")
        self.norms, self.hidden, self.outer = [], [], []
        for i in range(self.num_layers):
            self.attention[i].build((None, self.units))
            self.norms.append([self._norm(self.units, f"norm_{i}_{part}") for part in range(2)])
            width = 4 * self.units
            self.hidden.append(self._dense(width, self.units, f"hidden_{i}", activation="gelu"))
            self.outer.append(self._dense(self.units, width, f"outer_{i}"))
        self.last_norm = self._norm(self.units, "last_norm")

    def _encode(self, x: tf.Tensor, mask: tf.Tensor, training: bool) -> tf.Tensor:
        positions = sinusoids(tf.range(tf.shape(x)[1]), self.units, self.compute_dtype)
        x = self.input_map(x) + positions  # [B, T, D]
        for i in range(self.num_layers):
            inner = self.norms[i][0](x)
            keys, values = self.attention[i].keys_and_values(inner)
            x = x + self.attention[i](inner, keys, values, mask[:, tf.newaxis])
            x = x + self.outer[i](self.hidden[i](self.norms[i][1](x)))
        x = self.last_norm(x)
        return x if self.return_sequences else masked_mean(x, mask)
