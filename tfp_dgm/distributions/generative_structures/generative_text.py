"""Distributions over texts that a hidden structure has written."""

from typing import Any, ClassVar

import tensorflow as tf

from tfp_dgm.distributions.generative_structures.generative_structure import (
    GenerativeStructure,
    Potentials,
)


class GenerativeText(GenerativeStructure):
    """p(x) of token ids, in rows that END closes and PAD fills.

    Args:
      log_potentials: see `GenerativeStructure`.
      max_length: columns of a draw.
    Raises:
      ValueError: if `max_length` is below `shortest`.
    """

    # Columns of the shortest draw.
    shortest: ClassVar[int] = 1
    event_ndims = 1

    def __init__(self, log_potentials: Potentials, *, max_length: int, **kwargs: Any) -> None:
        if max_length < self.shortest:
            raise ValueError(
                f"{type(self).__name__}: `max_length` must be >= {self.shortest}; "
                f"received {max_length}"
            )
        self._log_potentials = log_potentials
        self._max_length = max_length
        super().__init__(tf.int32, **kwargs)

    @property
    def log_potentials(self) -> Any:
        return self._log_potentials

    def _event_shape(self) -> tf.TensorShape:
        return tf.TensorShape([self._max_length])

    def _event_shape_tensor(self) -> tf.Tensor:
        return tf.constant([self._max_length])


def written(logits: tf.Tensor, *never: int) -> tf.Tensor:
    """log softmax of logits [..., V], of which some ids are never written."""
    ids = tf.one_hot(never, logits.shape[-1], on_value=True, off_value=False)
    return tf.nn.log_softmax(tf.where(tf.reduce_any(ids, axis=0), -float("inf"), logits))
