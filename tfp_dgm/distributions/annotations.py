"""Events that are known in part, as annotators leave them."""

from typing import Any

import tensorflow as tf
from tensorflow_probability import distributions as tfd

from tfp_dgm.distributions.capability import capability
from tfp_dgm.distributions.structures import LinearChain
from tfp_dgm.distributions.structures.checks import require_event_shape


@capability
def log_prob_of_annotation(distribution: tfd.Distribution, annotation: Any) -> tf.Tensor:
    """log p of what an annotation says, batch shape [B].

    An event, whose `log_prob` it is; families whose events may be known in part register what
    stands for the unknown, and sum over it.

    Args:
      distribution: batch shape [B].
      annotation: [B, *event shape].
    """
    return distribution.log_prob(annotation)


@log_prob_of_annotation.register(LinearChain)
def _(distribution: LinearChain, annotation: Any) -> tf.Tensor:
    known = given_annotation(distribution, annotation)
    return known.log_partition() - distribution.log_partition()


def given_annotation(chain: LinearChain, annotation: Any) -> LinearChain:
    """The chain conditioned on states [B, T], -1 where they are not known.

    Raises:
      ValueError, InvalidArgumentError: see `require_event_shape`.
    """
    states = require_event_shape(chain, tf.cast(annotation, tf.int32))[..., tf.newaxis]
    unary = chain.potentials.unary
    fitting = (states == tf.range(tf.shape(unary)[-1])) | (states == -1)
    return chain.copy(unary=tf.where(fitting, unary, tf.constant(-float("inf"), unary.dtype)))
