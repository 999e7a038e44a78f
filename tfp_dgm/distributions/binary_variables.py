"""Many Bernoulli variables by their logits, scored together."""

import math
from collections.abc import Callable
from typing import Any

import tensorflow as tf
from tensorflow_probability import distributions as tfd

# So many factors between 1 and 2 have a product that float32 holds.
_MOST_FACTORS = 120


class BinaryVariables(tfd.Independent):
    """Independent Bernoulli variables of one event, by finite logits.

    Where images have hundreds of pixels, their log-probability is most of the work beside the
    matrix products. Here it takes one hyperbolic tangent a logit, of which its gradient is made,
    too, and few logarithms; with h = logit / 2,

        log p(x) = sum_d (2 x_d - 1) h_d - |h_d| + log((1 + |tanh h_d|) / 2)

    The share of a variable is exact to 1e-7 nats, and no further where it is smaller. Values
    between 0 and 1 get the cross-entropy.

    Args:
      distribution: `LogitBernoulli`, the last axes of whose batch become the event's.
      **kwargs: see `tfd.Independent`.
    """

    def _log_prob(self, event: tf.Tensor, **kwargs: Any) -> tf.Tensor:
        rank, size = self.event_shape.rank, self.event_shape.num_elements()
        # Events that are broadcast, and checks of the variables' own, are left to TFP.
        whole = event.shape.rank is not None and event.shape[-rank:] == self.event_shape
        if not (size and whole) or self.distribution.validate_args:
            return super()._log_prob(event, **kwargs)
        logits = self.distribution.logits_parameter()
        return _summed_log_prob(_flat(tf.cast(event, logits.dtype), rank), _flat(logits, rank))


def _flat(tensor: tf.Tensor, event_rank: int) -> tf.Tensor:
    """[..., *event shape] -> [..., D]."""
    if event_rank == 1:
        return tensor
    size = math.prod(tensor.shape[-event_rank:])
    return tf.reshape(tensor, tf.concat([tf.shape(tensor)[:-event_rank], [size]], axis=0))


@tf.custom_gradient
def _summed_log_prob(
    event: tf.Tensor, logits: tf.Tensor
) -> tuple[tf.Tensor, Callable[[tf.Tensor], tuple[tf.Tensor, tf.Tensor]]]:
    """Of [..., D] and [..., D], whose leading axes broadcast: [...]."""
    half = 0.5 * logits
    tanh = tf.tanh(half)
    signs = 2 * event - 1
    softened = _sum_of_logs(1 + tf.abs(tanh)) - logits.shape[-1] * math.log(2)
    answer = tf.reduce_sum(signs * half - tf.abs(half), axis=-1) + softened

    def gradient(upstream: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        upstream = upstream[..., tf.newaxis]
        to_event = _summed_like(upstream * logits, event)
        return to_event, _summed_like((signs - tanh) * (0.5 * upstream), logits)

    return answer, gradient


def _sum_of_logs(factors: tf.Tensor) -> tf.Tensor:
    """Logarithms of numbers from 1 to 2, summed up along the last axis: [..., D] -> [...]."""
    size = factors.shape[-1]
    groups = -(-size // _MOST_FACTORS)
    missing = -size % groups
    if missing:
        ones = tf.ones_like(factors[..., :missing])
        factors = tf.concat([factors, ones], axis=-1)
    shape = tf.concat([tf.shape(factors)[:-1], [groups, (size + missing) // groups]], axis=0)
    products = tf.reduce_prod(tf.reshape(factors, shape), axis=-1)  # [..., groups]
    return tf.reduce_sum(tf.math.log(products), axis=-1)


def _summed_like(tensor: tf.Tensor, like: tf.Tensor) -> tf.Tensor:
    """Summed up along the axes along which the other was broadcast."""
    shape = tf.shape(like)
    axes = tf.raw_ops.BroadcastGradientArgs(s0=tf.shape(tensor), s1=shape).r1
    return tf.reshape(tf.reduce_sum(tensor, axis=axes), shape)
