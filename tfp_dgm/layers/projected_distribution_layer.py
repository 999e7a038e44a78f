"""Distributions whose parameters are a dense map of the features."""

import math
from collections.abc import Iterable, Sequence
from numbers import Integral
from typing import Any, ClassVar

import keras
import tensorflow as tf
from tensorflow_probability import distributions as tfd

from tfp_dgm.layers.distribution_layer import DistributionLayer


class ProjectedDistributionLayer(DistributionLayer):
    """Maps features to a distribution, where a Dense layer would map them to a tensor.

    The work is split into two halves, so that the tensor between them can cross the functional API
    (whose operations must return tensors, see `Parameters`) and a SavedModel's signature:

        distribution = layer.distribution(layer.parameters(features))

    A subclass says how many parameters one event takes (`parameter_size`) and turns them into a
    distribution (`_distribution`), and what values its events have (`support`). Models hand
    `training` on: what normalises its parameters over the batch needs it.

    Args:
      event_shape: positive int or ints; the shape of one draw.
      kernel_initializer: of the map from features to parameters.
      **kwargs: see `DistributionLayer`.
    """

    # Axes of the parameters behind those of the batch.
    parameter_axes: ClassVar[int] = 1
    instead: ClassVar[str] = (
        "Wrap it there: `layers.Sample(layer)` gives draws, and `layers.Parameters(layer)` "
        "parameters, whose loss is `layers.NegativeLogLikelihood(layer)`."
    )

    def __init__(
        self,
        event_shape: int | Sequence[int],
        *,
        kernel_initializer: Any = "glorot_uniform",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.supports_masking = True  # Each position has a distribution of its own.
        shape = list(event_shape) if isinstance(event_shape, Iterable) else [event_shape]
        sizes = [size for size in shape if isinstance(size, Integral) and size > 0]
        if not sizes or len(sizes) < len(shape):
            raise ValueError(
                f"{type(self).__name__}: sizes must be positive ints; received {event_shape!r}"
            )
        self.event_shape = tuple(map(int, sizes))
        self.projection = keras.layers.Dense(
            self.projection_size,
            kernel_initializer=kernel_initializer,
            dtype="float32",
            trainable=self.trainable,  # Keras does not hand it on.
            name="projection",
        )

    @property
    def event_size(self) -> int:
        """Number of scalars in one event."""
        return math.prod(self.event_shape)

    @property
    def value_shape(self) -> tuple[int | None, ...]:
        """Shape of an event as `log_prob` takes it: `event_shape`, but () of an integer."""
        return self.event_shape

    @property
    def parameter_size(self) -> int:
        """Number of unconstrained parameters P of one event."""
        raise NotImplementedError

    @property
    def projection_size(self) -> int:
        """How many of the parameters `projection` gives: all, but where a part has its own."""
        return self.parameter_size

    @property
    def distribution_has_weights(self) -> bool:
        """Whether `distribution` depends on weights of the layer beside the parameters."""
        return False

    def build(self, input_shape: Sequence[int | None]) -> None:
        if not self.projection.built:  # Keras builds a deserialised layer before its parent.
            self.projection.build(input_shape)
        self.built = True

    def parameters(
        self, features: tf.Tensor, training: bool = False, mask: tf.Tensor | None = None
    ) -> tf.Tensor:
        """Projects features [..., D] of any float type to float32 parameters [..., P].

        A structure reads its length from the mask, bool [...]; elsewhere positions are the batch's,
        and it is not used.
        """
        del mask
        if not self.built:
            self.build(features.shape)
        return self._parameters(keras.ops.cast(features, "float32"), training)

    def _parameters(self, features: tf.Tensor, training: bool) -> tf.Tensor:
        return self.projection(features)

    def parameters_shape(self, features_shape: Sequence[int | None]) -> tuple[int | None, ...]:
        """The shape of the parameters of features of a shape."""
        return (*features_shape[:-1], self.parameter_size)

    def padding(self, parameters: tf.Tensor) -> tf.Tensor | None:
        """bool; what of the events [B, *value shape] is padding. None where nothing can be."""
        return None

    def distribution(self, parameters: tf.Tensor) -> tfd.Distribution:
        """Turns unconstrained parameters [..., P] into a distribution with batch shape [...].

        Raises:
          ValueError: if the last axis is not P.
        """
        if parameters.shape[-1] != self.parameter_size:
            raise ValueError(
                f"{type(self).__name__}: expected parameters of shape [..., {self.parameter_size}] "
                f"for the event shape {self.event_shape}; received {tuple(parameters.shape)}"
            )
        return self._distribution(tf.cast(parameters, tf.float32))

    def call(self, features: tf.Tensor, training: bool = False) -> tfd.Distribution:
        return self.distribution(self.parameters(features, training))

    def _distribution(self, parameters: tf.Tensor) -> tfd.Distribution:
        raise NotImplementedError

    def _as_events(self, parameters: tf.Tensor) -> tf.Tensor:
        """Reshapes [..., event size] to [..., *event shape]."""
        return tf.reshape(
            parameters, tf.concat([tf.shape(parameters)[:-1], self.event_shape], axis=0)
        )


class VectorDistributionLayer(ProjectedDistributionLayer):
    """A distribution layer sized by one number, `units`, as Keras sizes its layers.

    Args:
      units: the length of the event (or, of a categorical variable, the number of its values).
      **kwargs: see `ProjectedDistributionLayer`.
    """

    def __init__(self, units: int, **kwargs: Any) -> None:
        super().__init__(units, **kwargs)

    @property
    def units(self) -> int:
        """The one number of the event shape."""
        return self.event_shape[0]
