"""The step size of Hamiltonian Monte Carlo, found before it is used."""

from typing import Any

import tensorflow as tf
import tensorflow_probability as tfp

from tfp_dgm.inference.annealing import continuous_prior, log_joint
from tfp_dgm.models import LatentVariableModel

_PILOT_CHAINS = 8


def tune_step_size(
    model: LatentVariableModel,
    inputs: Any,
    *,
    num_steps: int = 100,
    num_leapfrog_steps: int = 10,
    step_size: float = 0.1,
    target_acceptance: float = 0.65,
    seed: tf.Tensor,
) -> tf.Tensor:
    """Finds a step size for each example, by chains at its posterior that are thrown away.

    Annealing itself keeps the step size fixed: one that follows the chain would cost it the
    unbiasedness.

    Args:
      model: its posterior (where the chains start), prior and log-likelihood.
      inputs: [B, ...].
      num_steps: of the pilot.
      num_leapfrog_steps: of each transition.
      step_size: where the search begins.
      target_acceptance: the share of transitions to be accepted; Wu et al. take 0.65.
      seed: int32 [2].
    Returns:
      float32 [B].
    """
    joint = model.joint(inputs)
    continuous_prior(joint)
    draw, pilot = tf.unstack(tf.random.split(seed, 2))
    start = joint.posterior.sample(_PILOT_CHAINS, seed=draw)  # [S, B, ...]
    # One step size an example: what adapts takes the mean over the axes that the sizes lack.
    sizes = [
        tf.fill([1, tf.shape(layer)[1], *[1] * (layer.shape.rank - 2)], step_size)
        for layer in tf.nest.flatten(start)
    ]
    kernel = tfp.mcmc.SimpleStepSizeAdaptation(
        tfp.mcmc.HamiltonianMonteCarlo(log_joint(joint), sizes, num_leapfrog_steps),
        num_adaptation_steps=num_steps,
        adaptation_rate=0.05,  # 100 steps reach any size from a hundredth to a hundredfold.
        target_accept_prob=target_acceptance,
    )
    results = tfp.mcmc.sample_chain(
        1,
        start,
        kernel=kernel,
        num_burnin_steps=num_steps - 1,
        trace_fn=None,
        return_final_kernel_results=True,
        seed=pilot,
    ).final_kernel_results
    return tf.reshape(tf.nest.flatten(results.new_step_size)[0], [-1])
