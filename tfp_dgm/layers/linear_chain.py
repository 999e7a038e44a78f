"""Chains of states as a layer: conditional random fields, posteriors of tags."""

from collections.abc import Sequence

import keras
import tensorflow as tf

from tfp_dgm.distributions import LinearChain as Chain
from tfp_dgm.layers.constraints import Constraint, whole_numbers_below
from tfp_dgm.layers.projected_distribution_layer import VectorDistributionLayer


@keras.saving.register_keras_serializable(package="tfp_dgm")
class LinearChain(VectorDistributionLayer):
    """A chain of T states, each of K: features [B, T, D] -> `distributions.LinearChain`, [B].

    The states' potentials are a dense map of the features, those of transitions and of the first
    state weights of the layer. Where the features have a Keras mask, it says how long the rows are.

    Parameters cross the functional API as one tensor [B, T + K + 2, K]: T rows of potentials of
    states, K of transitions, one of the first state, and the row's length. As targets, states may
    be -1 where they are not known, of which the likelihood is the sum; in the padding they are not
    read.

    Args:
      units: K.
      **kwargs: see `ProjectedDistributionLayer`.
    """

    parameter_axes = 2

    def build(self, input_shape: Sequence[int | None]) -> None:
        super().build(input_shape)
        for name, shape in (("transitions", (self.units, self.units)), ("initial", (self.units,))):
            if not hasattr(self, name):
                setattr(self, name, self.add_weight(shape=shape, initializer="zeros", name=name))

    @property
    def value_shape(self) -> tuple[int | None, ...]:
        return (None,)

    @property
    def parameter_size(self) -> int:
        return self.units

    @property
    def support(self) -> Constraint:
        return whole_numbers_below(self.units, least=-1)

    def parameters(
        self, features: tf.Tensor, training: bool = False, mask: tf.Tensor | None = None
    ) -> tf.Tensor:
        """Features [B, T, D], and bool [B, T] where they are no padding -> [B, T + K + 2, K].

        Raises:
          InvalidArgumentError: if the mask has False before True in a row, in a graph too.
        """
        unary = super().parameters(features, training)
        rows, steps = tf.shape(unary)[0], tf.shape(unary)[1]
        lengths = tf.fill([rows], steps) if mask is None else _lengths(mask)
        transitions = tf.convert_to_tensor(self.transitions)
        shared = tf.concat([transitions, tf.convert_to_tensor(self.initial)[tf.newaxis]], axis=0)
        return tf.concat(
            [
                unary,
                tf.broadcast_to(shared, tf.concat([[rows], tf.shape(shared)], axis=0)),
                tf.broadcast_to(
                    tf.cast(lengths, tf.float32)[:, tf.newaxis, tf.newaxis], [rows, 1, self.units]
                ),
            ],
            axis=1,
        )

    def padding(self, parameters: tf.Tensor) -> tf.Tensor:
        steps = tf.shape(parameters)[1] - self.units - 2
        return ~tf.sequence_mask(_row_lengths(parameters), steps)

    def parameters_shape(self, features_shape: Sequence[int | None]) -> tuple[int | None, ...]:
        rows, steps = features_shape[:2]
        return rows, None if steps is None else steps + self.units + 2, self.units

    def call(
        self, features: tf.Tensor, training: bool = False, mask: tf.Tensor | None = None
    ) -> Chain:
        return self.distribution(self.parameters(features, training, mask))

    def _distribution(self, parameters: tf.Tensor) -> Chain:
        k = self.units
        return Chain(
            parameters[:, : -k - 2],
            # All rows hold the same; those of one are shared by all.
            parameters[:1, tf.newaxis, -k - 2 : -2],
            parameters[:1, -2],
            lengths=_row_lengths(parameters),
        )


def _row_lengths(parameters: tf.Tensor) -> tf.Tensor:
    return tf.cast(tf.round(parameters[:, -1, 0]), tf.int32)


def _lengths(mask: tf.Tensor) -> tf.Tensor:
    mask = tf.cast(mask, tf.bool)
    lengths = tf.reduce_sum(tf.cast(mask, tf.int32), axis=1)
    padded = tf.reduce_all(mask == tf.sequence_mask(lengths, tf.shape(mask)[1]))
    message = "LinearChain: the mask must be True up to a row's length, and False behind"
    with tf.control_dependencies([tf.debugging.Assert(padded, [message, mask])]):
        return tf.identity(lengths)
