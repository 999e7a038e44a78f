"""Every value of a discrete latent, one after the other."""

import math

import numpy as np
import tensorflow as tf
from tensorflow_probability import distributions as tfd

from tfp_dgm.objectives.joint import Latents
from tfp_dgm.objectives.stochastic_layers import packed

_MOST_VALUES = 2**16


def enumerated(distribution: tfd.Distribution) -> tuple[Latents, tf.Tensor]:
    """All values of one draw, and their log-probabilities.

    Args:
      distribution: `tfd.Categorical`, `OneHotCategorical`, `Bernoulli`, or `tfd.Independent` over
        some of these, batch shape [B] or []; or a `tfd.JointDistribution` of such layers.
    Returns:
      values: [M, B, ...] for M values, in the distribution's structure; the last of several
        variables changes fastest, that of the last layer before all. [M, ...] for batch shape [].
      log_probs: float32 [M, B] or [M]; -inf for values of no probability.
    Raises:
      ValueError: if the distribution is another one, or has more than 65,536 values.
    """
    if isinstance(distribution, tfd.Categorical):
        log_probs = tf.math.log_softmax(distribution.logits_parameter())  # [B, K]
        log_probs = tf.experimental.numpy.moveaxis(log_probs, -1, 0)  # [K, B]
        support = np.arange(log_probs.shape[0])
        return _repeated(support, distribution), log_probs
    if isinstance(distribution, tfd.JointDistribution):
        # A layer's family and shape are the same whatever the draws before it.
        layers, _ = distribution.sample_distributions(seed=(0, 0))
        supports = [_support(layer) for layer in layers]
        sizes = [len(support) for support in supports]
        if math.prod(sizes) > _MOST_VALUES:
            raise ValueError(
                f"enumeration: expected at most {_MOST_VALUES} values; received layers of {sizes}"
            )
        choices = np.indices(sizes).reshape(len(sizes), -1)  # [L, M]
        values = packed(
            distribution,
            [
                _repeated(support[chosen], layer)
                for support, chosen, layer in zip(supports, choices, layers, strict=True)
            ],
        )
    else:
        values = _repeated(_support(distribution), distribution)
    return values, distribution.log_prob(values)


def _support(distribution: tfd.Distribution) -> np.ndarray:
    """[M, *event shape] of one example."""
    dtype = distribution.dtype.as_numpy_dtype
    if isinstance(distribution, tfd.Independent):
        base = _support(distribution.distribution)  # [K, *event shape of one variable]
        inner = distribution.distribution.event_shape.rank
        shape = distribution.event_shape[: distribution.event_shape.rank - inner].as_list()
        size = int(np.prod(shape))
        if len(base) ** size > _MOST_VALUES:
            raise ValueError(
                f"enumeration: expected at most {_MOST_VALUES} values; received {size} variables "
                f"of {len(base)} values each"
            )
        choices = np.indices([len(base)] * size).reshape(size, -1).T  # [M, N]
        return base[choices].reshape(len(choices), *shape, *base.shape[1:])
    if isinstance(distribution, tfd.OneHotCategorical):
        return np.eye(distribution.event_shape[-1], dtype=dtype)
    if isinstance(distribution, tfd.Bernoulli):
        return np.arange(2).astype(dtype)
    if isinstance(distribution, tfd.Categorical):
        return np.arange(distribution.logits_parameter().shape[-1]).astype(dtype)
    raise ValueError(
        "enumeration: needs Categorical, OneHotCategorical or Bernoulli variables; received "
        f"{distribution}"
    )


def _repeated(support: np.ndarray, distribution: tfd.Distribution) -> tf.Tensor:
    """[M, *event shape] -> [M, *batch shape, *event shape]."""
    batch = distribution.batch_shape_tensor()
    rows, event = support.shape[:1], support.shape[1:]
    column = tf.concat([rows, tf.ones_like(batch), event], axis=0)
    values = tf.reshape(tf.constant(support, distribution.dtype), tf.cast(column, tf.int32))
    return tf.broadcast_to(values, tf.concat([rows, batch, event], axis=0))
