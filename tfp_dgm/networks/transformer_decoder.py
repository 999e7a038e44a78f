"""The Transformer as a decoder."""

from typing import Any

import keras
import tensorflow as tf

from tfp_dgm.networks.sequence_decoder import Memory, SequenceDecoder, State


@keras.saving.register_keras_serializable(package="tfp_dgm")
class TransformerDecoder(SequenceDecoder):
    """Causal self-attention [1] with the norm before each part; keys and values kept in steps.

        x_t = W e_t + position_t + C z;   x += attention(norm x);   x += attention to the memory;
        x += MLP(norm x)

    Positions are sinusoids, so that no length is too long. With skip connections, the projected
    conditioning is added before every block, not the first only.

    Args:
      vocabulary_size: V.
      units: D; even.
      num_layers: blocks.
      num_heads: divides D.
      **kwargs: see `SequenceDecoder`; `dropout` also acts on all that each block adds.
    References:
      [1] Vaswani et al. Attention Is All You Need. NeurIPS 2017. arXiv:1706.03762
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
        super().__init__(vocabulary_size, **kwargs)
        if units < 2 or units % 2 or num_layers < 1:
            raise ValueError(
                "TransformerDecoder: `units` must be even and `num_layers` >= 1; "
                f"received {units} and {num_layers}"
            )
        self.units = units
        self.num_layers = num_layers
        self.num_heads = num_heads
        layers = range(num_layers)
        self.self_attention = [
            self._attention(units, f"self_{i}", num_heads=num_heads) for i in layers
        ]
        self.memory_attention = [
            self._attention(units, f"memory_{i}", num_heads=num_heads)
            for i in layers
            if self.memory_units
        ]
        self.residual_dropout = [self._dropout_layer(f"dropout_{i}", 5 + i) for i in layers]

    @property
    def output_units(self) -> int:
        return self.units

    def _build(self) -> None:
        self.input_map = self._dense(self.units, self.embedding_units, "input")
        self.condition_maps, self.hidden, self.outer = [], [], []
        self.self_norms, self.memory_norms, self.mlp_norms = [], [], []
        for i in range(self.num_layers):
            if self.conditioning_units and (i == 0 or self.skip_connections):
                self.condition_maps.append(
                    self._dense(
                        self.units, self.conditioning_units, f"condition_{i}", use_bias=False
                    )
                )
            self.self_attention[i].build((None, self.units))
            self.self_norms.append(self._norm(self.units, f"self_norm_{i}"))
            if self.memory_units:
                self.memory_attention[i].build((None, self.units), (None, self.memory_units))
                self.memory_norms.append(self._norm(self.units, f"memory_norm_{i}"))
            self.mlp_norms.append(self._norm(self.units, f"mlp_norm_{i}"))
            width = 4 * self.units
            self.hidden.append(self._dense(width, self.units, f"hidden_{i}", activation="gelu"))
            self.outer.append(self._dense(self.units, width, f"outer_{i}"))
        self.last_norm = self._norm(self.units, "last_norm")

    def _features(
        self, conditioning: tf.Tensor, x: tf.Tensor, memory: Memory, training: bool
    ) -> tf.Tensor:
        length = tf.shape(x)[-2]
        x = self.input_map(x) + self._positions(tf.range(length))  # [..., T, D]
        causal = tf.linalg.band_part(tf.ones([length, length], tf.bool), -1, 0)  # [T, T]
        for i in range(self.num_layers):
            x = self._condition(i, x, conditioning[..., tf.newaxis, :])
            inner = self.self_norms[i](x)
            keys, values = self.self_attention[i].keys_and_values(inner)
            added = self.self_attention[i](inner, keys, values, causal)
            x = x + self.residual_dropout[i](added, training=training)
            x = self._rest_of_block(i, x, memory, training)
        return self.last_norm(x)

    def _initial_state(self, conditioning: tf.Tensor, max_length: int) -> State:
        shape = tf.concat([tf.shape(conditioning)[:-1], [max_length, self.units]], axis=0)
        zeros = tf.zeros(shape, self.compute_dtype)  # [..., L, D]
        return tuple((zeros, zeros) for _ in range(self.num_layers))

    def _step(
        self, conditioning: tf.Tensor, x: tf.Tensor, time: tf.Tensor, state: State, memory: Memory
    ) -> tuple[tf.Tensor, State]:
        x = x[..., tf.newaxis, :]  # [..., 1, E]
        x = self.input_map(x) + self._positions(tf.reshape(time, [1]))
        index = tf.range(tf.shape(state[0][0])[-2])  # [L]
        here, seen = (index == time)[:, tf.newaxis], (index <= time)[tf.newaxis]
        states = []
        for i, kept in enumerate(state):
            x = self._condition(i, x, conditioning[..., tf.newaxis, :])
            inner = self.self_norms[i](x)
            fresh = self.self_attention[i].keys_and_values(inner)
            keys, values = (
                tf.where(here, new, old) for new, old in zip(fresh, kept, strict=True)
            )  # [..., L, D]
            states.append((keys, values))
            x = x + self.self_attention[i](inner, keys, values, seen)
            x = self._rest_of_block(i, x, memory)
        return self.last_norm(x)[..., 0, :], tuple(states)

    def _rest_of_block(
        self, i: int, x: tf.Tensor, memory: Memory, training: bool = False
    ) -> tf.Tensor:
        if memory is not None:
            prepared, mask = memory
            mask = None if mask is None else mask[..., tf.newaxis, :]  # [..., 1, M]
            added = self.memory_attention[i](self.memory_norms[i](x), *prepared[i], mask)
            x = x + self.residual_dropout[i](added, training=training)
        added = self.outer[i](self.hidden[i](self.mlp_norms[i](x)))
        return x + self.residual_dropout[i](added, training=training)

    def _prepare_memory(self, memory: tf.Tensor) -> Memory:
        return tuple(layer.keys_and_values(memory) for layer in self.memory_attention)

    def _condition(self, i: int, x: tf.Tensor, conditioning: tf.Tensor) -> tf.Tensor:
        if i >= len(self.condition_maps):
            return x
        return x + self.condition_maps[i](conditioning)

    def _positions(self, index: tf.Tensor) -> tf.Tensor:
        return sinusoids(index, self.units, self.compute_dtype)  # [T, D]


def sinusoids(index: tf.Tensor, units: int, dtype: Any) -> tf.Tensor:
    """Positions int32 [T] as sines and cosines of geometric wavelengths: [T, units]."""
    half = units // 2
    rates = tf.exp(-tf.math.log(1e4) * tf.range(half, dtype=tf.float32) / half)  # [D/2]
    angles = tf.cast(index, tf.float32)[:, tf.newaxis] * rates
    return tf.cast(tf.concat([tf.sin(angles), tf.cos(angles)], axis=-1), dtype)
