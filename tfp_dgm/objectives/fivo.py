"""Bounds of a particle filter: several draws of a sequential latent that are chosen on the way."""

import tensorflow as tf

from tfp_dgm.objectives.bound import Bound
from tfp_dgm.objectives.joint import Joint
from tfp_dgm.objectives.objective import Objective, at_least_one
from tfp_dgm.objectives.particle_filter import ParticleFilter, noise_of_seed
from tfp_dgm.objectives.resampling_schemes import MULTINOMIAL, SCHEMES, SYSTEMATIC

DROPPED, SCORE_FUNCTION = GRADIENTS = ("dropped", "score_function")


class FIVO(Objective):
    """Filtering variational objective: the log of a particle filter's estimate of p(x) [1, 2, 3].

        value[b] = log p^(x_b),    E p^(x_b) = p(x_b),    so that E value <= log p(x)

    of a sequential latent (`joint.steps`); `ParticleFilter` has the algorithm. N = 1 is the ELBO,
    estimated by one draw, and without resampling (`threshold=0`) the importance-weighted bound
    of N draws. That one's variance grows exponentially with the length, and the filter's, where
    states forget, linearly.

    Gradients go through the weights, and through draws that can be reparameterised; other draws
    are credited with the bound of their own and all later steps (the score function). The choice
    of ancestors is not differentiable:

        "dropped"         no gradient: biased, as [1, 2, 3] train in practice
        "score_function"  sum_t (value - value_<t) sum_n d log w_t^(a_n): unbiased where particles
                          are resampled at every step, with much noise. Below another threshold,
                          what is left out is that the weights also decide when to resample.

    `reconstruction` and `kl` are sums over the steps of the particles' means. Without resampling
    they are those of the posterior itself; with it, of particles whose ancestors were chosen.

    Args:
      num_particles: N.
      resampling: "multinomial", "stratified" or "systematic"; see `ancestors_of` in
        `objectives.resampling_schemes`.
      threshold: particles are resampled where the effective sample size falls below this share of
        N; 0 for never, 1 for every step.
      resampling_gradient: "dropped" or "score_function". The latter takes multinomial resampling
        alone: the probabilities of the other schemes' choices are lengths that may be next to 0, by
        which their scores are divided, and have no finite variance.
    Raises:
      ValueError: if an argument is another one.
    References:
      [1] Maddison et al. Filtering Variational Objectives. NeurIPS 2017. arXiv:1705.09279
      [2] Le et al. Auto-Encoding Sequential Monte Carlo. ICLR 2018. arXiv:1705.10306
      [3] Naesseth et al. Variational Sequential Monte Carlo. AISTATS 2018. arXiv:1705.11140
    """

    def __init__(
        self,
        *,
        num_particles: int = 4,
        resampling: str = SYSTEMATIC,
        threshold: float = 0.5,
        resampling_gradient: str = DROPPED,
    ) -> None:
        self.num_particles = at_least_one(self, "num_particles", num_particles)
        if resampling not in SCHEMES:
            raise ValueError(
                f"FIVO: `resampling` must be one of {SCHEMES}; received {resampling!r}"
            )
        if not 0 <= threshold <= 1:
            raise ValueError(f"FIVO: `threshold` must lie in [0, 1]; received {threshold}")
        if resampling_gradient not in GRADIENTS:
            raise ValueError(
                f"FIVO: `resampling_gradient` must be one of {GRADIENTS}; received "
                f"{resampling_gradient!r}"
            )
        if resampling_gradient == SCORE_FUNCTION and resampling != MULTINOMIAL:
            raise ValueError(
                f"FIVO: `resampling_gradient` {SCORE_FUNCTION!r} needs `resampling` "
                f"{MULTINOMIAL!r}; received {resampling!r}"
            )
        self.resampling = resampling
        self.threshold = threshold
        self.resampling_gradient = resampling_gradient

    @property
    def particle_filter(self) -> ParticleFilter:
        """What the bound is the logarithm of."""
        return ParticleFilter(
            self.num_particles,
            self.resampling,
            self.threshold,
            scores_ancestors=self.resampling_gradient == SCORE_FUNCTION,
        )

    def _evaluate(self, joint: Joint, seed: tf.Tensor) -> Bound:
        steps = joint.steps
        noise = noise_of_seed(seed, tf.shape(steps.lengths)[0])
        found = self.particle_filter.run(steps, noise)
        whole = tf.stop_gradient(found.value)  # [B]
        # sum of (whole - bound before the choice) log-probability of the choice
        finite = tf.where(tf.math.is_inf(whole), 0.0, whole)
        credit = finite * found.scores - found.past
        loss = tf.stop_gradient(credit) - credit - found.value
        return Bound(loss, whole, found.log_px, found.log_ratio, found.log_weights)
