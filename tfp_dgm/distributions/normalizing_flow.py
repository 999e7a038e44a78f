"""A distribution pushed through a bijector, with what posteriors are asked for besides."""

import numpy as np
import tensorflow as tf
from tensorflow_probability import bijectors as tfb
from tensorflow_probability import distributions as tfd

from tfp_dgm.distributions.capability import capability
from tfp_dgm.distributions.families import Chain, Transformed
from tfp_dgm.distributions.householder import Householder
from tfp_dgm.distributions.no_rule import no_rule

# Draws behind `mean`: its standard error is a sixteenth of the standard deviation.
NUM_DRAWS_OF_MEAN = 256


class NormalizingFlow(tfd.TransformedDistribution):
    """y = bijector(x), x ~ distribution: log p(y) = log p(x) - log |det dy/dx| [1].

    `experimental_sample_and_log_prob` inverts nothing. The mean of a linear flow is the base's,
    moved. That of another has no closed form; where the flow begins in a multivariate Normal,
    `mean` estimates it from 256 draws, whose standard noise [256, Z] is one constant for every
    distribution of the batch. So the encoding of a text is always the same, whatever stands beside
    it, and the means of two texts differ by the texts alone.

    Args:
      distribution: of x.
      bijector: a `tfp.bijectors.Bijector`.
    References:
      [1] Rezende and Mohamed. Variational Inference with Normalizing Flows. ICML 2015.
        arXiv:1505.05770
    """

    def _mean(self) -> tf.Tensor:
        if _is_linear(self.bijector):
            return self.bijector.forward(self.distribution.mean())
        size = self.event_shape[-1]
        # By NumPy: the same eagerly, in a graph and under XLA.
        noise = np.random.default_rng(0).standard_normal([NUM_DRAWS_OF_MEAN, size])
        noise = tf.constant(noise, self.dtype)
        noise = tf.reshape(noise, [NUM_DRAWS_OF_MEAN, *[1] * self.batch_shape.rank, size])
        return tf.reduce_mean(from_noise(self, noise), axis=0)


def _is_linear(bijector: tfb.Bijector) -> bool:
    if isinstance(bijector, Chain):
        return all(_is_linear(part) for part in bijector.bijectors)
    return isinstance(bijector, Householder)


@capability
def from_noise(distribution: tfd.Distribution, noise: tf.Tensor) -> tf.Tensor:
    """Standard Normal noise [S, .., Z] as draws of the distribution.

    Raises:
      NotImplementedError: if the family has registered no rule.
    """
    expected = "a flow that begins in a multivariate Normal"
    raise NotImplementedError(
        f"NormalizingFlow.mean: {no_rule(from_noise, expected, distribution)}"
    )


@from_noise.register(tfd.MultivariateNormalLinearOperator)
def _(distribution: tfd.MultivariateNormalLinearOperator, noise: tf.Tensor) -> tf.Tensor:
    return distribution.bijector.forward(noise)


@from_noise.register(Transformed)
def _(distribution: tfd.TransformedDistribution, noise: tf.Tensor) -> tf.Tensor:
    return distribution.bijector.forward(from_noise(distribution.distribution, noise))
