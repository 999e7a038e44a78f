"""Variational parameters optimised for each example, from where the encoder leaves them."""

import tensorflow as tf
from tensorflow_probability import distributions as tfd

from tfp_dgm.objectives import Draws, Joint

_DECAY_1, _DECAY_2, _EPSILON = 0.9, 0.999, 1e-8


def refine_posterior(
    joint: Joint,
    *,
    num_steps: int = 500,
    learning_rate: float = 0.05,
    num_samples: int = 8,
    seed: tf.Tensor,
) -> tf.Tensor:
    """Ascends each example's evidence lower bound in the parameters of its own posterior [1, 2].

    Starts where the encoder leaves them, keeps the family, and leaves the model alone. The steps
    are Adam's, of a size that falls linearly to zero, so that the noise of the draws dies out. Each
    example's steps depend on its own gradient only.

    Args:
      joint: of a model whose posterior is made of parameters, and can be reparameterised:
        `model.joint(inputs)`.
      num_steps: steps of Adam.
      learning_rate: of the first step.
      num_samples: draws of each example at each step.
      seed: int32 [2].
    Returns:
      float32 [B, P]; `joint.family` makes the posteriors of them.
    Raises:
      NotImplementedError: if the model's posterior is not made of parameters.
      ValueError: if the posterior cannot be reparameterised.
    References:
      [1] Hoffman, Blei, Wang and Paisley. Stochastic Variational Inference. JMLR 2013.
      [2] Kim et al. Semi-Amortized Variational Autoencoders. ICML 2018. arXiv:1802.02550
    """
    start = tf.stop_gradient(joint.parameters)  # [B, P]
    if joint.posterior.reparameterization_type != tfd.FULLY_REPARAMETERIZED:
        raise ValueError(
            f"joint: expected a posterior that can be reparameterised; received {joint.posterior}"
        )
    _ = joint.prior  # Once, outside the loop.

    def slope(parameters: tf.Tensor, step: tf.Tensor) -> tf.Tensor:
        draw = tf.random.fold_in(seed, step)
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(parameters)
            posterior = joint.family(parameters)
            z, log_q = posterior.experimental_sample_and_log_prob(num_samples, seed=draw)
            log_weights = Draws.of(joint, z, log_q).log_weights  # [S, B]
            total = tf.reduce_sum(tf.reduce_mean(log_weights, axis=0))
        return tape.gradient(total, parameters)

    def body(
        step: tf.Tensor, parameters: tf.Tensor, first: tf.Tensor, second: tf.Tensor
    ) -> tuple[tf.Tensor, ...]:
        gradient = slope(parameters, step)
        done = tf.cast(step, tf.float32)
        first = _DECAY_1 * first + (1 - _DECAY_1) * gradient
        second = _DECAY_2 * second + (1 - _DECAY_2) * tf.square(gradient)
        mean = first / (1 - _DECAY_1 ** (done + 1))
        spread = tf.sqrt(second / (1 - _DECAY_2 ** (done + 1)))
        rate = learning_rate * (1 - done / num_steps)
        return step + 1, parameters + rate * mean / (spread + _EPSILON), first, second

    zeros = tf.zeros_like(start)
    result = tf.while_loop(
        lambda step, *_: step < num_steps, body, (tf.constant(0), start, zeros, zeros)
    )
    return tf.stop_gradient(result[1])
