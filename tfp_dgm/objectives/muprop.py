"""Score functions whose control variate is a first-order expansion: MuProp."""

from typing import Any

import tensorflow as tf
from tensorflow_probability import distributions as tfd

from tfp_dgm.objectives.binary_latents import linear_log_prob, logits_of
from tfp_dgm.objectives.event_axes import sum_over_event
from tfp_dgm.objectives.impossible_draws import finite_difference, zero_where_infinite
from tfp_dgm.objectives.objective import Bound, Latents, LogLikelihood, Objective, at_least_one
from tfp_dgm.objectives.stochastic_layers import draw_in_turn
from tfp_dgm.objectives.surrogate_bound import surrogate_bound


class MuProp(Objective):
    """ELBO of binary or one-hot latents by MuProp [1]: unbiased, and expanded at the mean.

        m = E_q z,   h(z) = w(m) + w'(m) (z - m)
        d value / d phi ~ (w(z) - h(z)) d log q(z) / d phi + w'(m) d m / d phi

    for log-weights w and parameters phi of q. The likelihood must take values between 0 and 1, and
    have a derivative there. Of several layers, each is expanded in turn: those before it stay as
    drawn, and those after it stand at their means; L layers cost L + 1 evaluations of the
    likelihood. ([1] takes learned baselines off besides.)

    Args:
      num_samples: S.
    Raises:
      ValueError: if a layer of the posterior is neither Bernoulli nor one-hot.
    References:
      [1] Gu, Levine, Sutskever and Mnih. MuProp: Unbiased Backpropagation for Stochastic Neural
        Networks. ICLR 2016. arXiv:1511.05176
    """

    def __init__(self, *, num_samples: int = 1) -> None:
        self.num_samples = at_least_one(self, "num_samples", num_samples)

    def _evaluate(
        self,
        log_likelihood: LogLikelihood,
        posterior: tfd.Distribution,
        prior: tfd.Distribution,
        seed: tf.Tensor,
        needed: dict[str, Any],
    ) -> Bound:
        layers: list[tfd.Distribution] = []
        drawn: list[tf.Tensor] = []

        def draw(layer: tfd.Distribution, sample_shape: list[int], seed: tf.Tensor) -> tf.Tensor:
            logits_of(self, layer)
            layers.append(layer)
            drawn.append(tf.stop_gradient(layer.sample(sample_shape, seed=seed)))
            return drawn[-1]

        def log_weights_between(z: Latents) -> tf.Tensor:
            log_pz, log_q = (linear_log_prob(self, part, z) for part in (prior, posterior))
            return log_likelihood(z) + log_pz - log_q  # [S, B]

        z = draw_in_turn(posterior, draw, self.num_samples, seed)
        log_px, log_pz, log_q = log_likelihood(z), prior.log_prob(z), posterior.log_prob(z)
        log_weights = log_px + log_pz - log_q  # [S, B]
        surrogate = zero_where_infinite(log_px + log_pz)  # [S, B]
        for index, (layer, value) in enumerate(zip(layers, drawn, strict=True)):
            mean = tf.broadcast_to(layer.mean(), tf.shape(value))  # [S, B, ...]
            point = tf.stop_gradient(mean)
            with tf.GradientTape(watch_accessed_variables=False) as tape:
                tape.watch(point)
                chain = draw_in_turn(
                    posterior, _mean, self.num_samples, seed, known=[*drawn[:index], point]
                )
                at_mean = log_weights_between(chain)
            slope = zero_where_infinite(tf.stop_gradient(tape.gradient(at_mean, point)))
            expansion = at_mean + sum_over_event(slope * (value - point))
            rest = finite_difference(log_weights, expansion)
            surrogate += rest * layer.log_prob(value) + sum_over_event(slope * mean)
        surrogate = tf.reduce_mean(surrogate, axis=0)  # [B]
        return surrogate_bound(surrogate, log_px, log_q - log_pz)


def _mean(layer: tfd.Distribution, sample_shape: list[int], seed: tf.Tensor) -> tf.Tensor:
    """What takes the place of a draw after the layer that is expanded."""
    return layer.mean()
