"""A distribution layer's parameters in the functional and Sequential APIs."""

from typing import Any

import keras
import tensorflow as tf

from tfp_dgm.layers.projected_distribution_layer import ProjectedDistributionLayer
from tfp_dgm.layers.require_layer import require_projected_layer
from tfp_dgm.saved_arguments import SavesArguments


@keras.saving.register_keras_serializable(package="tfp_dgm")
class Parameters(SavesArguments, keras.layers.Layer):
    """A distribution layer's parameters as a tensor: features [B, D] -> [B, P], float32.

    The last layer of a functional or Sequential model that predicts a distribution; its loss is
    `NegativeLogLikelihood` of the same distribution layer, and `layer.distribution(model(x))` is
    the distribution that it predicts.

    Raises:
      TypeError: if `layer` is no distribution layer.
    """

    def __init__(self, layer: ProjectedDistributionLayer, **kwargs: Any) -> None:
        require_projected_layer(self, "layer", layer)
        kwargs["dtype"] = "float32"
        super().__init__(**kwargs)
        self.supports_masking = True
        self.layer = layer

    def build(self, input_shape: Any) -> None:
        self.layer.build(input_shape)
        self.built = True

    def call(
        self, features: tf.Tensor, training: bool = False, mask: tf.Tensor | None = None
    ) -> tf.Tensor:
        return self.layer.parameters(features, training, mask)

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        """The features', where their positions are the batch's; None where they are an event's."""
        return previous_mask if self.layer.parameter_axes == 1 else None

    def compute_output_shape(self, input_shape: Any) -> tuple[int | None, ...]:
        return self.layer.parameters_shape(input_shape)
