"""What a posterior does on data: the terms of its bound, and which latents it uses."""

from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from tfp_dgm.distributions.divergence import divergence, divergence_per_factor
from tfp_dgm.evaluation.batches import batches, steps_of
from tfp_dgm.models import LatentVariableModel
from tfp_dgm.objectives import Draws
from tfp_dgm.progress import Progress, no_progress


def elbo_terms(
    model: LatentVariableModel,
    data: Any,
    *,
    num_samples: int = 1,
    batch_size: int = 100,
    samples_per_step: int = 50,
    seed: int = 0,
    progress: Progress = no_progress,
) -> dict[str, NDArray[np.float64]]:
    """The evidence lower bound with weight 1 on every term, whatever the objective of training.

        bound[n] = mean_s log p(x_n | z_ns) - KL(q(z | x_n) || p(z))

    The divergence is the closed form where TFP registers one for the pair, and estimated from the
    same draws where not. Memory holds `samples_per_step * batch_size` decoded examples at a time.

    Args:
      model: its `joint` is all that is asked.
      data: arrays [N, ...], or batches of them as `fit` takes them.
      num_samples: S.
      batch_size: examples at a time, of arrays.
      samples_per_step: draws of each example at a time.
      seed: of the draws.
      progress: told of "ELBO", the number of examples done, and of all.
    Returns:
      `bound`, `reconstruction` and `kl`, each [N], in nats.
    Raises:
      ValueError: if `num_samples` or `samples_per_step` is less than 1.
    """
    per_step, steps = steps_of(num_samples, samples_per_step)

    @tf.function(autograph=False, reduce_retracing=True)
    def terms(inputs: Any, seeds: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        joint = model.joint(inputs)
        posterior, prior = joint.posterior, joint.prior

        @tf.autograph.experimental.do_not_convert
        def step(seed: tf.Tensor) -> tf.Tensor:
            z, log_q = posterior.experimental_sample_and_log_prob(per_step, seed=seed)
            draws = Draws.of(joint, z, log_q)
            return tf.stack([draws.log_px, draws.log_ratio], axis=1)

        # One after the other: memory is that of one step.
        drawn = tf.map_fn(step, seeds, fn_output_signature=tf.float32, parallel_iterations=1)
        drawn = tf.reshape(drawn, [steps * per_step, 2, -1])[:num_samples]
        log_px, log_ratio = tf.unstack(drawn, num=2, axis=1)  # [S, B]
        kl = divergence(posterior, prior, lambda: tf.reduce_mean(log_ratio, axis=0))
        return tf.reduce_mean(log_px, axis=0), kl

    parts = []
    for inputs, count, index in batches(data, batch_size, progress, "ELBO"):
        reconstruction, kl = terms(inputs, tf.random.split((seed, index), steps))
        kl = tf.broadcast_to(kl, tf.shape(reconstruction))
        parts.append((reconstruction.numpy()[:count], kl.numpy()[:count]))
    reconstruction, kl = (
        np.concatenate(part).astype(np.float64) for part in zip(*parts, strict=True)
    )
    return {"bound": reconstruction - kl, "reconstruction": reconstruction, "kl": kl}


def active_units(
    model: LatentVariableModel,
    data: Any,
    *,
    threshold: float = 0.01,
    num_samples: int = 16,
    batch_size: int = 100,
    seed: int = 0,
) -> dict[str, Any]:
    """Counts the latent units whose posterior mean varies with the input [1].

        variance_u = Var_x(E_q[z_u | x]),    active where variance_u > threshold

    A posterior that gives no mean (several layers) has it estimated twice, from independent draws;
    the covariance of the two estimates is free of their noise. A `distributions.NormalizingFlow`
    gives one, whose noise is common to all examples and drops out of the variance.

    Args:
      model: its posterior is all that is asked.
      data: arrays [N, ...], or batches of them as `fit` takes them; N at least 2.
      threshold: Burda et al. take 0.01.
      num_samples: draws of each estimate, where estimates are needed.
      batch_size: examples at a time, of arrays.
      seed: of the draws.
    Returns:
      `active_units`: how many; `units`: of how many; `variances`: their list, in the order of the
      latent's flattened event, layer after layer.
    References:
      [1] Burda, Grosse and Salakhutdinov. Importance Weighted Autoencoders. ICLR 2016, section 5.2.
    """

    count = ActiveUnits(model, num_samples=num_samples)
    return count(data, threshold=threshold, batch_size=batch_size, seed=seed)


class ActiveUnits:
    """`active_units` of one model, compiled once however often it is asked for.

    Args:
      model, num_samples: see `active_units`, whose other arguments the call takes.
    """

    def __init__(self, model: LatentVariableModel, *, num_samples: int = 16) -> None:
        @tf.function(autograph=False, reduce_retracing=True)
        def two_means(inputs: Any, seed: tf.Tensor) -> tf.Tensor:
            posterior = model.joint(inputs).posterior
            try:
                mean = _flat(posterior.mean())  # [B, Z]
                return tf.stack([mean, mean])
            except (NotImplementedError, ValueError):  # Of layers, ValueError.
                z = _flat(posterior.sample((2, num_samples), seed=seed), leading=3)  # [2, S, B, Z]
                return tf.reduce_mean(z, axis=1)  # [2, B, Z]

        self._two_means = two_means

    def __call__(
        self, data: Any, *, threshold: float = 0.01, batch_size: int = 100, seed: int = 0
    ) -> dict[str, Any]:
        """See `active_units`."""
        means = np.concatenate(
            [
                self._two_means(inputs, tf.constant((seed, index))).numpy()[:, :count]
                for inputs, count, index in batches(data, batch_size)
            ],
            axis=1,
        ).astype(np.float64)  # [2, N, Z]
        if means.shape[1] < 2:
            raise ValueError("data: expected at least 2 examples, to see what varies; received 1")
        first, second = means - means.mean(axis=1, keepdims=True)
        variances = (first * second).sum(axis=0) / (means.shape[1] - 1)
        return {
            "active_units": int((variances > threshold).sum()),
            "units": len(variances),
            "variances": variances.tolist(),
        }


def kl_per_dimension(
    model: LatentVariableModel, data: Any, *, batch_size: int = 100
) -> NDArray[np.float64]:
    """The mean divergence of each latent dimension, in nats: exact, and their sum is the KL.

    Args:
      model: its posterior and prior are all that is asked.
      data: arrays [N, ...], or batches of them as `fit` takes them.
      batch_size: examples at a time, of arrays.
    Returns:
      One number for each independent variable of the latent's event.
    Raises:
      ValueError: if posterior or prior do not factorise over dimensions, or if the pair of factors
        has no divergence in closed form.
    """

    @tf.function(autograph=False, reduce_retracing=True)
    def divergences(inputs: Any) -> tf.Tensor:
        joint = model.joint(inputs)
        return divergence_per_factor(joint.posterior, joint.prior)  # [B, ...]

    total, examples = 0.0, 0
    for inputs, count, _ in batches(data, batch_size):
        total = total + divergences(inputs).numpy()[:count].astype(np.float64).sum(axis=0)
        examples += count
    return np.asarray(total) / examples


def _flat(z: Any, leading: int = 1) -> tf.Tensor:
    """Latents [..., Z], whatever their structure and event."""
    layers = [tf.cast(layer, tf.float32) for layer in tf.nest.flatten(z)]
    shapes = [tf.concat([tf.shape(layer)[:leading], [-1]], axis=0) for layer in layers]
    return tf.concat([tf.reshape(*pair) for pair in zip(layers, shapes, strict=True)], axis=-1)
