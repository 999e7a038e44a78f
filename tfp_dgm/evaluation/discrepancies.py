"""How far all latents together are from the prior, where no density is asked for."""

from typing import Any

import numpy as np
import tensorflow as tf

from tfp_dgm.evaluation.batches import batches
from tfp_dgm.evaluation.standard_error import mean_with_standard_error
from tfp_dgm.models import LatentVariableModel
from tfp_dgm.objectives import InverseMultiquadratic, Kernel
from tfp_dgm.objectives.mean_discrepancies import maximum_mean_discrepancy

_DRAWS_OF_SCALE = 500


def prior_discrepancy(
    model: LatentVariableModel,
    data: Any,
    *,
    kernel: Kernel | None = None,
    block: int = 200,
    batch_size: int = 100,
    seed: int = 0,
) -> dict[str, Any]:
    """The squared maximum mean discrepancy of q(z) = 1/N sum_n q(z | x_n) from p(z).

    One latent of each example and as many draws of the prior, in blocks, each of which gives an
    unbiased estimate; their mean is reported. Near 0 it may be negative. It has the kernel's units,
    so that it compares models of one prior only.

    Args:
      model: its posterior and prior are drawn from, and asked for nothing else.
      data: arrays [N, ...], or batches of them as `fit` takes them; the prior must not depend on
        them.
      kernel: `objectives.InverseMultiquadratic()`; its scale is the mean squared distance of 500
        draws of the prior.
      block: examples of a block, whose cost grows with their square.
      batch_size: examples at a time, of arrays.
      seed: of the draws, and of the order in which examples come into blocks.
    Returns:
      `discrepancy`, and `discrepancy_standard_error` over the blocks, None of one.
    Raises:
      ValueError: if there are fewer than two examples.
    """

    @tf.function(autograph=False, reduce_retracing=True)
    def draw(inputs: Any, seed: tf.Tensor) -> tf.Tensor:
        z = model.joint(inputs).posterior.sample(seed=seed)
        return tf.reshape(z, [tf.shape(z)[0], -1])  # [B, Z]

    drawn = [
        draw(inputs, tf.constant((seed, index))).numpy()[:count]
        for inputs, count, index in batches(data, batch_size)
    ]
    z = np.concatenate(drawn)  # [N, Z]
    if len(z) < 2:
        raise ValueError("data: expected at least 2 examples, to compare them; received 1")
    z = z[np.random.default_rng(seed).permutation(len(z))]
    count = max(1, len(z) // block)  # Blocks are of that size at least, if there are so many.
    prior = model.joint(None).prior
    other = prior.sample(len(z), seed=tf.constant((seed, -1)))
    other = tf.reshape(other, [len(z), -1]).numpy()
    few = other[:_DRAWS_OF_SCALE].astype(np.float64)
    # E|y - y'|^2 is twice the total variance.
    scale = tf.constant(2 * few.var(axis=0, ddof=1).sum(), tf.float32)
    kernel = kernel or InverseMultiquadratic()
    found = [
        float(tf.reduce_mean(maximum_mean_discrepancy(*pair, kernel, scale)))
        for pair in zip(np.array_split(z, count), np.array_split(other, count), strict=True)
    ]
    return mean_with_standard_error("discrepancy", np.array(found))
