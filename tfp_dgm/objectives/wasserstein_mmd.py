"""The Wasserstein autoencoder whose latents a kernel holds to the prior."""

import tensorflow as tf
from tensorflow_probability import distributions as tfd

from tfp_dgm.objectives.autoencoders import Penalty, RegularizedAutoencoder
from tfp_dgm.objectives.joint import Joint
from tfp_dgm.objectives.kernels import InverseMultiquadratic, Kernel
from tfp_dgm.objectives.mean_discrepancies import maximum_mean_discrepancy
from tfp_dgm.objectives.objective import require_part


class WassersteinMMD(RegularizedAutoencoder):
    """Reconstruction and the maximum mean discrepancy of all latents from the prior, WAE-MMD [1].

        loss = -E_q log p(x | z) + weight MMD^2(q(z), p(z)),    q(z) = E_x q(z | x)

    The discrepancy is that of the batch with as many draws of the prior, by the unbiased estimate
    (`maximum_mean_discrepancy`): a batch of B examples compares B (B - 1) pairs, so that small
    batches give a noisy gradient, and on several replicas each compares its own share. A posterior
    without noise (`layers.PointMass`) serves, as [1] takes it; with the weight 0 that is the plain
    autoencoder. A learned prior must be one that can be reparameterised.

    Args:
      weight: of the discrepancy, in nats; see `RegularizedAutoencoder`.
      num_samples: S; the discrepancy is the mean of those of the S draws.
      kernel: `InverseMultiquadratic()`.
      kernel_scale: c of the kernel; None for E|y - y'|^2 = 2 sum_i Var(y_i) of the prior.
    Raises:
      TypeError: if the kernel is none.
      ValueError: if the posterior cannot be reparameterised, or the prior; if the latents are of
        several layers; if the scale is to be the prior's, which knows no variance.
    References:
      [1] Tolstikhin, Bousquet, Gelly and Schoelkopf. Wasserstein Auto-Encoders. ICLR 2018.
        arXiv:1711.01558
    """

    def __init__(
        self,
        *,
        weight: float = 10.0,
        num_samples: int = 1,
        kernel: Kernel | None = None,
        kernel_scale: float | None = None,
    ) -> None:
        super().__init__(weight=weight, num_samples=num_samples)
        if kernel_scale is not None and not kernel_scale > 0:
            raise ValueError(
                f"WassersteinMMD: `kernel_scale` must be > 0 or None; received {kernel_scale}"
            )
        self.kernel = InverseMultiquadratic() if kernel is None else kernel
        require_part(self, "kernel", self.kernel, Kernel)
        self.kernel_scale = kernel_scale

    @property
    def log_names(self) -> dict[str, str]:
        return {"bound": "value", "kl": "discrepancy"}

    def _penalty(self, joint: Joint, z: tf.Tensor, other: tf.Tensor, seed: tf.Tensor) -> Penalty:
        scale = self.kernel_scale or squared_distance_of_draws(joint.prior)
        shape = tf.concat([tf.shape(z)[:2], [-1]], axis=0)
        z, other = tf.reshape(z, shape), tf.reshape(other, shape)  # [S, B, Z]
        parts = maximum_mean_discrepancy(z, other, self.kernel, scale)  # [S, B]
        penalty = tf.reduce_mean(parts, axis=0)
        return Penalty(penalty, penalty)


def squared_distance_of_draws(prior: tfd.Distribution) -> tf.Tensor:
    """E|y - y'|^2 of two draws, the mean over a batch of priors; no gradient.

    Raises:
      ValueError: if the prior knows no variance.
    """
    for moment in (prior.variance, lambda: tf.linalg.diag_part(prior.covariance())):
        try:
            variance = moment()
        except NotImplementedError:
            continue
        rank = prior.event_shape.rank
        total = tf.reduce_sum(variance, axis=list(range(-rank, 0)))
        return tf.stop_gradient(2 * tf.reduce_mean(total))
    raise ValueError(
        "WassersteinMMD: `kernel_scale=None` takes the scale from the prior's variance, and "
        f"{type(prior).__name__} knows none; give a number: what |y - y'|^2 is of two draws"
    )
