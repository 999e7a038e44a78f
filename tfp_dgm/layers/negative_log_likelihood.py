"""The loss of a distribution's parameters."""

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from tfp_dgm.distributions.annotations import log_prob_of_annotation
from tfp_dgm.layers.projected_distribution_layer import ProjectedDistributionLayer
from tfp_dgm.layers.require_layer import require_projected_layer
from tfp_dgm.saved_arguments import SavesArguments


@keras.saving.register_keras_serializable(package="tfp_dgm")
class NegativeLogLikelihood(SavesArguments, keras.losses.Loss):
    """-log p(y), in nats per example, where the model's output is what `Parameters` gives.

    Only the stateless half of the layer (parameters -> distribution) is used. Targets have the
    shape of the events; a last axis of size 1 may be there or not. Where the mask or a weight of 0
    leaves a target out, and in the padding of a structure, it may be anything finite.

    Raises:
      TypeError: if `layer` is no distribution layer.
      ValueError: if that half has weights, as an inverse autoregressive flow's has: the loss would
        have others than the model. When it is called, if targets have another shape.
      InvalidArgumentError: when it is called, if a target is no event of the layer's distributions
        (see `DistributionLayer.check_events`).
    """

    def __init__(
        self,
        layer: ProjectedDistributionLayer,
        *,
        name: str = "negative_log_likelihood",
        reduction: str = "sum_over_batch_size",
        dtype: Any = "float32",
    ) -> None:
        super().__init__(name=name, reduction=reduction, dtype=dtype)
        require_projected_layer(self, "layer", layer)
        if layer.distribution_has_weights:
            raise ValueError(
                f"NegativeLogLikelihood: the distribution of {type(layer).__name__} depends on "
                "weights of the layer, not on its parameters alone; train it in a model of your "
                "own, by `-layer(features).log_prob(y)`"
            )
        # A copy without weights: the model owns those, and a `.keras` file holds them once.
        self.layer = type(layer).from_config(layer.get_config())

    def __call__(
        self, y_true: tf.Tensor, y_pred: tf.Tensor, sample_weight: tf.Tensor | None = None
    ) -> tf.Tensor:
        y_pred = tf.convert_to_tensor(y_pred)  # [*batch, P], or [B, .., P] of a structure
        axes = self.layer.parameter_axes
        batch_shape, batch_axes = y_pred.shape[:-axes], tf.shape(y_pred)[:-axes]
        unused = tf.zeros(batch_axes, tf.bool)
        mask = getattr(y_pred, "_keras_mask", None)
        if mask is not None:
            unused |= ~tf.cast(mask, tf.bool)
        if sample_weight is not None:
            sample_weight = _weights_over(batch_shape, tf.convert_to_tensor(sample_weight))
            unused |= sample_weight == 0
        events = _with_last_axis(y_true, batch_shape.rank, self.layer.value_shape)
        name = "NegativeLogLikelihood: `y`"
        padding = self.layer.padding(y_pred)
        if padding is not None:
            events = _with_zeros(padding, events, name)
        self.layer.check_events(events, name, batch_shape=batch_shape, unless=unused)
        # Nor does anything broadcast where a batch axis is known only when the graph runs.
        received = tf.shape(events)[: batch_shape.rank]
        tf.debugging.assert_equal(received, batch_axes, message=f"{name}: of another batch shape")
        return super().__call__(events, y_pred, sample_weight)

    def call(self, y_true: tf.Tensor, y_pred: tf.Tensor) -> tf.Tensor:
        return -log_prob_of_annotation(self.layer.distribution(y_pred), y_true)


def _with_last_axis(
    values: tf.Tensor, batch_rank: int, event_shape: Sequence[int | None]
) -> tf.Tensor:
    """Events, with a last axis of size 1 more or less where they lack it, or have one too many."""
    # A column may come as [B] or as [B, 1]; where it met a [B], both would become [B, B].
    values, rank = tf.convert_to_tensor(values), batch_rank + len(event_shape)
    if values.shape.rank is None:
        return tf.ensure_shape(values, [None] * rank)
    if values.shape.rank == rank + 1 and values.shape[-1] == 1:
        return tf.squeeze(values, axis=-1)
    lacks_it = values.shape.rank == rank - 1 and tuple(event_shape[-1:]) == (1,)
    return values[..., tf.newaxis] if lacks_it else values


def _with_zeros(padding: tf.Tensor, events: tf.Tensor, name: str) -> tf.Tensor:
    """Events [B, *event] of the shape of their padding, with 0 in it.

    Raises:
      ValueError: if they have another shape (InvalidArgumentError, if only a graph knows it).
    """
    message = f"{name} must have a value for every position, {tuple(padding.shape)}"
    if not events.shape.is_compatible_with(padding.shape):
        raise ValueError(f"{message}; received {tuple(events.shape)}")
    same = tf.debugging.assert_equal(tf.shape(events), tf.shape(padding), message)
    with tf.control_dependencies([] if same is None else [same]):
        return tf.where(tf.identity(padding), tf.zeros_like(events), events)


def _weights_over(batch_shape: tf.TensorShape, weights: tf.Tensor) -> tf.Tensor:
    """Weights of examples [B] or [B, 1], or of all that `batch_shape` has, with its rank.

    Keras leaves ranks that differ to broadcasting, which begins at the last axis.

    Raises:
      ValueError: if they have another shape.
    """
    shape, rank = weights.shape, batch_shape.rank
    if shape.rank == 0:
        return weights
    if shape.rank is None:
        return tf.ensure_shape(weights, batch_shape)
    if shape.rank == rank + 1 and shape[-1] == 1:
        weights = tf.squeeze(weights, axis=-1)
    for _ in range(rank - weights.shape.rank):
        weights = weights[..., tf.newaxis]
    ones = [1] * (rank - 1)
    if not any(
        weights.shape.is_compatible_with(possible)
        for possible in (batch_shape, [batch_shape[0], *ones])
    ):
        raise ValueError(
            f"NegativeLogLikelihood: `sample_weight` must have the shape {tuple(batch_shape)} of "
            f"the predictions, or one weight for each example; received {tuple(shape)}"
        )
    return weights
