"""Draws of latents that depend on each row's own seed alone."""

from typing import Any

import tensorflow as tf
from tensorflow_probability import distributions as tfd

from tfp_dgm.distributions import TopDown
from tfp_dgm.inference.counter_based import gumbel, normal, uniform

# Each layer of latents is drawn with numbers of its own, and so is the component of a mixture.
_LAYER, _COMPONENT = 1 << 24, 1 << 30


def draw(
    distribution: tfd.Distribution, seeds: tf.Tensor, counter: int, *, num_samples: int = 1
) -> Any:
    """Draws by counter-based numbers: the same in whatever batch a row stands, and under XLA.

    For Normals over R^Z of any covariance, mixtures of them, and flows that begin in one; for
    independent Bernoulli and one-hot categorical variables; and for layers of all these, each
    given the one before, of a posterior or `distributions.TopDown`. A discrete draw is the same
    eagerly, in a graph and under XLA but for ties within rounding.

    Args:
      distribution: batch shape [] or [B], or [S, B] in a layer given another.
      seeds: int32 [B, 2].
      counter: tells one draw of a row from its next; below 2^24.
      num_samples: S.
    Returns:
      float32 [S, B, ...]; of layers a list.
    Raises:
      ValueError: if the distribution is of another family.
    """
    if isinstance(distribution, tfd.JointDistributionSequential):
        return _draw_of_layers(distribution, seeds, counter, num_samples)
    if isinstance(distribution, tfd.Independent):
        return _draw_of_variables(distribution, seeds, counter, num_samples)
    if isinstance(distribution, tfd.MixtureSameFamily):
        return _draw_of_mixture(distribution, seeds, counter, num_samples)
    if isinstance(distribution, tfd.MultivariateNormalLinearOperator):
        return _transformed(distribution, _noise(distribution, seeds, counter, num_samples))
    if isinstance(distribution, tfd.TransformedDistribution):
        base = draw(distribution.distribution, seeds, counter, num_samples=num_samples)
        return distribution.bijector.forward(base)
    raise ValueError(
        "distribution: expected a multivariate Normal, a mixture of them, a flow from one, "
        "independent Bernoulli or one-hot variables, or layers of these; "
        f"received {type(distribution).__name__}"
    )


def _draw_of_layers(
    layers: tfd.JointDistributionSequential, seeds: tf.Tensor, counter: int, num_samples: int
) -> list[tf.Tensor]:
    drawn: list[tf.Tensor] = []
    for number, layer in enumerate(layers.model):
        given = layer if isinstance(layer, tfd.Distribution) else layer(drawn[-1])
        drawn.append(draw(given, seeds, counter + number * _LAYER, num_samples=num_samples))
    return drawn[::-1] if isinstance(layers, TopDown) else drawn


def _draw_of_variables(
    distribution: tfd.Independent, seeds: tf.Tensor, counter: int, num_samples: int
) -> tf.Tensor:
    variables = distribution.distribution
    noise = {tfd.Bernoulli: uniform, tfd.OneHotCategorical: gumbel}
    kind = next((kind for kind in noise if isinstance(variables, kind)), None)
    if kind is None:
        raise ValueError(
            "distribution: expected independent Bernoulli or one-hot variables; received "
            f"{type(variables).__name__}"
        )
    numbers = noise[kind](seeds, counter, [num_samples, *distribution.event_shape])  # [B, S, ...]
    numbers = tf.einsum("bs...->sb...", numbers)
    if kind is tfd.Bernoulli:
        return tf.cast(numbers < variables.probs_parameter(), tf.float32)
    noisy = variables.logits_parameter() + numbers  # [S, B, ..., K]
    return tf.one_hot(tf.argmax(noisy, axis=-1), noisy.shape[-1])


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
