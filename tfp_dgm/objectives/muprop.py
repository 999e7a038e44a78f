"""Score functions whose control variate is a first-order expansion: MuProp."""

import tensorflow as tf
from tensorflow_probability import distributions as tfd

from tfp_dgm.objectives.binary_latents import linear_draws, logits_of
from tfp_dgm.objectives.bound import Bound
from tfp_dgm.objectives.draws import Draws
from tfp_dgm.objectives.event_axes import sum_over_event
from tfp_dgm.objectives.impossible_draws import finite_difference, zero_where_infinite
from tfp_dgm.objectives.joint import Joint
from tfp_dgm.objectives.objective import Objective, at_least_one
from tfp_dgm.objectives.stochastic_layers import draw_in_turn


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

    def _evaluate(self, joint: Joint, seed: tf.Tensor) -> Bound:
        posterior = joint.posterior
        layers: list[tfd.Distribution] = []
        drawn: list[tf.Tensor] = []

        def draw(layer: tfd.Distribution, sample_shape: list[int], seed: tf.Tensor) -> tf.Tensor:
            logits_of(self, layer)
            layers.append(layer)
            drawn.append(tf.stop_gradient(layer.sample(sample_shape, seed=seed)))
            return drawn[-1]

        draws = Draws.of(joint, draw_in_turn(posterior, draw, self.num_samples, seed))
        surrogate = zero_where_infinite(draws.log_joint)  # [S, B]
        leading = draws.log_q.shape.rank
        for index, (layer, value) in enumerate(zip(layers, drawn, strict=True)):
            mean = tf.broadcast_to(layer.mean(), tf.shape(value))  # [S, B, ...]
            point = tf.stop_gradient(mean)
            with tf.GradientTape(watch_accessed_variables=False) as tape:
                tape.watch(point)
                chain = draw_in_turn(
                    posterior, _mean, self.num_samples, seed, known=[*drawn[:index], point]
                )
                at_mean = linear_draws(self, joint, chain).log_weights  # [S, B]
            slope = zero_where_infinite(tf.stop_gradient(tape.gradient(at_mean, point)))
            expansion = at_mean + sum_over_event(slope * (value - point), leading)
            rest = finite_difference(draws.log_weights, expansion)
            surrogate += rest * layer.log_prob(value) + sum_over_event(slope * mean, leading)
        return draws.bound(surrogate=tf.reduce_mean(surrogate, axis=0))


def _mean(layer: tfd.Distribution, sample_shape: list[int], seed: tf.Tensor) -> tf.Tensor:
    """What takes the place of a draw after the layer that is expanded."""
    return layer.mean()
