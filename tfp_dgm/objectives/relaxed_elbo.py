"""Discrete latents trained through continuous ones: biased, and of low variance."""

import tensorflow as tf
from tensorflow_probability import distributions as tfd

from tfp_dgm.distributions.divergence import divergence
from tfp_dgm.objectives.binary_latents import linear_draws, logits_of
from tfp_dgm.objectives.bound import Bound
from tfp_dgm.objectives.impossible_draws import zero_where_infinite
from tfp_dgm.objectives.joint import Joint
from tfp_dgm.objectives.objective import Objective, at_least_one
from tfp_dgm.objectives.perturbed_latents import perturbed_latents
from tfp_dgm.objectives.stochastic_layers import draw_in_turn


class GumbelSoftmaxELBO(Objective):
    """ELBO of binary or one-hot latents, with the gradient of their relaxation [1, 2].

        z = softmax((logits + Gumbel noise) / temperature)      one-hot
        z = sigmoid((logits + logistic noise) / temperature)    binary
        loss[b] = -mean_s log p(x_b | z_sb) + KL(q(z | x_b) || p(z))

    in gradient; the value is that of the discrete latents, drawn once more. The divergence is that
    of the discrete distributions, in closed form where TFP has one (as [1]), and otherwise the mean
    of log q - log p, continued linearly to the relaxed draws. The likelihood must take values
    between 0 and 1. The gradient is biased, less so at low temperatures, where its variance grows.

    Args:
      num_samples: S.
      temperature: above 0; kept as the non-trainable variable `temperature` so that a schedule
        reaches the compiled step.
      straight_through: round the draws on the way forward, and use the relaxed ones' derivative on
        the way back.
    Raises:
      ValueError: if a layer of the posterior is neither Bernoulli nor one-hot.
    References:
      [1] Jang, Gu and Poole. Categorical Reparameterization with Gumbel-Softmax. ICLR 2017.
        arXiv:1611.01144
      [2] Maddison, Mnih and Teh. The Concrete Distribution. ICLR 2017. arXiv:1611.00712
    """

    def __init__(
        self,
        *,
        num_samples: int = 1,
        temperature: float = 0.5,
        straight_through: bool = False,
    ) -> None:
        self.num_samples = at_least_one(self, "num_samples", num_samples)
        if temperature <= 0:
            raise ValueError(
                f"GumbelSoftmaxELBO: `temperature` must be > 0; received {temperature}"
            )
        self.temperature = tf.Variable(
            temperature, trainable=False, dtype=tf.float32, name="temperature"
        )
        self.straight_through = straight_through

    def _evaluate(self, joint: Joint, seed: tf.Tensor) -> Bound:
        posterior, prior = joint.posterior, joint.prior
        z = draw_in_turn(posterior, self._draw, self.num_samples, seed)
        draws = linear_draws(self, joint, z)
        learned_kl = divergence(
            posterior, prior, lambda: draws.mean(zero_where_infinite(draws.log_ratio))
        )
        surrogate = draws.mean(zero_where_infinite(draws.log_px)) - learned_kl
        if not self.straight_through:
            draws = linear_draws(self, joint, posterior.sample(self.num_samples, seed=seed))
        kl = divergence(posterior, prior, lambda: draws.mean_log_ratio)
        return draws.bound(kl=kl, surrogate=surrogate)

    def _draw(self, layer: tfd.Distribution, sample_shape: list[int], seed: tf.Tensor) -> tf.Tensor:
        logits, one_hot = logits_of(self, layer)
        shape = tf.concat([tf.cast(sample_shape, tf.int32), tf.shape(logits)], axis=0)
        logits = tf.broadcast_to(logits, shape)  # [S, B, ...]
        # The gradient of tfd.RelaxedBernoulli is NaN where a draw comes close to 0 or 1.
        latents = perturbed_latents(logits, one_hot, seed)
        z = latents.relaxed(latents.perturbed(logits), self.temperature)
        return _with_gradient_of(z, _rounded(z, one_hot)) if self.straight_through else z


class StraightThroughELBO(GumbelSoftmaxELBO):
    """ELBO of binary or one-hot latents, with the straight-through gradient [1].

    The draws are discrete; on the way back they count as the probabilities that they are drawn
    from. Biased. The likelihood must have a derivative in the latents.

    Args:
      num_samples: S.
    Raises:
      ValueError: if a layer of the posterior is neither Bernoulli nor one-hot.
    References:
      [1] Bengio, Leonard and Courville. Estimating or Propagating Gradients Through Stochastic
        Neurons for Conditional Computation. 2013. arXiv:1308.3432
    """

    def __init__(self, *, num_samples: int = 1) -> None:
        super().__init__(num_samples=num_samples, straight_through=True)

    def _draw(self, layer: tfd.Distribution, sample_shape: list[int], seed: tf.Tensor) -> tf.Tensor:
        logits_of(self, layer)
        z = tf.cast(layer.sample(sample_shape, seed=seed), tf.float32)
        return _with_gradient_of(layer.mean(), z)


def _rounded(z: tf.Tensor, one_hot: bool) -> tf.Tensor:
    if one_hot:
        return tf.one_hot(tf.argmax(z, axis=-1), tf.shape(z)[-1], dtype=z.dtype)
    return tf.round(z)


def _with_gradient_of(relaxed: tf.Tensor, z: tf.Tensor) -> tf.Tensor:
    return relaxed + tf.stop_gradient(z - relaxed)
