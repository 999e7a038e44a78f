"""Priors: distributions that depend on no input, fixed or learned."""

from collections.abc import Callable
from typing import Any, ClassVar

import keras
import tensorflow as tf
from tensorflow_probability import distributions as tfd

from tfp_dgm.layers.gives_distribution import GivesDistribution


class Prior(GivesDistribution):
    """A distribution that is the same for every example: batch shape [], which broadcasts.

    Called like any distribution layer (the inputs are ignored), so that a conditional prior can
    take its place. A model calls it with `posterior`, its function from inputs to q(z | x), for the
    priors that are made of it (`VampPrior`); the others ignore it.

    Args:
      units: size of the event.
      **kwargs: `name` and `trainable`; a `dtype` is ignored in favour of float32.
    """

    instead: ClassVar[str] = "Give it as the `prior` of a `layers.Sample` or of a model."
    built: bool

    def __init__(self, units: int, **kwargs: Any) -> None:
        kwargs["dtype"] = "float32"
        super().__init__(**kwargs)
        if not isinstance(units, int) or units < 1:
            raise ValueError(
                f"{type(self).__name__}: `units` must be a positive int; received {units!r}"
            )
        self.units = units

    def build(self, input_shape: Any = None) -> None:
        if not self.built:  # Keras builds a deserialised layer before its parent.
            self._add_weights()
        self.built = True

    def _add_weights(self) -> None:
        """Creates what a learned prior learns."""

    def call(
        self,
        inputs: Any = None,
        *,
        posterior: Callable[[tf.Tensor], tfd.Distribution] | None = None,
    ) -> tfd.Distribution:
        if not self.built:
            self.build()
        return self._distribution()

    def _distribution(self) -> tfd.Distribution:
        raise NotImplementedError

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "units": self.units}


@keras.saving.register_keras_serializable(package="tfp_dgm")
class StandardNormalPrior(Prior):
    """N(0, I) over R^Z (`units` = Z)."""

    def _distribution(self) -> tfd.Distribution:
        return tfd.MultivariateNormalDiag(tf.zeros([self.units]), tf.ones([self.units]))


@keras.saving.register_keras_serializable(package="tfp_dgm")
class LearnedNormalPrior(Prior):
    """A Normal over R^Z with a diagonal covariance (`units` = Z), learned; N(0, I) at the start."""

    def _add_weights(self) -> None:
        self.loc = self.add_weight(shape=(self.units,), initializer="zeros", name="loc")
        self.log_scale = self.add_weight(shape=(self.units,), initializer="zeros", name="log_scale")

    def _distribution(self) -> tfd.Distribution:
        return tfd.MultivariateNormalDiag(
            tf.convert_to_tensor(self.loc), tf.exp(tf.convert_to_tensor(self.log_scale))
        )


@keras.saving.register_keras_serializable(package="tfp_dgm")
class CategoricalPrior(Prior):
    """A categorical distribution over K classes (`units` = K), uniform at the start.

    Args:
      units: K.
      trainable: whether the class probabilities are learned; they stay uniform where not.
    """

    def _add_weights(self) -> None:
        self.logits = self.add_weight(shape=(self.units,), initializer="zeros", name="logits")

    def _distribution(self) -> tfd.Distribution:
        return tfd.Categorical(logits=tf.convert_to_tensor(self.logits))
