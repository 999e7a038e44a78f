"""Priors: distributions that depend on no input, fixed or learned."""

from collections.abc import Callable
from typing import Any, ClassVar

import keras
import numpy as np
import tensorflow as tf
from tensorflow_probability import distributions as tfd

from tfp_dgm import distributions
from tfp_dgm.layers.constraints import Constraint, whole_numbers_below
from tfp_dgm.layers.distribution_layer import DistributionLayer


class Prior(DistributionLayer):
    """A distribution that is the same for every example: batch shape [], which broadcasts.

    Called like any distribution layer (features are ignored), so that one that depends on features
    can take its place.

    Args:
      units: size of the event.
      **kwargs: see `DistributionLayer`.
    """

    instead: ClassVar[str] = "Give it as the `prior` of a `layers.Sample` or of a model."

    def __init__(self, units: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if not isinstance(units, int) or units < 1:
            raise ValueError(
                f"{type(self).__name__}: `units` must be a positive int; received {units!r}"
            )
        self.units = units

    @property
    def value_shape(self) -> tuple[int | None, ...]:
        return (self.units,)

    def build(self, input_shape: Any = None) -> None:
        if not self.built:  # Keras builds a deserialised layer before its parent.
            self._add_weights()
        self.built = True

    def _add_weights(self) -> None:
        """Creates what a learned prior learns."""

    def call(self, features: tf.Tensor | None = None, training: bool = False) -> tfd.Distribution:
        if not self.built:
            self.build()
        return self._distribution()

    def as_prior(
        self,
        features: tf.Tensor | None,
        *,
        posterior_of_features: Callable[[tf.Tensor], tfd.Distribution],
        training: bool = False,
    ) -> tfd.Distribution:
        del posterior_of_features
        return self(features, training=training)

    def _distribution(self) -> tfd.Distribution:
        raise NotImplementedError


@keras.saving.register_keras_serializable(package="tfp_dgm")
class StandardNormalPrior(Prior):
    """N(0, I) over R^Z (`units` = Z)."""

    def _distribution(self) -> tfd.Distribution:
        return distributions.MultivariateNormalDiag(tf.zeros([self.units]), tf.ones([self.units]))


@keras.saving.register_keras_serializable(package="tfp_dgm")
class LearnedNormalPrior(Prior):
    """A Normal over R^Z with a diagonal covariance (`units` = Z), learned; N(0, I) at the start."""

    def _add_weights(self) -> None:
        self.loc = self.add_weight(shape=(self.units,), initializer="zeros", name="loc")
        self.log_scale = self.add_weight(shape=(self.units,), initializer="zeros", name="log_scale")

    def _distribution(self) -> tfd.Distribution:
        return distributions.MultivariateNormalDiag(
            tf.convert_to_tensor(self.loc), tf.exp(tf.convert_to_tensor(self.log_scale))
        )


@keras.saving.register_keras_serializable(package="tfp_dgm")
class LearnedNormalTriLPrior(Prior):
    """A Normal over R^Z with a full covariance L L' (`units` = Z), learned; N(0, I) at the start.

    log of the diagonal of L, and what is below it, are weights
    """

    def _add_weights(self) -> None:
        self.loc = self.add_weight(shape=(self.units,), initializer="zeros", name="loc")
        self.log_scale = self.add_weight(shape=(self.units,), initializer="zeros", name="log_scale")
        self.below = self.add_weight(
            shape=(self.units * (self.units - 1) // 2,), initializer="zeros", name="below"
        )

    def _distribution(self) -> tfd.Distribution:
        rows, columns = np.tril_indices(self.units, -1)
        places = np.stack([rows, columns], axis=-1)  # [Z (Z - 1) / 2, 2]
        below = tf.scatter_nd(places, tf.convert_to_tensor(self.below), [self.units, self.units])
        scale_tril = tf.linalg.set_diag(below, tf.exp(tf.convert_to_tensor(self.log_scale)))
        return tfd.MultivariateNormalTriL(tf.convert_to_tensor(self.loc), scale_tril)


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

    @property
    def value_shape(self) -> tuple[int, ...]:
        return ()

    @property
    def support(self) -> Constraint:
        return whole_numbers_below(self.units)
