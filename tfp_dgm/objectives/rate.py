"""What takes the divergence's place in the loss, so that the posterior does not collapse."""

from collections.abc import Callable

import tensorflow as tf
from tensorflow_probability import distributions as tfd

from tfp_dgm.distributions.divergence import divergence_per_factor
from tfp_dgm.objectives.configuration import Configured


class Rate(Configured):
    """Turns the divergences of a batch into the term of the loss that stands in their place."""

    @property
    def is_per_dimension(self) -> bool:
        """Whether a call asks for `kl_per_dimension`, of which there is a closed form only."""
        return False

    def __call__(
        self, kl: tf.Tensor, kl_per_dimension: Callable[[], tf.Tensor], *, training: bool
    ) -> tf.Tensor:
        """The term of the loss.

        Args:
          kl: [B], nats.
          kl_per_dimension: gives the divergence of each latent dimension, [B, Z]; asked only where
            it is used, since not every pair of distributions has one.
          training: whether this is a step of training.
        Returns:
          [B], nats.
        """
        raise NotImplementedError


class FreeBits(Rate):
    """A rate below which the divergence costs nothing [1].

        rate[b] = sum_g max(nats, KL_gb)

    over groups g of `group_size` dimensions in their order; where that is None, over one group of
    them all. KL_gb is that of each example, where [1] takes the mean over the batch: the loss of a
    row then depends on that row alone.

    Args:
      nats: what is free in each group (1 bit is 0.69 nats).
      group_size: dimensions in a group: 1 for each by itself, None for the whole latent, for which
        no factorised distributions are needed.
    Raises:
      ValueError: if the latent's dimensions are not a multiple of the group size.
    References:
      [1] Kingma et al. Improving Variational Inference with Inverse Autoregressive Flow.
        NeurIPS 2016. arXiv:1606.04934
    """

    def __init__(self, nats: float, *, group_size: int | None = 1) -> None:
        if nats < 0:
            raise ValueError(f"FreeBits: `nats` must be >= 0; received {nats}")
        if group_size is not None and group_size < 1:
            raise ValueError(f"FreeBits: `group_size` must be >= 1 or None; received {group_size}")
        self.nats = float(nats)
        self.group_size = group_size

    @property
    def is_per_dimension(self) -> bool:
        return self.group_size is not None

    def __call__(
        self, kl: tf.Tensor, kl_per_dimension: Callable[[], tf.Tensor], *, training: bool
    ) -> tf.Tensor:
        if self.group_size is None:
            return tf.maximum(self.nats, kl)
        parts = kl_per_dimension()  # [B, Z]
        if parts.shape[-1] % self.group_size:
            raise ValueError(
                f"FreeBits: `group_size` must divide the latent's {parts.shape[-1]} dimensions; "
                f"received {self.group_size}"
            )
        groups = tf.reshape(
            parts, tf.concat([tf.shape(parts)[:-1], [-1, self.group_size]], axis=0)
        )  # [B, G, Z / G]
        return tf.reduce_sum(tf.maximum(self.nats, tf.reduce_sum(groups, axis=-1)), axis=-1)


class MinimumDesiredRate(Rate):
    """A constraint KL >= nats on the mean over the batch, by a Lagrangian multiplier [1].

        rate[b] = KL_b + multiplier (nats - KL_b),
        multiplier <- max(0, multiplier + learning_rate (nats - mean_b KL_b))  at training steps

    The multiplier is a variable with this ascent of its own; the optimizer of the model does not
    see it. ([1] keeps it positive by a softplus and moves it by RMSprop.)

    Args:
      nats: the rate desired.
      learning_rate: of the multiplier's ascent, per nat that is missing.
      multiplier: where the ascent starts.
    References:
      [1] Pelsmaeker and Aziz. Effective Estimation of Deep Generative Language Models. ACL 2020.
        arXiv:1904.08194
    """

    def __init__(
        self, nats: float, *, learning_rate: float = 0.01, multiplier: float = 0.0
    ) -> None:
        if nats < 0:
            raise ValueError(f"MinimumDesiredRate: `nats` must be >= 0; received {nats}")
        self.nats = float(nats)
        self.learning_rate = learning_rate
        self.multiplier = tf.Variable(
            multiplier,
            trainable=False,
            dtype=tf.float32,
            aggregation=tf.VariableAggregation.MEAN,  # Replicas see different parts of a batch.
            name="multiplier",
        )

    def __call__(
        self, kl: tf.Tensor, kl_per_dimension: Callable[[], tf.Tensor], *, training: bool
    ) -> tf.Tensor:
        multiplier = tf.convert_to_tensor(self.multiplier)
        if training:
            missing = self.nats - tf.reduce_mean(tf.stop_gradient(kl))
            self.multiplier.assign(tf.maximum(0.0, multiplier + self.learning_rate * missing))
        return kl + multiplier * (self.nats - kl)


def kl_per_dimension(posterior: tfd.Distribution, prior: tfd.Distribution) -> tf.Tensor:
    """KL(q || p) of each dimension of the latent, [B, Z].

    Raises:
      ValueError: if posterior and prior are no vectors of independent dimensions with a
        divergence in closed form.
    """
    try:
        parts = divergence_per_factor(posterior, prior)
        if len(posterior.event_shape) != 1:
            raise ValueError(f"dimensions must stand on one axis; received {posterior}")
    except ValueError as error:
        raise ValueError(
            f"{error}. FreeBits(group_size=None) needs only the divergence of the whole latent."
        ) from None
    return parts
