"""All that is usually said of a latent variable model, in one dict of plain numbers."""

from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from tfp_dgm.evaluation.aggregated_posterior import mutual_information
from tfp_dgm.evaluation.importance_weights import importance_weighted_log_likelihood
from tfp_dgm.evaluation.posterior import active_units, elbo_terms, kl_per_dimension
from tfp_dgm.evaluation.standard_error import mean_with_standard_error
from tfp_dgm.models import LatentVariableModel
from tfp_dgm.progress import Progress, no_progress


def latent_variable_report(
    model: LatentVariableModel,
    data: Any,
    *,
    num_samples: int = 5000,
    log_likelihood_examples: int | None = None,
    batch_size: int = 100,
    samples_per_step: int = 50,
    mutual_information_examples: int = 2000,
    seed: int = 0,
    jit_compile: bool = False,
    progress: Progress = no_progress,
) -> dict[str, Any]:
    """Judges a model on data, with weight 1 on every term, whatever the objective of training.

    Args:
      model: its `joint` is all that is asked.
      data: arrays [N, ...], or batches of them as `fit` takes them, the same at each
        iteration.
      num_samples: K of the importance-weighted log-likelihood.
      log_likelihood_examples: of arrays, on how many examples that is estimated at most, since it
        costs the most: evenly spaced ones; None for all.
      batch_size: examples at a time, of arrays.
      samples_per_step: draws of each example at a time.
      mutual_information_examples: how many examples the mutual information is estimated on at
        most, since its cost grows with their square: the first of an array, and of a dataset, whose
        order may say something of its examples, some drawn by `seed`.
      seed: of all draws.
      jit_compile: compile the log-likelihood by XLA.
      progress: told the step, the number of examples done, and of all.
    Returns:
      Nats per example: `log_likelihood`, `elbo`, `reconstruction`, `kl`, each with its
      `..._standard_error` over examples; `num_examples`, `num_samples`,
      `log_likelihood_num_examples`; `active_units` of `units`,
      `variances_of_means` (of the posterior, for each unit) and all standard errors, None of one
      example, which shows nothing that varies;
      `kl_per_dimension` (None where the latents do not factorise); the fields of
      `mutual_information`, its number of examples as `mutual_information_num_examples`;
      `effective_sample_size` (the mean) and `pareto_k` (the median) of the K weights, and
      `pareto_k_above_0.7` (the share of the examples with a fit), None where no fit was possible.
    """
    common: dict[str, Any] = {"batch_size": batch_size, "seed": seed}
    terms = elbo_terms(
        model,
        data,
        num_samples=min(num_samples, 50),
        samples_per_step=samples_per_step,
        progress=progress,
        **common,
    )
    weighted = importance_weighted_log_likelihood(
        model,
        _evenly(data, log_likelihood_examples),
        num_samples=num_samples,
        samples_per_step=samples_per_step,
        jit_compile=jit_compile,
        progress=progress,
        **common,
    )
    few = _few(data, len(terms["bound"]), mutual_information_examples, seed)
    information = mutual_information(model, few, progress=progress, **common)
    used = {"active_units": None, "units": None, "variances": None}
    if len(terms["bound"]) > 1:
        used = active_units(model, data, **common)
    report: dict[str, Any] = {
        "num_examples": len(terms["bound"]),
        "num_samples": num_samples,
        "log_likelihood_num_examples": len(weighted["log_likelihood"]),
        **mean_with_standard_error("log_likelihood", weighted["log_likelihood"]),
        **mean_with_standard_error("elbo", terms["bound"]),
        **mean_with_standard_error("reconstruction", terms["reconstruction"]),
        **mean_with_standard_error("kl", terms["kl"]),
        "active_units": used["active_units"],
        "units": used["units"],
        "variances_of_means": used["variances"],
        "kl_per_dimension": divergence_by_dimension(model, data, batch_size),
    }
    return report | summarised_information(information) | summarised_weights(weighted)


def summarised_information(information: dict[str, Any]) -> dict[str, Any]:
    """What `mutual_information` found, under the names of a report."""
    report: dict[str, Any] = {}
    for name in ("mutual_information", "marginal_kl"):
        report[name] = information[name]
        report[f"{name}_standard_error"] = information[f"{name}_standard_error"]
    report["mutual_information_upper_limit"] = information["upper_limit"]
    report["mutual_information_num_examples"] = information["num_examples"]
    return report


def summarised_weights(weighted: dict[str, NDArray[np.float64]]) -> dict[str, Any]:
    """How far the weights of `importance_weighted_log_likelihood` can be trusted, in a report."""
    fitted = weighted["pareto_k"][~np.isnan(weighted["pareto_k"])]
    return {
        "effective_sample_size": float(weighted["effective_sample_size"].mean()),
        "pareto_k": float(np.median(fitted)) if len(fitted) else None,
        "pareto_k_above_0.7": float((fitted > 0.7).mean()) if len(fitted) else None,
    }


def divergence_by_dimension(
    model: LatentVariableModel, data: Any, batch_size: int
) -> list[Any] | None:
    """`kl_per_dimension`; None where posterior or prior do not factorise."""
    try:
        return kl_per_dimension(model, data, batch_size=batch_size).tolist()
    except ValueError:
        return None


def _evenly(data: Any, count: int | None) -> Any:
    """So many of the examples, evenly spaced: data may be sorted, or harder at one end."""
    if count is None:
        return data
    return keras.tree.map_structure(
        lambda array: array[:: max(len(array) // count, 1)][:count], data
    )


def _few(data: Any, num_examples: int, limit: int, seed: int) -> Any:
    """At most `limit` of the examples, in batches as they were."""
    if not isinstance(data, tf.data.Dataset):
        return keras.tree.map_structure(lambda array: array[:limit], data)
    if num_examples <= limit:
        return data
    chosen = np.zeros(num_examples, bool)
    chosen[np.random.default_rng(seed).choice(num_examples, limit, replace=False)] = True

    @tf.autograph.experimental.do_not_convert
    def keep(start: tf.Tensor, inputs: Any) -> tuple[tf.Tensor, Any]:
        stop = start + tf.shape(tf.nest.flatten(inputs)[0])[0]
        mask = tf.constant(chosen)[start:stop]
        return stop, tf.nest.map_structure(lambda array: tf.boolean_mask(array, mask), inputs)

    @tf.autograph.experimental.do_not_convert
    def some(*inputs: Any) -> tf.Tensor:
        return tf.shape(tf.nest.flatten(inputs)[0])[0] > 0

    return data.scan(0, keep).filter(some)
