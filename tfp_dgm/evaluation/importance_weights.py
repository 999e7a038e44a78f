"""The log-likelihood by importance sampling, and how far the weights can be trusted."""

import math
from typing import Any

import arviz_stats.base
import numpy as np
import scipy.special
import tensorflow as tf
from numpy.typing import ArrayLike, NDArray

from tfp_dgm.evaluation.batches import batches, steps_of
from tfp_dgm.models import LatentVariableModel
from tfp_dgm.objectives import Draws
from tfp_dgm.progress import Progress, no_progress


def importance_weighted_log_likelihood(
    model: LatentVariableModel,
    data: Any,
    *,
    num_samples: int = 5000,
    batch_size: int = 100,
    samples_per_step: int = 50,
    seed: int = 0,
    jit_compile: bool = False,
    progress: Progress = no_progress,
) -> dict[str, NDArray[np.float64]]:
    """Estimates log p(x) with K draws of the posterior [1], the evaluation of Burda et al. [2].

        L_K[n] = log(1/K sum_k w_kn),    w_kn = p(x_n, z_kn) / q(z_kn | x_n)

    In expectation L_K is a lower bound, and tighter the larger K. Every term has weight 1, whatever
    the objective of training. Memory holds `samples_per_step * batch_size` decoded examples and
    `num_samples * batch_size` log-weights at a time.

    Args:
      model: its `joint` is all that is asked.
      data: arrays [N, ...], or batches of them as `fit` takes them.
      num_samples: K.
      batch_size: examples at a time, of arrays.
      samples_per_step: draws of each example at a time.
      seed: the same seed, batches and steps give the same numbers.
      jit_compile: compile by XLA; pays where the shapes of all batches are one.
      progress: told of "log-likelihood", the number of examples done, and of all.
    Returns:
      `log_likelihood`: [N], nats per example.
      `effective_sample_size`: [N], see `effective_sample_size`.
      `pareto_k`: [N], see `pareto_k`.
    References:
      [1] Rezende, Mohamed and Wierstra. Stochastic Backpropagation. ICML 2014, appendix E.
      [2] Burda, Grosse and Salakhutdinov. Importance Weighted Autoencoders. ICLR 2016.
        arXiv:1509.00519
    """
    per_step, steps = steps_of(num_samples, samples_per_step)

    @tf.function(jit_compile=jit_compile, autograph=False, reduce_retracing=True)
    def log_weights_of(inputs: Any, seeds: tf.Tensor) -> tf.Tensor:
        joint = model.joint(inputs)
        posterior, _ = joint.posterior, joint.prior  # Once, outside the loop.

        @tf.autograph.experimental.do_not_convert
        def step(seed: tf.Tensor) -> tf.Tensor:
            z, log_q = posterior.experimental_sample_and_log_prob(per_step, seed=seed)
            return Draws.of(joint, z, log_q).log_weights  # [S, B]

        # One after the other: memory is that of one step.
        return tf.map_fn(step, seeds, fn_output_signature=tf.float32, parallel_iterations=1)

    parts: dict[str, list[NDArray[np.float64]]] = {
        name: [] for name in ("log_likelihood", "effective_sample_size", "pareto_k")
    }
    for inputs, count, index in batches(data, batch_size, progress, "log-likelihood"):
        seeds = tf.random.split((seed, index), steps)  # [C, 2]
        drawn = log_weights_of(inputs, seeds).numpy()  # [C, S, B]
        log_weights = drawn.reshape(-1, drawn.shape[-1])[:num_samples, :count]  # [K, B]
        log_weights = log_weights.astype(np.float64)
        mean = scipy.special.logsumexp(log_weights, axis=0) - math.log(num_samples)
        parts["log_likelihood"].append(mean)
        parts["effective_sample_size"].append(effective_sample_size(log_weights))
        parts["pareto_k"].append(pareto_k(log_weights))
    return {name: np.concatenate(values) for name, values in parts.items()}


def effective_sample_size(log_weights: ArrayLike) -> NDArray[np.float64]:
    """How many draws of the target the weighted draws are worth: (sum w)^2 / sum w^2 [1].

    Args:
      log_weights: [S, B].
    Returns:
      [B], from 1 to S; NaN where no weight is positive.
    References:
      [1] Kong. A Note on Importance Sampling using Standardized Weights. 1992.
    """
    log_weights = np.asarray(log_weights, np.float64)
    total = scipy.special.logsumexp(log_weights, axis=0)
    squares = scipy.special.logsumexp(2 * log_weights, axis=0)
    possible = np.isfinite(squares)
    result = np.exp(2 * np.where(possible, total, 0) - np.where(possible, squares, 0))
    return np.where(possible, result, np.nan)


def pareto_k(log_weights: ArrayLike) -> NDArray[np.float64]:
    """The shape k of a generalised Pareto distribution fitted to the largest weights [1].

    Above 0.7 an estimate with these weights cannot be relied on: the posterior misses places where
    the model's has mass. The fit is that of Zhang and Stephens (2009), by ArviZ.

    Args:
      log_weights: [S, B].
    Returns:
      [B]; NaN where weights are too few for a fit (fewer than 25), not all finite, or tied.
    References:
      [1] Vehtari et al. Pareto Smoothed Importance Sampling. JMLR 2024. arXiv:1507.02646
      [2] Yao et al. Yes, but Did It Work?: Evaluating Variational Inference. ICML 2018.
    """
    log_weights = np.asarray(log_weights, np.float64)
    result = np.full(log_weights.shape[1], np.nan)
    if len(log_weights) < _FEWEST_WEIGHTS:
        return result
    for column, values in enumerate(log_weights.T):
        if not np.isfinite(values).all():
            continue
        try:
            with np.errstate(all="ignore"):  # Tied weights divide by zero in the fit.
                # ArviZ expects the logarithms of 1 / weight, as in leave-one-out validation.
                result[column] = arviz_stats.base.array_stats.psislw(-values)[1]
        except ValueError:  # All weights of the tail are equal.
            continue
    return result


# The fit is of the largest fifth, and ArviZ wants five.
_FEWEST_WEIGHTS = 25
