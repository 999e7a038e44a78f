"""Wake-sleep: the model learns from inference, and inference from the model's dreams."""

import tensorflow as tf
import tensorflow_probability as tfp

from tfp_dgm.objectives.bound import Bound
from tfp_dgm.objectives.draws import Draws
from tfp_dgm.objectives.impossible_draws import normalized_weights, zero_where_infinite
from tfp_dgm.objectives.joint import Joint
from tfp_dgm.objectives.objective import Objective, at_least_one


class ReweightedWakeSleep(Objective):
    """Reweighted wake-sleep [1]: the importance-weighted bound for p, two losses for q.

        value[b] = log mean_s w_sb
        loss[b]  = -sum_s v_sb log p(x_b, z_sb)                  wake-theta
                   - (1 - sleep) sum_s v_sb log q(z_sb | x_b)    wake-phi
                   - sleep log q(z'_b | x'_b)                    sleep-phi

    with normalised weights v and pairs (x', z') dreamed by the model. No draw carries a gradient,
    so that any latent serves. q comes close to the true posterior in the divergence that covers
    it, KL(p || q); wake-phi is biased for finite S. `reconstruction` and `kl` are those of the
    posterior itself, means over the draws.

    Args:
      num_samples: S.
      sleep: share of sleep-phi in the loss of q, from 0 to 1. Above 0, the model must be able to
        `dream`.
    References:
      [1] Bornschein and Bengio. Reweighted Wake-Sleep. ICLR 2015. arXiv:1406.2751
    """

    def __init__(self, *, num_samples: int = 5, sleep: float = 0.0) -> None:
        self.num_samples = at_least_one(self, "num_samples", num_samples)
        if not 0 <= sleep <= 1:
            raise ValueError(f"{type(self).__name__}: `sleep` must lie in [0, 1]; received {sleep}")
        self.sleep = sleep

    def _evaluate(self, joint: Joint, seed: tf.Tensor) -> Bound:
        z = joint.posterior.sample(self.num_samples, seed=seed)
        draws = Draws.of(joint, tf.nest.map_structure(tf.stop_gradient, z))
        shares = self._shares(tf.stop_gradient(draws.log_weights))  # [S, B]
        surrogate = tf.reduce_sum(shares * zero_where_infinite(draws.log_joint), axis=0)  # [B]
        if self.sleep < 1:
            surrogate += (1 - self.sleep) * tf.reduce_sum(shares * draws.log_q, axis=0)
        if self.sleep > 0:
            dreams = tf.random.fold_in(seed, 1)  # Other noise than the draws'.
            surrogate += self.sleep * joint.dream_log_posterior(dreams)
        return draws.bound(
            lambda draws: self._value(tf.stop_gradient(draws.log_weights)), surrogate=surrogate
        )

    def _value(self, log_weights: tf.Tensor) -> tf.Tensor:
        """The bound [B] of the log-weights [S, B]."""
        return tfp.math.reduce_logmeanexp(log_weights, axis=0)

    def _shares(self, log_weights: tf.Tensor) -> tf.Tensor:
        """By how much each draw counts in the wake phase, [S, B]."""
        return normalized_weights(log_weights)


class WakeSleep(ReweightedWakeSleep):
    """Wake-sleep [1]: the ELBO's gradient for p, and dreams for q.

        value[b] = mean_s log w_sb
        loss[b]  = -mean_s log p(x_b, z_sb) - log q(z'_b | x'_b)

    with pairs (x', z') dreamed by the model (`dream`). No draw carries a gradient.

    Args:
      num_samples: S.
    References:
      [1] Hinton, Dayan, Frey and Neal. The Wake-Sleep Algorithm for Unsupervised Neural Networks.
        Science 268, 1995.
    """

    def __init__(self, *, num_samples: int = 1) -> None:
        super().__init__(num_samples=num_samples, sleep=1.0)

    def _value(self, log_weights: tf.Tensor) -> tf.Tensor:
        return tf.reduce_mean(log_weights, axis=0)

    def _shares(self, log_weights: tf.Tensor) -> tf.Tensor:
        return tf.fill(tf.shape(log_weights), 1 / self.num_samples)
