"""What callbacks check when training begins, instead of failing when its first epoch ends."""

from collections.abc import Callable, Sequence
from typing import Any

import keras
import tensorflow as tf

from tfp_dgm.models import LatentVariableModel

_FAILURES = (ValueError, TypeError, AttributeError, NotImplementedError, tf.errors.OpError)


def require_latent_variable_model(callback: keras.callbacks.Callback) -> LatentVariableModel:
    """The model that a callback works on.

    Raises:
      TypeError: if it is another Keras model.
    """
    if not isinstance(callback.model, LatentVariableModel):
        raise TypeError(
            f"{type(callback).__name__}: works on a models.LatentVariableModel, its objective and "
            f"its posterior; received {type(callback.model).__name__}"
        )
    return callback.model


def require_layers_of_model(
    callback: keras.callbacks.Callback, name: str, layers: Sequence[keras.layers.Layer]
) -> list[Any]:
    """The trainable weights of layers that are the model's.

    Args:
      callback: whose argument it is.
      name: of the argument.
      layers: what came.
    Raises:
      ValueError: if there is none, or if one is no layer, or has weights that are not the model's.
    """
    known = {id(weight) for weight in callback.model.trainable_weights}
    fits = all(isinstance(layer, keras.layers.Layer) for layer in layers)
    weights = [w for layer in layers for w in layer.trainable_weights] if fits else []
    if not weights or any(id(weight) not in known for weight in weights):
        raise ValueError(
            f"{type(callback).__name__}: `{name}` must be trainable layers of the model; "
            f"received {[getattr(layer, 'name', layer) for layer in layers]}"
        )
    return weights


def require_measurable(
    callback: keras.callbacks.Callback, data: Any, *measures: Callable[[Any], Any]
) -> None:
    """Measures once, so that data which cannot be measured are seen now.

    Args:
      callback: whose argument `data` it is.
      data: what it is to measure.
      measures: what it will ask of the data.
    Raises:
      ValueError: if a measure fails; says why.
    """
    try:
        for measure in measures:
            measure(data)
    except _FAILURES as error:
        raise ValueError(
            f"{type(callback).__name__}: `data` must be inputs of the model, as arrays [N, ...] or "
            f"in batches as `fit` takes them; received {type(data).__name__}, and: {error}"
        ) from error
