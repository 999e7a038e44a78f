"""Draws of latents that depend on each row's own seed alone."""

import tensorflow as tf
from tensorflow_probability import distributions as tfd

from tfp_dgm.inference.counter_based import gumbel, normal

# The components of a mixture are chosen with numbers of their own.
_COMPONENT = 1 << 30


def draw(
    distribution: tfd.Distribution, seeds: tf.Tensor, counter: int, *, num_samples: int = 1
) -> tf.Tensor:
    """Draws by counter-based numbers: the same in whatever batch a row stands, and under XLA.

    For Normals over R^Z of any covariance, mixtures of them, and flows that begin in one.

    Args:
      distribution: batch shape [] or [B], event shape [Z].
      seeds: int32 [B, 2].
      counter: tells one draw of a row from its next; below 2^30.
      num_samples: S.
    Returns:
      float32 [S, B, Z].
    Raises:
      ValueError: if the distribution is of another family.
    """
    if isinstance(distribution, tfd.MixtureSameFamily):
        return _draw_of_mixture(distribution, seeds, counter, num_samples)
    if isinstance(distribution, tfd.MultivariateNormalLinearOperator):
        return _transformed(distribution, _noise(distribution, seeds, counter, num_samples))
    if isinstance(distribution, tfd.TransformedDistribution):
        base = draw(distribution.distribution, seeds, counter, num_samples=num_samples)
        return distribution.bijector.forward(base)
    raise ValueError(
        "distribution: expected a multivariate Normal, a mixture of them or a flow from one; "
        f"received {type(distribution).__name__}"
    )


def _noise(
    distribution: tfd.Distribution, seeds: tf.Tensor, counter: int, num_samples: int
) -> tf.Tensor:
    size = distribution.event_shape[0]
    noise = normal(seeds, counter, [num_samples, size])  # [B, S, Z]
    return tf.transpose(noise, [1, 0, 2])


def _transformed(distribution: tfd.Distribution, noise: tf.Tensor) -> tf.Tensor:
    scaled = distribution.scale.matvec(noise)
    return scaled if distribution.loc is None else distribution.loc + scaled


def _draw_of_mixture(
    mixture: tfd.MixtureSameFamily, seeds: tf.Tensor, counter: int, num_samples: int
) -> tf.Tensor:
    components = mixture.components_distribution
    if not isinstance(components, tfd.MultivariateNormalLinearOperator):
        raise ValueError(
            f"distribution: expected a mixture of Normals; received one of "
            f"{type(components).__name__}"
        )
    noise = _noise(components, seeds, counter, num_samples)
    every = _transformed(components, noise[..., tf.newaxis, :])  # [S, B, K, Z]
    logits = mixture.mixture_distribution.logits_parameter()  # [K] or [B, K]
    chosen = gumbel(seeds, _COMPONENT + counter, [num_samples, logits.shape[-1]])  # [B, S, K]
    component = tf.argmax(logits + tf.transpose(chosen, [1, 0, 2]), axis=-1)  # [S, B]
    return tf.gather(every, component, batch_dims=2)
