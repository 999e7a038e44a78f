"""The autoencoder whose latents a critic holds to the prior."""

import tensorflow as tf

from tfp_dgm.objectives.autoencoders import Penalty, RegularizedAutoencoder
from tfp_dgm.objectives.critic_losses import CriticLoss, LogisticCritic
from tfp_dgm.objectives.event_axes import sum_over_event
from tfp_dgm.objectives.joint import Joint
from tfp_dgm.objectives.objective import require_part


class AdversarialAutoencoder(RegularizedAutoencoder):
    """Reconstruction against a critic that tells latents from draws of the prior [1, 2].

        loss = -E_q log p(x | z) + weight (of_latents(c(z)) + of_prior(c(y)))

    for latents z ~ q(z | x) and draws y ~ p(z), by the two functions of `critic_loss`.

    The joint provides the critic, c(z), a network of the model's. The loss holds the critic's own,
    too, with the value 0: encoder, decoder and prior get no gradient of it, and the critic none of
    theirs, so that one pass serves both, at the same weights; the model moves the critic by an
    optimizer of its own (`compile(critic_optimizer=...)`). With `LogisticCritic()` this is the AAE
    [1] and WAE-GAN [2] of a fixed prior; with `WassersteinCritic()` and `layers.ImplicitPrior`, the
    ARAE [3].

    Args:
      weight: of the penalty; see `RegularizedAutoencoder`. It does not scale the critic's own loss.
      num_samples: S.
      critic_loss: `LogisticCritic()`.
    Raises:
      TypeError: if the critic's loss is none.
      NotImplementedError: if the model has no critic.
      ValueError: if the posterior cannot be reparameterised, or the prior; if the latents are of
        several layers.
    References:
      [1] Makhzani et al. Adversarial Autoencoders. ICLR 2016 workshop. arXiv:1511.05644
      [2] Tolstikhin, Bousquet, Gelly and Schoelkopf. Wasserstein Auto-Encoders. ICLR 2018.
        arXiv:1711.01558
      [3] Zhao, Kim, Zhang, Rush and LeCun. Adversarially Regularized Autoencoders. ICML 2018.
        arXiv:1706.04223
    """

    def __init__(
        self,
        *,
        weight: float = 1.0,
        num_samples: int = 1,
        critic_loss: CriticLoss | None = None,
    ) -> None:
        super().__init__(weight=weight, num_samples=num_samples)
        self.critic_loss = LogisticCritic() if critic_loss is None else critic_loss
        require_part(self, "critic_loss", self.critic_loss, CriticLoss)

    @property
    def log_names(self) -> dict[str, str]:
        return {"bound": "value", "kl": self.critic_loss.divergence_name}

    def _penalty(self, joint: Joint, z: tf.Tensor, other: tf.Tensor, seed: tf.Tensor) -> Penalty:
        critic, learned = joint.critic, self.critic_loss
        at = [tf.stop_gradient(z), tf.stop_gradient(other)]
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(at)
            c_z, c_other = critic(at[0]), critic(at[1])  # [S, B]
            descended = learned.of_latents(c_z) + learned.of_prior(c_other)
        value = tf.reduce_mean(tf.stop_gradient(learned.divergence(c_z, c_other)), axis=0)
        loss = tf.stop_gradient(descended)
        if not joint.training:
            return Penalty(value, tf.reduce_mean(loss, axis=0))
        slopes = tape.gradient(descended, at)
        for draws, start, slope in zip((z, other), at, slopes, strict=True):
            # Linear in the draws: the same gradient for them, and none for the critic's weights.
            change = tf.stop_gradient(slope) * (draws - start)
            loss += sum_over_event(change, c_z.shape.rank)
        aside = learned.of_critic(c_z, c_other)
        if learned.gradient_penalty:
            penalty = learned.penalty(critic, at[0], at[1], tf.random.fold_in(seed, 2))
            aside += learned.gradient_penalty * penalty
        return Penalty(value, tf.reduce_mean(loss, axis=0), tf.reduce_mean(aside, axis=0))
