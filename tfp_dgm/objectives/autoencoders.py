"""What objectives share that hold all latents together to the prior, not each one's posterior."""

from typing import ClassVar, NamedTuple

import tensorflow as tf
from tensorflow_probability import distributions as tfd

from tfp_dgm.objectives.bound import Bound
from tfp_dgm.objectives.joint import Joint
from tfp_dgm.objectives.objective import Objective, at_least_one
from tfp_dgm.objectives.pathwise import require_reparameterized


class Penalty(NamedTuple):
    """What holds the latents to the prior; each [B].

    Attributes:
      value: what is reported.
      loss: what training descends, times the weight.
      aside: what is learned besides, whose gradient alone counts; None for nothing.
    """

    value: tf.Tensor
    loss: tf.Tensor
    aside: tf.Tensor | None = None


class RegularizedAutoencoder(Objective):
    """Reconstruction, and a penalty on what separates q(z) = E_x q(z | x) from p(z).

        value[b] = mean_s log p(x_b | z_sb) - weight penalty[b]

    No density of either is asked for, and the value is no bound on the log-likelihood.

    Args:
      weight: of the penalty in loss and value; the non-trainable variable `weight`, which a
        schedule reaches.
      num_samples: S.
    """

    bounds_log_likelihood: ClassVar[bool] = False

    def __init__(self, *, weight: float, num_samples: int) -> None:
        if not weight >= 0:
            raise ValueError(f"{type(self).__name__}: `weight` must be >= 0; received {weight}")
        self.weight = tf.Variable(weight, trainable=False, dtype=tf.float32, name="weight")
        self.num_samples = at_least_one(self, "num_samples", num_samples)

    def _evaluate(self, joint: Joint, seed: tf.Tensor) -> Bound:
        posterior, prior = joint.posterior, joint.prior
        require_reparameterized(self, posterior)
        batch = posterior.batch_shape
        if tf.nest.is_nested(posterior.event_shape) or batch.rank != 1:
            raise ValueError(
                f"{type(self).__name__}: needs latents of one layer, of batch shape [B], since it "
                f"compares those of a batch; received {posterior}"
            )
        if prior.reparameterization_type != tfd.FULLY_REPARAMETERIZED:
            raise ValueError(
                f"{type(self).__name__}: needs a prior whose draws can be reparameterised, or what "
                f"it learns would not be learned; received {prior}"
            )
        of_prior = tf.random.fold_in(seed, 1)  # Other noise than the posterior's.
        z = posterior.sample(self.num_samples, seed=seed)  # [S, B, ...]
        shape = tf.shape(z)[: 2 - prior.batch_shape.rank]
        other = prior.sample(shape, seed=of_prior)  # [S, B, ...]
        log_px = joint.log_likelihood(z)  # [S, B]
        if isinstance(log_px, Bound):
            raise ValueError(
                f"{type(self).__name__}: needs a log-likelihood; received a bound on one"
            )
        penalty = self._penalty(joint, z, other, seed)
        reconstruction = tf.reduce_mean(log_px, axis=0)
        value = reconstruction - tf.math.multiply_no_nan(penalty.value, self.weight)
        loss = tf.math.multiply_no_nan(penalty.loss, self.weight) - reconstruction
        if penalty.aside is not None:
            loss += penalty.aside - tf.stop_gradient(penalty.aside)
        return Bound(loss, value, reconstruction, penalty.value, None)

    def _penalty(self, joint: Joint, z: tf.Tensor, other: tf.Tensor, seed: tf.Tensor) -> Penalty:
        """Of latents and of draws of the prior, both [S, B, ...]."""
        raise NotImplementedError
