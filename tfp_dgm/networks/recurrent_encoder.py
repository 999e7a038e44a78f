"""Recurrent encoders of texts: LSTM and GRU."""

from typing import Any, ClassVar

import keras
import tensorflow as tf

from tfp_dgm.networks.recurrence import GRU, LSTM, Cell, recur
from tfp_dgm.networks.recurrent_decoder import ForgetBias
from tfp_dgm.networks.sequence_encoder import SequenceEncoder


class RecurrentEncoder(SequenceEncoder):
    """The last output of a recurrent layer, and of a second one that reads from right to left.

    With `return_sequences`, all outputs, each at the place of the token that was read last.

    Args:
      vocabulary_size: V.
      units: D of each direction.
      bidirectional: read in both directions; the features are then of size 2 D.
      **kwargs: see `SequenceEncoder`.
    """

    cell: ClassVar[Cell]

    def __init__(
        self,
        vocabulary_size: int,
        units: int = 256,
        *,
        bidirectional: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(vocabulary_size, units, **kwargs)
        self.bidirectional = bidirectional

    @property
    def output_units(self) -> int:
        return self.units * (1 + self.bidirectional)

    def _build(self) -> None:
        width = self.cell.num_gates * self.units
        bias = ForgetBias() if self.cell is LSTM else "zeros"
        self.input_maps, self.kernels = [], []
        for direction in ("forward", "backward")[: 1 + self.bidirectional]:
            self.input_maps.append(
                self._dense(
                    width, self.embedding_units, f"input_{direction}", bias_initializer=bias
                )
            )
            self.kernels.append(
                self.add_weight(
                    shape=(self.units, width),
                    initializer="orthogonal",
                    name=f"recurrent_{direction}",
                )
            )

    def _encode(self, x: tf.Tensor, mask: tf.Tensor, training: bool) -> tf.Tensor:
        lengths = tf.reduce_sum(tf.cast(mask, tf.int32), axis=1)  # [B]
        zeros = tf.zeros([tf.shape(x)[0], self.units], self.compute_dtype)
        found = []
        for direction, (project, kernel) in enumerate(
            zip(self.input_maps, self.kernels, strict=True)
        ):
            # Reversed within its length, so that the padding comes last in both directions.
            read = tf.reverse_sequence(x, lengths, seq_axis=1) if direction else x
            outputs = recur(
                self.cell,
                project(tf.transpose(read, [1, 0, 2])),
                tf.zeros([kernel.shape[1]], self.compute_dtype),
                tf.cast(tf.convert_to_tensor(kernel), self.compute_dtype),
                (zeros,) * self.cell.num_states,
            )  # [T, B, D]
            if self.return_sequences:
                outputs = tf.transpose(outputs, [1, 0, 2])  # [B, T, D]
                if direction:  # Back to the order of the tokens.
                    outputs = tf.reverse_sequence(outputs, lengths, seq_axis=1)
                found.append(outputs)
            else:
                index = tf.stack([tf.maximum(lengths - 1, 0), tf.range(tf.shape(x)[0])], axis=1)
                found.append(tf.gather_nd(outputs, index))
        return tf.concat(found, axis=-1)


@keras.saving.register_keras_serializable(package="tfp_dgm")
class LSTMEncoder(RecurrentEncoder):
    """Long short-term memory; see `RecurrentEncoder`."""

    cell = LSTM


@keras.saving.register_keras_serializable(package="tfp_dgm")
class GRUEncoder(RecurrentEncoder):
    """Gated recurrent unit; see `RecurrentEncoder`."""

    cell = GRU
