"""How much an amortised posterior loses, and to what."""

from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import ArrayLike

from tfp_dgm.evaluation.batches import batches
from tfp_dgm.evaluation.posterior import elbo_terms
from tfp_dgm.evaluation.standard_error import mean_with_standard_error
from tfp_dgm.inference import refine_posterior
from tfp_dgm.objectives import Draws
from tfp_dgm.progress import Progress, no_progress


def inference_gaps(
    model: Any,
    data: Any,
    *,
    log_likelihood: ArrayLike,
    num_steps: int = 500,
    learning_rate: float = 0.05,
    num_samples: int = 100,
    batch_size: int = 100,
    samples_per_step: int = 50,
    seed: int = 0,
    progress: Progress = no_progress,
) -> dict[str, float | None]:
    """Splits what the bound falls short of the evidence into two gaps [1].

        log p(x) - ELBO(q)  =  [log p(x) - ELBO(q*)]  +  [ELBO(q*) - ELBO(q)]
             inference gap       approximation gap         amortisation gap

    q* is the best member of q's family for each example alone, found from where the encoder leaves
    it by `inference.refine_posterior`. An optimiser that stops short of q* counts as approximation.

    Args:
      model: a `LatentVariableModel` that `refine_posterior` takes.
      data: arrays [N, ...], or batches of them as `fit` takes them.
      log_likelihood: [N], an estimate of log p(x) for each example, by
        `importance_weighted_log_likelihood` or annealed importance sampling; itself from below, so
        that the approximation gap is too small rather than too large.
      num_steps: of the optimiser.
      learning_rate: of the optimiser's first step.
      num_samples: draws of each example by which both bounds are then measured.
      batch_size: examples at a time, of arrays.
      samples_per_step: draws of each example at a time for the amortised bound; the refined one
        takes them one by one.
      seed: of all draws.
      progress: told of "gaps", the number of examples done, and of all.
    Returns:
      Means over examples, in nats: `elbo`, `refined_elbo`, `approximation_gap`,
      `amortisation_gap`, `inference_gap`, each gap with its `..._standard_error`: None of
      one example.
    Raises:
      ValueError: if `log_likelihood` is not one number an example.
    References:
      [1] Cremer, Li and Duvenaud. Inference Suboptimality in Variational Autoencoders. ICML 2018.
        arXiv:1801.03558
    """

    @tf.function(autograph=False, reduce_retracing=True)
    def refined_bound(inputs: Any, seeds: tf.Tensor) -> tf.Tensor:
        joint = model.joint(inputs)
        parameters = refine_posterior(
            joint, num_steps=num_steps, learning_rate=learning_rate, seed=seeds[0]
        )
        posterior = joint.family(parameters)

        @tf.autograph.experimental.do_not_convert
        def step(seed: tf.Tensor) -> tf.Tensor:
            z, log_q = posterior.experimental_sample_and_log_prob(1, seed=seed)
            return Draws.of(joint, z, log_q).log_weights[0]  # [B]

        draws = tf.random.split(seeds[1], num_samples)  # [S, 2]
        bounds = tf.map_fn(step, draws, fn_output_signature=tf.float32, parallel_iterations=1)
        return tf.reduce_mean(bounds, axis=0)

    evidence = np.asarray(log_likelihood, np.float64)
    amortised = elbo_terms(
        model,
        data,
        num_samples=num_samples,
        batch_size=batch_size,
        samples_per_step=samples_per_step,
        seed=seed,
    )["bound"]
    if evidence.shape != amortised.shape:
        raise ValueError(
            f"log_likelihood: expected one number for each of {len(amortised)} examples; "
            f"received shape {evidence.shape}"
        )
    refined = np.concatenate(
        [
            refined_bound(inputs, tf.random.split((seed, index), 2)).numpy()[:count]
            for inputs, count, index in batches(data, batch_size, progress, "gaps")
        ]
    ).astype(np.float64)
    result: dict[str, float | None] = {
        "elbo": float(amortised.mean()),
        "refined_elbo": float(refined.mean()),
    }
    gaps = {
        "approximation_gap": evidence - refined,
        "amortisation_gap": refined - amortised,
        "inference_gap": evidence - amortised,
    }
    for name, values in gaps.items():
        result |= mean_with_standard_error(name, values)
    return result
