"""Distributions that can be drawn from, and have no density."""

from collections.abc import Callable
from typing import Any, NoReturn

import tensorflow as tf
from tensorflow_probability import distributions as tfd

from tfp_dgm.distributions.capability import capability


class WithoutDensity(tfd.Distribution):
    """Draws can be reparameterised; whoever asks for a density is told that there is none.

    So no objective or evaluation that stands on log p(z) or log q(z | x) takes one by mistake.
    """

    def _log_prob(self, value: tf.Tensor) -> NoReturn:
        name = type(self).__name__
        raise NotImplementedError(
            f"{name}: has no density, only draws, so that bounds on the log-likelihood, "
            "divergences and mutual information, which ask for log_prob, cannot be had of it. "
            "WassersteinMMD and AdversarialAutoencoder train without one"
        )


class PointMass(WithoutDensity):
    """All probability on one point: what an encoder without noise gives.

    (`tfd.VectorDeterministic` is one with a `log_prob`, of 0 or -inf: a probability, which beside
    the densities of a prior would pass for a bound.)

    Args:
      loc: float [..., Z].
    """

    def __init__(self, loc: tf.Tensor) -> None:
        self.loc = tf.convert_to_tensor(loc)
        super().__init__(
            dtype=self.loc.dtype,
            reparameterization_type=tfd.FULLY_REPARAMETERIZED,
            validate_args=False,
            allow_nan_stats=True,
            parameters={"loc": loc},
            name="PointMass",
        )

    def _batch_shape(self) -> tf.TensorShape:
        return self.loc.shape[:-1]

    def _batch_shape_tensor(self, **kwargs: Any) -> tf.Tensor:
        return tf.shape(self.loc)[:-1]

    def _event_shape(self) -> tf.TensorShape:
        return self.loc.shape[-1:]

    def _event_shape_tensor(self, **kwargs: Any) -> tf.Tensor:
        return tf.shape(self.loc)[-1:]

    def _mean(self) -> tf.Tensor:
        return tf.identity(self.loc)

    def _variance(self) -> tf.Tensor:
        return tf.zeros_like(self.loc)

    def _sample_n(self, n: tf.Tensor, seed: Any = None) -> tf.Tensor:
        return tf.broadcast_to(self.loc, tf.concat([[n], tf.shape(self.loc)], axis=0))


class Implicit(WithoutDensity):
    """z = generator(noise): a distribution that is known by its draws alone [1].

    Args:
      generator: noise [N, K] -> float32 [N, Z].
      noise: distribution of one noise, batch shape [] and event shape [K].
      units: Z.
    References:
      [1] Mohamed and Lakshminarayanan. Learning in Implicit Generative Models. 2016.
        arXiv:1610.03483
    """

    def __init__(
        self, generator: Callable[[tf.Tensor], tf.Tensor], noise: tfd.Distribution, units: int
    ) -> None:
        self.generator, self.noise, self.units = generator, noise, units
        super().__init__(
            dtype=tf.float32,
            reparameterization_type=tfd.FULLY_REPARAMETERIZED,
            validate_args=False,
            allow_nan_stats=True,
            parameters={"generator": generator, "noise": noise, "units": units},
            name="Implicit",
        )

    def from_noise(self, noise: tf.Tensor) -> tf.Tensor:
        """Noise [..., K] as draws [..., Z]."""
        flat = self.generator(tf.reshape(noise, [-1, noise.shape[-1]]))  # [N, Z]
        return tf.reshape(flat, tf.concat([tf.shape(noise)[:-1], [self.units]], axis=0))

    def _batch_shape(self) -> tf.TensorShape:
        return tf.TensorShape([])

    def _batch_shape_tensor(self, **kwargs: Any) -> tf.Tensor:
        return tf.zeros([0], tf.int32)

    def _event_shape(self) -> tf.TensorShape:
        return tf.TensorShape([self.units])

    def _event_shape_tensor(self, **kwargs: Any) -> tf.Tensor:
        return tf.constant([self.units])

    def _sample_n(self, n: tf.Tensor, seed: Any = None) -> tf.Tensor:
        return self.from_noise(self.noise.sample(n, seed=seed))


@capability
def has_density(distribution: tfd.Distribution) -> bool:
    """Whether `log_prob` may be asked; a family of which that is not so registers it."""
    return True


@has_density.register(WithoutDensity)
def _(distribution: WithoutDensity) -> bool:
    return False
