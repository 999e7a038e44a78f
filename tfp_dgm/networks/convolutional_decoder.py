"""Dilated causal convolutions as a decoder."""

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from tfp_dgm.networks.sequence_decoder import Memory, SequenceDecoder, State


@keras.saving.register_keras_serializable(package="tfp_dgm")
class ConvolutionalDecoder(SequenceDecoder):
    """Residual blocks of dilated causal convolutions [1]: how far it sees is a choice.

        x_t = W [e_t; z];   x_t += relu(sum_j K_j norm(x)_{t - j dilation} + C z + b) O

    The context is 1 + (kernel_size - 1) sum(dilations) tokens; a short one leaves the rest to the
    latent. Without skip connections C = 0, and the conditioning enters with the embeddings only.

    Args:
      vocabulary_size: V.
      units: D.
      kernel_size: taps of each convolution.
      dilations: one block each.
      **kwargs: see `SequenceDecoder`; it attends to no memory.
    References:
      [1] Yang et al. Improved Variational Autoencoders for Text Modeling using Dilated
        Convolutions. ICML 2017. arXiv:1702.08139
    """

    def __init__(
        self,
        vocabulary_size: int,
        units: int = 256,
        *,
        kernel_size: int = 3,
        dilations: Sequence[int] = (1, 2, 4),
        **kwargs: Any,
    ) -> None:
        super().__init__(vocabulary_size, **kwargs)
        if units < 1 or kernel_size < 1 or not dilations or min(dilations) < 1:
            raise ValueError(
                "ConvolutionalDecoder: `units`, `kernel_size` and `dilations` must be positive; "
                f"received {units}, {kernel_size} and {dilations!r}"
            )
        if self.memory_units:
            raise ValueError("ConvolutionalDecoder: attends to no memory; `memory_units` must be 0")
        self.units = units
        self.kernel_size = kernel_size
        self.dilations = tuple(dilations)

    @property
    def output_units(self) -> int:
        return self.units

    def _build(self) -> None:
        z = self.conditioning_units
        self.input_map = self._dense(self.units, self.embedding_units + z, "input")
        self.norms, self.taps, self.outer, self.condition_maps = [], [], [], []
        for i in range(len(self.dilations)):
            self.norms.append(self._norm(self.units, f"norm_{i}"))
            self.taps.append(self._dense(self.units, self.kernel_size * self.units, f"taps_{i}"))
            self.outer.append(self._dense(self.units, self.units, f"outer_{i}"))
            if self.skip_connections:
                self.condition_maps.append(
                    self._dense(self.units, z, f"condition_{i}", use_bias=False)
                )

    def _features(
        self, conditioning: tf.Tensor, x: tf.Tensor, memory: Memory, training: bool
    ) -> tf.Tensor:
        conditioning = conditioning[..., tf.newaxis, :]  # [..., 1, Z]
        x = self._join(x, conditioning)
        length = tf.shape(x)[-2]
        for i, dilation in enumerate(self.dilations):
            inner = self.norms[i](x)
            back = (self.kernel_size - 1) * dilation
            padding = [[0, 0]] * (len(x.shape) - 2) + [[back, 0], [0, 0]]
            padded = tf.pad(inner, padding)  # [..., back + T, D]
            window = [
                padded[..., j * dilation : j * dilation + length, :]
                for j in range(self.kernel_size)
            ]
            x = x + self._block(i, tf.concat(window, axis=-1), conditioning)
        return x

    def _initial_state(self, conditioning: tf.Tensor, max_length: int) -> State:
        del max_length  # What it remembers is as long as its context.
        batch = tf.shape(conditioning)[:-1]
        return tuple(
            tf.zeros(
                tf.concat([batch, [(self.kernel_size - 1) * dilation, self.units]], axis=0),
                self.compute_dtype,
            )
            for dilation in self.dilations
        )

    def _step(
        self, conditioning: tf.Tensor, x: tf.Tensor, time: tf.Tensor, state: State, memory: Memory
    ) -> tuple[tf.Tensor, State]:
        x = self._join(x, conditioning)  # [..., D]
        states = []
        for i, dilation in enumerate(self.dilations):
            inner = self.norms[i](x)[..., tf.newaxis, :]
            past = tf.concat([state[i], inner], axis=-2)  # [..., back + 1, D]
            states.append(past[..., 1:, :])
            window = [past[..., j * dilation, :] for j in range(self.kernel_size)]
            x = x + self._block(i, tf.concat(window, axis=-1), conditioning)
        return x, tuple(states)

    def _join(self, x: tf.Tensor, conditioning: tf.Tensor) -> tf.Tensor:
        if not self.conditioning_units:
            return self.input_map(x)
        leading = tf.broadcast_dynamic_shape(tf.shape(x)[:-1], tf.shape(conditioning)[:-1])
        x = tf.broadcast_to(x, tf.concat([leading, [self.embedding_units]], axis=0))
        z = tf.broadcast_to(conditioning, tf.concat([leading, [self.conditioning_units]], axis=0))
        return self.input_map(tf.concat([x, z], axis=-1))

    def _block(self, i: int, window: tf.Tensor, conditioning: tf.Tensor) -> tf.Tensor:
        hidden = self.taps[i](window)
        if self.skip_connections:
            hidden += self.condition_maps[i](conditioning)
        return self.outer[i](tf.nn.relu(hidden))
