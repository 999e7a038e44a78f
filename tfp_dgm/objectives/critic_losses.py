"""What a critic of latents learns, and what the latents learn from it."""

from collections.abc import Callable

import tensorflow as tf

from tfp_dgm.objectives.configuration import Configured
from tfp_dgm.objectives.event_axes import sum_over_event

# Latents [S, B, ...] -> [S, B].
Critic = Callable[[tf.Tensor], tf.Tensor]


class CriticLoss(Configured):
    """How a critic c tells latents z ~ q from draws y ~ p of the prior.

    Args:
      gradient_penalty: weight of what keeps the critic's slope small; 0 for none.
    """

    # What logs call `divergence`.
    divergence_name = "divergence"

    def __init__(self, *, gradient_penalty: float) -> None:
        if not gradient_penalty >= 0:
            raise ValueError(
                f"{type(self).__name__}: `gradient_penalty` must be >= 0; "
                f"received {gradient_penalty}"
            )
        self.gradient_penalty = gradient_penalty

    def of_critic(self, c_z: tf.Tensor, c_other: tf.Tensor) -> tf.Tensor:
        """What the critic descends besides the penalty, by its values of both draws [S, B]."""
        raise NotImplementedError

    def penalty(self, critic: Critic, z: tf.Tensor, other: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        """What the critic descends besides, without its weight, [S, B].

        Args:
          critic: c.
          z: latents [S, B, ...].
          other: draws of the prior [S, B, ...].
          seed: int32 [2], of what is drawn here.
        """
        raise NotImplementedError

    def of_latents(self, c_z: tf.Tensor) -> tf.Tensor:
        """What the latents descend, by their critic's values [S, B]."""
        raise NotImplementedError

    def of_prior(self, c_other: tf.Tensor) -> tf.Tensor:
        """What a learned prior descends, by the critic's values of its draws [S, B]."""
        raise NotImplementedError

    def divergence(self, c_z: tf.Tensor, c_other: tf.Tensor) -> tf.Tensor:
        """The critic's estimate of what separates q(z) from p(z), [S, B]."""
        raise NotImplementedError


class LogisticCritic(CriticLoss):
    """The critic is a logistic regression of latents against draws of the prior [1, 2].

        critic: log(1 + exp(-c(z))) + log(1 + exp(c(y))),    least where c = log q(z) / p(z)
        latents: log(1 + exp(c(z))), which does not saturate [1]
        divergence: E_q c(z), at the best critic KL(q(z) || p(z))

    Args:
      gradient_penalty: of the critic's squared slope at both kinds of draws [3]; 0 leaves the
        optimum above where it is.
    References:
      [1] Goodfellow et al. Generative Adversarial Nets. NeurIPS 2014. arXiv:1406.2661
      [2] Makhzani et al. Adversarial Autoencoders. ICLR 2016 workshop. arXiv:1511.05644
      [3] Mescheder, Geiger and Nowozin. Which Training Methods for GANs do actually Converge?
        ICML 2018. arXiv:1801.04406
    """

    divergence_name = "marginal_kl"

    def __init__(self, *, gradient_penalty: float = 0.0) -> None:
        super().__init__(gradient_penalty=gradient_penalty)

    def of_latents(self, c_z: tf.Tensor) -> tf.Tensor:
        return tf.nn.softplus(c_z)

    def of_prior(self, c_other: tf.Tensor) -> tf.Tensor:
        return tf.nn.softplus(-c_other)

    def divergence(self, c_z: tf.Tensor, c_other: tf.Tensor) -> tf.Tensor:
        return c_z

    def of_critic(self, c_z: tf.Tensor, c_other: tf.Tensor) -> tf.Tensor:
        return tf.nn.softplus(-c_z) + tf.nn.softplus(c_other)

    def penalty(self, critic: Critic, z: tf.Tensor, other: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        slopes = [squared_slope(critic, part) for part in (z, other)]
        return 0.5 * (slopes[0] + slopes[1])


class WassersteinCritic(CriticLoss):
    """The critic's difference of means, its slope held to 1, is the Wasserstein distance [1, 2].

        critic: c(y) - c(z) + gradient_penalty (|c'(w)| - 1)^2,    w between y and z, at random
        latents: c(z);  a learned prior: -c(y)
        divergence: E_q c(z) - E_p c(y)

    Args:
      gradient_penalty: 10 in [2].
    References:
      [1] Arjovsky, Chintala and Bottou. Wasserstein GAN. ICML 2017. arXiv:1701.07875
      [2] Gulrajani et al. Improved Training of Wasserstein GANs. NeurIPS 2017. arXiv:1704.00028
    """

    divergence_name = "distance"

    def __init__(self, *, gradient_penalty: float = 10.0) -> None:
        super().__init__(gradient_penalty=gradient_penalty)

    def of_latents(self, c_z: tf.Tensor) -> tf.Tensor:
        return c_z

    def of_prior(self, c_other: tf.Tensor) -> tf.Tensor:
        return -c_other

    def divergence(self, c_z: tf.Tensor, c_other: tf.Tensor) -> tf.Tensor:
        return c_z - c_other

    def of_critic(self, c_z: tf.Tensor, c_other: tf.Tensor) -> tf.Tensor:
        return c_other - c_z

    def penalty(self, critic: Critic, z: tf.Tensor, other: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        leading = tf.shape(z)[:2]
        ones = tf.ones([z.shape.rank - 2], tf.int32)
        share = tf.random.stateless_uniform(tf.concat([leading, ones], axis=0), seed)
        square = squared_slope(critic, share * z + (1 - share) * other)
        # The root has no derivative at 0, where a critic of zeros begins.
        return tf.square(tf.sqrt(square + 1e-12) - 1)


def squared_slope(critic: Critic, z: tf.Tensor) -> tf.Tensor:
    """|c'(z)|^2, [S, B], with its gradient to the critic's weights."""
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(z)
        values = critic(z)
    return sum_over_event(tf.square(tape.gradient(values, z)), values.shape.rank)
