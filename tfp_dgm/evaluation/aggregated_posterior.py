"""How much the latent says about which example it came from."""

import math
from typing import Any

import numpy as np
import tensorflow as tf

from tfp_dgm.evaluation.batches import batches
from tfp_dgm.evaluation.standard_error import standard_error
from tfp_dgm.models import LatentVariableModel
from tfp_dgm.progress import Progress, no_progress


def mutual_information(
    model: LatentVariableModel,
    data: Any,
    *,
    num_samples: int = 1,
    batch_size: int = 100,
    draws_per_step: int = 500,
    seed: int = 0,
    progress: Progress = no_progress,
) -> dict[str, Any]:
    """Estimates the mutual information of example and latent under q, and what is left of the KL.

    The aggregated posterior is the mixture over all N examples given, each draw's own among them
    [1], and nothing is clipped:

        q(z) = 1/N sum_m q(z | x_m)
        I(n; z) = 1/N sum_n E_{z ~ q(z | x_n)} [log q(z | x_n) - log q(z)]
        mean_n KL(q(z | x_n) || p(z)) = I(n; z) + KL(q(z) || p(z))

    For these N examples the estimate is unbiased. No term exceeds log N, so neither does the
    estimate; the true value is never negative, while an estimate may be, by as much as its
    standard error explains. Where it comes near log N (`upper_limit`), N examples are too few to
    tell how large the information about the population is: it is `saturated` within two standard
    errors of the limit, or within 5 % of it.

    Args:
      model: its posterior and prior are all that is asked.
      data: arrays [N, ...], or batches of them as `fit` takes them, the same at each
        iteration. The cost grows with N^2.
      num_samples: draws of each example.
      batch_size: examples at a time, of arrays.
      draws_per_step: draws whose densities under a batch's posteriors are evaluated at a time.
      seed: of the draws.
      progress: told of "mutual information", the number of examples done, and of all.
    Returns:
      `mutual_information` and `marginal_kl` in nats, each with its `..._standard_error` (over
      examples; None of one), `upper_limit` (log N), `saturated`, `num_examples`, `num_samples`.
    References:
      [1] Hoffman and Johnson. ELBO Surgery. NeurIPS 2016 workshop on advances in approximate
        Bayesian inference.
    """

    estimate = MutualInformation(model, num_samples=num_samples)
    return estimate(
        data,
        batch_size=batch_size,
        draws_per_step=draws_per_step,
        seed=seed,
        progress=progress,
    )


class MutualInformation:
    """`mutual_information` of one model, compiled once however often it is asked for.

    Args:
      model, num_samples: see `mutual_information`, whose other arguments the call takes.
    """

    def __init__(self, model: LatentVariableModel, *, num_samples: int = 1) -> None:
        self.num_samples = num_samples

        @tf.function(autograph=False, reduce_retracing=True)
        def draw(inputs: Any, seed: tf.Tensor) -> tuple[Any, tf.Tensor, tf.Tensor]:
            joint = model.joint(inputs)
            z, log_q = joint.posterior.experimental_sample_and_log_prob(num_samples, seed=seed)
            return z, log_q, joint.prior.log_prob(z) + tf.zeros_like(log_q)

        @tf.function(autograph=False, reduce_retracing=True)
        def log_densities(inputs: Any, valid: tf.Tensor, steps: Any) -> tf.Tensor:
            posterior = model.joint(inputs).posterior

            @tf.autograph.experimental.do_not_convert
            def step(z: Any) -> tf.Tensor:
                z = tf.nest.map_structure(lambda layer: layer[:, tf.newaxis], z)
                log_q = posterior.log_prob(z)  # [C, B]
                return tf.reduce_logsumexp(log_q[:, :valid], axis=1)  # [C]

            return tf.map_fn(step, steps, fn_output_signature=tf.float32, parallel_iterations=1)

        self._draw = draw
        self._log_densities = log_densities

    def __call__(
        self,
        data: Any,
        *,
        batch_size: int = 100,
        draws_per_step: int = 500,
        seed: int = 0,
        progress: Progress = no_progress,
    ) -> dict[str, Any]:
        """See `mutual_information`."""
        drawn = []
        for inputs, count, index in batches(data, batch_size):
            parts = self._draw(inputs, tf.constant((seed, index)))
            drawn.append(tf.nest.map_structure(lambda part, c=count: part.numpy()[:, :c], parts))
        z, own, log_prior = tf.nest.map_structure(
            lambda *parts: np.concatenate(parts, axis=1), *drawn
        )  # [S, N, ...]
        num_examples, num_draws = own.shape[1], own.size
        size = min(draws_per_step, num_draws)
        places = np.arange(math.ceil(num_draws / size) * size) % num_draws
        steps = tf.nest.map_structure(
            lambda layer: tf.constant(
                layer.reshape(num_draws, *layer.shape[2:])[places].reshape(
                    -1, size, *layer.shape[2:]
                )
            ),
            z,
        )  # [steps, C, ...]
        total = np.full(num_draws, -np.inf)
        for inputs, count, _ in batches(data, batch_size, progress, "mutual information"):
            sums = self._log_densities(inputs, tf.constant(count), steps).numpy().reshape(-1)
            total = np.logaddexp(total, sums[:num_draws].astype(np.float64))
        aggregated = total.reshape(own.shape) - math.log(num_examples)  # log q(z), [S, N]
        information = (own - aggregated).mean(axis=0)  # [N]
        marginal_kl = (aggregated - log_prior).mean(axis=0)  # [N]
        mean, error = float(information.mean()), standard_error(information)
        limit = math.log(num_examples)
        return {
            "mutual_information": mean,
            "mutual_information_standard_error": error,
            "marginal_kl": float(marginal_kl.mean()),
            "marginal_kl_standard_error": standard_error(marginal_kl),
            "upper_limit": limit,
            "saturated": limit - mean <= max(2 * (error or 0.0), 0.05 * limit),
            "num_examples": num_examples,
            "num_samples": self.num_samples,
        }
