"""Distributions over observations that a hidden structure has generated."""

import abc
from typing import Any, ClassVar

import tensorflow as tf
from tensorflow_probability import distributions as tfd

from tfp_dgm.distributions.structures import Structure

Potentials = Any  # A NamedTuple of tensors.


class GenerativeStructure(tfd.Distribution):
    """p(x) = sum_z p(x, z) over the structures z that can have generated x, exactly.

    Batch shape []: the parameters are the same for every observation, where a family says nothing
    else. Summing z out is the inside
    recursion of the posterior, whose potentials are log-probabilities: log p(x) is its log Z.

    log p(x, z) is linear in `log_potentials`: each is multiplied by a statistic of x and z, how
    often a rule was used, say. Expected statistics under the posterior are therefore derivatives of
    log p(x) in the potentials, which is all that expectation maximisation asks of a family (Eisner,
    "Inside-outside and forward-backward algorithms are just backprop", 2016).

    Subclasses give `log_potentials`, `_posterior` and `_sample_n`.
    """

    # The potentials that are log-probabilities: rows (the last axis; of rules, the last two) of
    # them sum to one.
    categorical: ClassVar[tuple[str, ...]]
    # Axes of one observation.
    event_ndims: ClassVar[int]

    def __init__(self, dtype: tf.DType, *, parameters: dict[str, Any], **kwargs: Any) -> None:
        super().__init__(
            dtype=dtype,
            reparameterization_type=tfd.NOT_REPARAMETERIZED,
            parameters=parameters,
            **kwargs,
        )

    @property
    @abc.abstractmethod
    def log_potentials(self) -> Potentials:
        """What log p(x, z) is linear in; computed once, so that a tape may watch it."""

    @abc.abstractmethod
    def _posterior(self, x: tf.Tensor) -> Structure:
        """Observations [B, *event] -> p(z | x), whose log Z is log p(x), -inf if impossible."""

    def posterior(self, x: Any) -> Structure:
        """p(z | x), batch shape [B]; its potentials are such that `score` is log p(x, z).

        Args:
          x: [B, *event].
        Raises:
          ValueError: if the number of axes is another one.
        """
        x = tf.cast(tf.convert_to_tensor(x), self.dtype)
        if x.shape.rank != self.event_ndims + 1:
            raise ValueError(
                f"{type(self).__name__}: `x` must have the axes [B, ...] of {self.event_ndims + 1} "
                f"in all; received shape {tuple(x.shape)}"
            )
        return self._posterior(x)

    def log_joint(self, x: Any, z: Any) -> tf.Tensor:
        """log p(x, z), float32 [..., B], nats: observations [B, *event], structures [..., B, *]."""
        return self.posterior(x).score(z)

    def _log_prob(self, x: tf.Tensor) -> tf.Tensor:
        leading, event = x.shape[: -self.event_ndims], x.shape[-self.event_ndims :]
        shape = tf.concat([[-1], tf.shape(x)[-self.event_ndims :]], axis=0)
        flat = tf.reshape(tf.cast(x, self.dtype), shape)
        flat = tf.ensure_shape(flat, [leading.num_elements(), *event])
        return tf.reshape(self._posterior(flat).log_partition(), tf.shape(x)[: -self.event_ndims])

    def _batch_shape(self) -> tf.TensorShape:
        return tf.TensorShape([])

    def _batch_shape_tensor(self, **parameters: Any) -> tf.Tensor:
        return tf.zeros([0], tf.int32)
