"""All numbers of a model on held-out images."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from tensorflow_probability import distributions as tfd

from tfp_dgm.data import DataError
from tfp_dgm.evaluation import (
    importance_weighted_log_likelihood,
    inference_gaps,
    latent_variable_report,
    mean_with_standard_error,
)
from tfp_dgm.inference import (
    annealed_importance_sampling,
    reverse_annealed_importance_sampling,
    tune_step_size,
)
from tfp_dgm.models import VAE, LatentVariableModel
from tfp_dgm.training import Progress

_BATCH = 50


def evaluate_image_model(
    model: LatentVariableModel,
    images: NDArray[np.float32],
    *,
    num_samples: int = 5000,
    num_images: int | None = None,
    gaps: int = 0,
    annealing: int = 0,
    annealing_images: int = 100,
    seed: int = 0,
    progress: Progress = lambda step, done, total: None,
) -> dict[str, Any]:
    """Judges a model by its log-likelihood, its bound, its use of the latents, and more.

    Args:
      model: of images.
      images: [N, ...], as the model knows them (see `held_out_images`).
      num_samples: K of the log-likelihood.
      num_images: evenly spaced ones that the log-likelihood is of, since it costs the most; None
        for all.
      gaps: the first so many images on which the inference gaps are found.
      annealing: steps of annealed importance sampling, with its check on images of the model.
      annealing_images: the first so many images on which it is run.
      seed: of all draws.
      progress: told of every step.
    Returns:
      `evaluation.latent_variable_report`, with `num_images` of the log-likelihood, and beside it
      `gaps` and `annealing` where they are asked for; nats.
    Raises:
      DataError: where the model cannot be judged so, or the images are too few for standard
        errors; names the argument.
    """
    kinds = tf.nest.flatten(model.prior(images[:1]).reparameterization_type)
    continuous = all(kind == tfd.FULLY_REPARAMETERIZED for kind in kinds)
    if annealing and not continuous:
        raise DataError("annealing: expected a model with normal latents")
    if gaps and not (continuous and isinstance(model, VAE)):
        raise DataError(
            "gaps: expected a model with one layer of normal latents, trained without a baseline"
        )
    counts = {"gaps": gaps, "annealing_images": annealing_images, "num_images": num_images}
    for name, count in (("images", len(images)), *counts.items()):
        if count == 1:
            raise DataError(f"{name}: expected at least 2, for standard errors; received 1")
    report = latent_variable_report(
        model,
        images,
        num_samples=num_samples,
        log_likelihood_examples=num_images,
        batch_size=_BATCH,
        seed=seed,
        progress=progress,
    )
    first = images[: max(gaps, annealing_images if annealing else 0)]
    if len(first):
        weighted = importance_weighted_log_likelihood(
            model, first, num_samples=num_samples, batch_size=_BATCH, seed=seed
        )["log_likelihood"]
    if gaps:
        report["gaps"] = inference_gaps(
            model,
            first[:gaps],
            log_likelihood=weighted[:gaps],
            batch_size=_BATCH,
            seed=seed,
            progress=progress,
        )
    if annealing:
        few = first[:annealing_images]
        report["annealing"] = _annealing(model, few, annealing, seed, progress)
        of_few = weighted[:annealing_images]
        report["annealing"] |= mean_with_standard_error(
            "importance_weighted_log_likelihood", of_few
        )
    return report


def _annealing(
    model: LatentVariableModel,
    images: NDArray[np.float32],
    num_steps: int,
    seed: int,
    progress: Progress,
) -> dict[str, float | None]:
    """The log-likelihood of the images by annealing, and its check on examples of the model."""

    @tf.function(autograph=False, reduce_retracing=True)
    def below(x: tf.Tensor, seeds: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        sizes = tune_step_size(model, x, seed=seeds[0])
        found = annealed_importance_sampling(
            model, x, num_steps=num_steps, step_size=sizes, seed=seeds[1]
        )
        return found.log_likelihood, found.acceptance, sizes

    @tf.function(autograph=False, reduce_retracing=True)
    def above(x: tf.Tensor, z: Any, sizes: tf.Tensor, seeds: tf.Tensor) -> tf.Tensor:
        return reverse_annealed_importance_sampling(
            model, x, z, num_steps=num_steps, step_size=sizes, seed=seeds[2]
        ).log_likelihood

    parts: dict[str, list[NDArray[np.float32]]] = {}
    for index, start in enumerate(range(0, len(images), _BATCH)):
        x = images[start : start + _BATCH]
        seeds = tf.random.split((seed, index), 5)
        real, acceptance, _ = below(tf.constant(x), seeds)
        z = model.prior(x).sample(len(x), seed=seeds[3])
        simulated = tf.cast(model.decode(z).sample(seed=seeds[4]), tf.float32)
        lower, _, sizes = below(simulated, seeds)
        upper = above(simulated, z, sizes, seeds)
        named = {"log_likelihood": real, "acceptance": acceptance}
        named |= {"simulated_lower": lower, "simulated_upper": upper}
        named["simulated_gap"] = upper - lower
        for name, values in named.items():
            parts.setdefault(name, []).append(values.numpy())
        progress("annealing", start + len(x), len(images))
    found: dict[str, float | None] = {"num_steps": num_steps, "num_images": len(images)}
    for name, values in parts.items():
        found |= mean_with_standard_error(name, np.concatenate(values))
    return found
