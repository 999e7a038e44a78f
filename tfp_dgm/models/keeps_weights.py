"""Keras models that weigh examples whether or not there are targets."""

from collections.abc import Mapping
from typing import Any

import keras

from tfp_dgm.models.example_weights import with_weights


class KeepsWeights:
    """Mixin of models that are trained with weights of examples, and often without targets.

    Keras drops the weights where there are no targets, and takes an example that is not annotated
    in a matrix of allowed classes for one of class 0.
    """

    def fit(
        self,
        x: Any = None,
        y: Any = None,
        *args: Any,
        validation_data: Any = None,
        class_weight: Mapping[int, float] | None = None,
        sample_weight: Any = None,
        **kwargs: Any,
    ) -> keras.callbacks.History:
        """Trains; see `keras.Model.fit` for the other arguments.

        Args:
          x: inputs, as arrays or in a data set of `x`, `(x, y)` or `(x, y, sample_weight)`.
          y: targets of `x`, for a model that learns from some.
          *args: in the order of `keras.Model.fit`.
          validation_data: what to evaluate after each epoch.
          class_weight: class -> weight, by `y`; examples without one class are of class -1, and
            those of a class that is not named weigh 1.
          sample_weight: [N] or [N, 1], what multiplies the loss of each example; with `y` or
            without.
          **kwargs: by the names of `keras.Model.fit`.
        Raises:
          ValueError: if weights have another shape, or are of both kinds.
        """
        name = type(self).__name__
        x, y, sample_weight = with_weights(name, x, y, sample_weight, class_weight)
        if isinstance(validation_data, tuple | list):
            validation_data = with_weights(name, *validation_data)
        return super().fit(
            x, y, *args, validation_data=validation_data, sample_weight=sample_weight, **kwargs
        )

    def evaluate(
        self, x: Any = None, y: Any = None, *args: Any, sample_weight: Any = None, **kwargs: Any
    ) -> Any:
        """The logged parts' means; see `fit` for the data, `keras.Model.evaluate` for the rest."""
        x, y, sample_weight = with_weights(type(self).__name__, x, y, sample_weight)
        return super().evaluate(x, y, *args, sample_weight=sample_weight, **kwargs)

    def train_on_batch(
        self,
        x: Any,
        y: Any = None,
        sample_weight: Any = None,
        class_weight: Mapping[int, float] | None = None,
        **kwargs: Any,
    ) -> Any:
        """One step of training; see `fit` for the data."""
        name = type(self).__name__
        x, y, sample_weight = with_weights(name, x, y, sample_weight, class_weight)
        return super().train_on_batch(x, y, sample_weight, **kwargs)
