"""A distribution some of whose events are known."""

from typing import Any

import tensorflow as tf
from tensorflow_probability import distributions as tfd


class PartlyGiven(tfd.Distribution):
    """Another distribution, but for rows whose event is given: there it is that event for certain.

        log_prob(z)[b] = 0 where z_b is the given event, -inf where it is another one

    What a posterior is where an annotator has told the latent.

    Args:
      distribution: discrete, batch shape [B].
      events: [B, *event shape].
      given: bool [B]; where not, the event is not looked at.
    """

    def __init__(
        self,
        distribution: tfd.Distribution,
        events: Any,
        given: Any,
        *,
        validate_args: bool = False,
        allow_nan_stats: bool = True,
        name: str = "PartlyGiven",
    ) -> None:
        parameters = dict(locals())
        with tf.name_scope(name) as name:
            self._whole = distribution
            self._events = tf.convert_to_tensor(events, distribution.dtype, name="events")
            self._given = tf.convert_to_tensor(given, tf.bool, name="given")
            super().__init__(
                dtype=distribution.dtype,
                reparameterization_type=tfd.NOT_REPARAMETERIZED,
                validate_args=validate_args,
                allow_nan_stats=allow_nan_stats,
                parameters=parameters,
                name=name,
            )

    def _batch_shape(self) -> tf.TensorShape:
        return self._whole.batch_shape

    def _batch_shape_tensor(self) -> tf.Tensor:
        return self._whole.batch_shape_tensor()

    def _event_shape(self) -> tf.TensorShape:
        return self._whole.event_shape

    def _event_shape_tensor(self) -> tf.Tensor:
        return self._whole.event_shape_tensor()

    def _sample_n(self, n: tf.Tensor, seed: Any = None) -> tf.Tensor:
        drawn = self._whole.sample(n, seed=seed)  # [n, B, ...]
        return tf.where(self._aligned(), self._events, drawn)

    def _log_prob(self, events: tf.Tensor) -> tf.Tensor:
        rank = self._whole.event_shape.rank
        axes = list(range(-rank, 0))
        equal = tf.reduce_all(events == self._events, axis=axes)
        of_given = tf.where(equal, 0.0, -float("inf"))
        # What is asked of the whole must have a finite gradient there, though it does not count.
        asked = tf.where(self._aligned(), self._events, events)
        return tf.where(self._given, of_given, self._whole.log_prob(asked))

    def _aligned(self) -> tf.Tensor:
        """[B, 1, ...], beside events."""
        rest = [1] * self._whole.event_shape.rank
        return tf.reshape(self._given, tf.concat([tf.shape(self._given), rest], axis=0))
