"""What `fit` and its kin make of data before Keras has them."""

from collections.abc import Mapping
from numbers import Number
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfp_dgm.generated_data import kept_by_caller
from tfp_dgm.models.example_weights import with_weights
from tfp_dgm.models.step_data import are_several_workers

# Rows of an array that are checked at once.
_ROWS = 4096


class DataIntake:
    """Mixin of models that are trained with weights of examples, and often without targets.

    Keras drops the weights where there are no targets, takes an example that is not annotated in a
    matrix of allowed classes for one of class 0, and knows strings as tensors alone. XLA drops the
    assertions of a step: where it compiles the steps, inputs are checked before them.
    """

    jit_compile: bool

    def check_inputs(self, inputs: Any) -> None:
        """Raises unless the model can be of these inputs [B, ...]."""
        raise NotImplementedError

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
          x: inputs, as arrays or in a data set of `x`, `(x, y)` or `(x, y, sample_weight)`; texts
            and numbers may come as a list, too.
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
        x, y, validation_data = (as_arrays(data) for data in (x, y, validation_data))
        x, y, sample_weight = with_weights(name, x, y, sample_weight, class_weight)
        if isinstance(validation_data, tuple | list):
            validation_data = with_weights(name, *validation_data)
        x = self._checked(x)
        self._make_variables(_shapes(x))
        x, validation_data = _by_rows(x), _by_rows(validation_data)
        return super().fit(  # type: ignore[misc]
            kept_by_caller(x),
            y,
            *args,
            validation_data=kept_by_caller(validation_data),
            sample_weight=sample_weight,
            **kwargs,
        )

    def evaluate(
        self, x: Any = None, y: Any = None, *args: Any, sample_weight: Any = None, **kwargs: Any
    ) -> Any:
        """The logged parts' means; see `fit` for the data, `keras.Model.evaluate` for the rest."""
        x, y = as_arrays(x), as_arrays(y)
        x, y, sample_weight = with_weights(type(self).__name__, x, y, sample_weight)
        x = _by_rows(self._checked(x))
        return super().evaluate(  # type: ignore[misc]
            kept_by_caller(x), y, *args, sample_weight=sample_weight, **kwargs
        )

    def predict(self, x: Any = None, *args: Any, **kwargs: Any) -> Any:
        """What calling the model gives; see `fit` for the data, `keras.Model.predict` otherwise."""
        x = as_arrays(x)
        return super().predict(kept_by_caller(x), *args, **kwargs)  # type: ignore[misc]

    def train_on_batch(
        self,
        x: Any,
        y: Any = None,
        sample_weight: Any = None,
        class_weight: Mapping[int, float] | None = None,
        return_dict: bool = False,
    ) -> Any:
        """One step of training; see `fit` for the data."""
        name = type(self).__name__
        x, y = as_arrays(x), as_arrays(y)
        x, y, sample_weight = with_weights(name, x, y, sample_weight, class_weight)
        x = self._checked(x)
        self._make_variables(_shapes(x, one_batch=True))
        return super().train_on_batch(  # type: ignore[misc]
            x, y, sample_weight, return_dict=return_dict
        )

    def _make_variables(self, shapes: Any) -> None:
        """Weights and the optimizer's state: a step that makes variables is traced twice."""
        model: Any = self
        if not model.compiled:
            return
        with model.distribute_strategy.scope():
            if not model.built and shapes is not None:
                model.build(shapes)
            if model.built:
                model.build_optimizers()

    def _maybe_symbolic_build(self, *args: Any, **kwargs: Any) -> None:
        """Keras's step before the first batch: it builds a model, from the mean of the batches.

        Batches of different workers need not have one shape, and such a mean would wait for ever.
        """
        model: Any = self
        with model.distribute_strategy.scope():
            alone = not are_several_workers()
        if alone:
            super()._maybe_symbolic_build(*args, **kwargs)  # type: ignore[misc]
        elif not model.built:
            raise ValueError(
                f"{type(self).__name__}: for several workers, build the model before `fit` and "
                "`evaluate`: `model.build(shape)` within the strategy's scope"
            )

    def _checked(self, inputs: Any) -> Any:
        """The inputs, checked as arrays now, and as a data set when its batches are taken."""
        if not self.jit_compile:
            return inputs
        if isinstance(inputs, tf.data.Dataset):
            return inputs.map(self._checked_batch)
        arrays = keras.tree.flatten(inputs)
        if all(hasattr(array, "shape") for array in arrays):
            for start in range(0, arrays[0].shape[0], _ROWS):
                rows = [tf.convert_to_tensor(array[start : start + _ROWS]) for array in arrays]
                self.check_inputs(keras.tree.pack_sequence_as(inputs, rows))
        return inputs

    @tf.autograph.experimental.do_not_convert
    def _checked_batch(self, *batch: Any) -> Any:
        self.check_inputs(keras.utils.unpack_x_y_sample_weight(batch)[0])
        return batch if len(batch) > 1 else batch[0]


def as_arrays(data: Any) -> Any:
    """Data as Keras takes it: strings of NumPy, Pandas and lists as tensors, lists of numbers as
    arrays, the rest as it is.
    """
    if _are_texts(data):
        return tf.constant(np.asarray(data, object), tf.string)
    if isinstance(data, list) and data and all(isinstance(number, Number) for number in data):
        return np.array(data)
    if isinstance(data, Mapping):
        return {name: as_arrays(part) for name, part in data.items()}
    if type(data) in (list, tuple):
        return type(data)(as_arrays(part) for part in data)
    return data


def _are_texts(data: Any) -> bool:
    """Whether these are strings in an array, a column or a list."""
    if isinstance(data, list | tuple):
        return bool(data) and all(isinstance(text, str | bytes) for text in data)
    if isinstance(data, np.ndarray) and data.dtype.kind in "US":
        return True
    is_column = hasattr(data, "to_numpy") and getattr(data, "ndim", 0) == 1  # Of Pandas.
    if not is_column and not (isinstance(data, np.ndarray) and data.dtype.kind == "O"):
        return False
    return all(isinstance(text, str | bytes) for text in np.asarray(data, object).flat)


def _by_rows(data: Any) -> Any:
    """A data set of which each worker takes its rows of each batch, and not files of its own."""
    if not isinstance(data, tf.data.Dataset):
        return data
    options = tf.data.Options()
    options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.DATA
    return data.with_options(options)


def _shapes(inputs: Any, *, one_batch: bool = False) -> Any:
    """Of a batch of the inputs, [None, ...] or [B, ...]; None where they do not tell."""
    if isinstance(inputs, tf.data.Dataset):
        inputs = keras.utils.unpack_x_y_sample_weight(inputs.element_spec)[0]
    leaves = keras.tree.flatten(inputs)
    if not all(hasattr(leaf, "shape") and tf.TensorShape(leaf.shape).rank for leaf in leaves):
        return None
    return keras.tree.map_structure(
        lambda leaf: (leaf.shape[0] if one_batch else None, *leaf.shape[1:]), inputs
    )
