"""Antithetic gradients of binary latents."""

import tensorflow as tf
from tensorflow_probability import distributions as tfd

from tfp_dgm.objectives.binary_latents import logits_of
from tfp_dgm.objectives.bound import Bound
from tfp_dgm.objectives.draws import Draws, concatenated
from tfp_dgm.objectives.event_axes import as_rank, sum_over_event
from tfp_dgm.objectives.impossible_draws import finite_difference, zero_where_infinite
from tfp_dgm.objectives.joint import Joint, Latents
from tfp_dgm.objectives.objective import Objective, at_least_one
from tfp_dgm.objectives.stochastic_layers import draw_in_turn, num_layers, packed


class DisARM(Objective):
    """ELBO of binary latents by pairs of opposite draws [1]: ARM [2] with its noise averaged out.

        b = 1[u > sigmoid(-l)],   b' = 1[1 - u > sigmoid(-l)],   u ~ U(0, 1),   logits l
        d value / d l ~ (w(b) - w(b')) (b - b') sigmoid(|l|) / 2

    with log-weights w. Unbiased. Of several layers, each takes its turn with a second draw, and
    those after it are drawn anew: L layers cost L + 1 evaluations of the likelihood.

    Args:
      num_samples: S, pairs of draws.
    Raises:
      ValueError: if a layer of the posterior is not Bernoulli.
    References:
      [1] Dong, Mnih and Tucker. DisARM: An Antithetic Gradient Estimator for Binary Latent
        Variables. NeurIPS 2020. arXiv:2006.10680
      [2] Yin and Zhou. ARM: Augment-REINFORCE-Merge Gradient for Stochastic Binary Networks.
        ICLR 2019. arXiv:1807.11143
    """

    def __init__(self, *, num_samples: int = 1) -> None:
        self.num_samples = at_least_one(self, "num_samples", num_samples)

    def _evaluate(self, joint: Joint, seed: tf.Tensor) -> Bound:
        posterior = joint.posterior
        layers: list[tuple[tf.Tensor, tf.Tensor]] = []  # Logits and noise, [S, B, ...] each.

        def draw(layer: tfd.Distribution, sample_shape: list[int], seed: tf.Tensor) -> tf.Tensor:
            logits, one_hot = logits_of(self, layer)
            if one_hot:
                raise ValueError(
                    f"{type(self).__name__}: needs Bernoulli latents; received {layer}"
                )
            shape = tf.concat([tf.cast(sample_shape, tf.int32), tf.shape(logits)], axis=0)
            logits = tf.broadcast_to(logits, shape)
            layers.append((logits, tf.random.stateless_uniform(shape, seed)))
            return _threshold(*layers[-1])

        first_seed, *seeds = tf.unstack(tf.random.split(seed, 1 + num_layers(posterior)))
        chains = [draw_in_turn(posterior, draw, self.num_samples, first_seed)]
        for index, (logits, noise) in enumerate(layers):
            opposite = _threshold(logits, 1 - noise)
            chains.append(_branch(posterior, chains[0], index, opposite, seeds[index]))
        drawn = [
            Draws.of(joint, tf.nest.map_structure(tf.stop_gradient, chain)) for chain in chains
        ]
        # p's parameters: the mean over all chains, each of which is drawn from q.
        draws = concatenated(drawn)
        surrogate = tf.reduce_mean(zero_where_infinite(draws.log_joint), axis=0)  # [B]
        for other, (logits, noise) in zip(drawn[1:], layers, strict=True):
            difference = finite_difference(drawn[0].log_weights, other.log_weights)
            slope = self._slope(difference, logits, noise)
            linear = sum_over_event(tf.stop_gradient(slope) * logits, difference.shape.rank)
            surrogate += tf.reduce_mean(linear, axis=0)
        return draws.bound(surrogate=surrogate)

    def _slope(self, difference: tf.Tensor, logits: tf.Tensor, noise: tf.Tensor) -> tf.Tensor:
        """d value / d logits, [S, B, ...], from w(b) - w(b'), [S, B]."""
        gap = _threshold(logits, noise) - _threshold(logits, 1 - noise)
        return 0.5 * as_rank(difference, gap) * gap * tf.nn.sigmoid(tf.abs(logits))


class ARM(DisARM):
    """ELBO of binary latents by augment, REINFORCE, merge [1].

        d value / d l ~ (w(b) - w(b')) (u - 1/2)

    with the draws of `DisARM`, whose gradient is this one's mean given them, and which is
    therefore never worse; here to be compared with.

    Args:
      num_samples: S, pairs of draws.
    Raises:
      ValueError: if a layer of the posterior is not Bernoulli.
    References:
      [1] Yin and Zhou. ARM: Augment-REINFORCE-Merge Gradient for Stochastic Binary Networks.
        ICLR 2019. arXiv:1807.11143
    """

    def _slope(self, difference: tf.Tensor, logits: tf.Tensor, noise: tf.Tensor) -> tf.Tensor:
        return as_rank(difference, noise) * (noise - 0.5)


def _threshold(logits: tf.Tensor, noise: tf.Tensor) -> tf.Tensor:
    return tf.cast(noise > tf.nn.sigmoid(-logits), tf.float32)


def _branch(
    posterior: tfd.Distribution, chain: Latents, index: int, opposite: tf.Tensor, seed: tf.Tensor
) -> Latents:
    """The chain with one layer's opposite draw, and the layers after it drawn anew."""
    if not isinstance(posterior, tfd.JointDistribution):
        return opposite
    kept = tf.nest.flatten(chain)[:index]
    missing = [None] * (num_layers(posterior) - index - 1)
    if not missing:
        return packed(posterior, [*kept, opposite])
    return posterior.sample(value=packed(posterior, [*kept, opposite, *missing]), seed=seed)
