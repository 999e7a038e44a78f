"""The log-likelihood by annealed importance sampling, from below and from above."""

from collections.abc import Callable
from typing import Any, NamedTuple

import tensorflow as tf
import tensorflow_probability as tfp
from tensorflow_probability import distributions as tfd

from tfp_dgm.distributions.batches import has_batch
from tfp_dgm.models import LatentVariableModel
from tfp_dgm.objectives import Joint

# Latents are a tensor, or a list of tensors where they are of several layers.
LogProb = Callable[..., tf.Tensor]


class Annealed(NamedTuple):
    """What annealing says of each example.

    Attributes:
      log_likelihood: float32 [B], nats; a stochastic bound on log p(x), see the function.
      acceptance: float32 [B]; the share of transitions accepted at the last temperature.
    """

    log_likelihood: tf.Tensor
    acceptance: tf.Tensor


def annealed_importance_sampling(
    model: LatentVariableModel,
    inputs: Any,
    *,
    num_chains: int = 16,
    num_steps: int = 1000,
    num_leapfrog_steps: int = 10,
    step_size: float | tf.Tensor = 0.1,
    seed: tf.Tensor,
) -> Annealed:
    """Estimates log p(x) by chains that are annealed from the prior to the posterior [1, 2].

        f_t(z) = p(z) p(x | z)^(t / T);    log w = 1/T sum_t log p(x | z_t)
        log_likelihood[b] = log(1/S sum_s w_sb)

    Transitions are Hamiltonian Monte Carlo. exp(log_likelihood) is unbiased, whatever the number
    of steps; its logarithm is a lower bound in expectation.

    Args:
      model: its prior and log-likelihood; the posterior plays no part.
      inputs: [B, ...].
      num_chains: S.
      num_steps: T.
      num_leapfrog_steps: of each transition.
      step_size: of the integrator: one, or [B]; see `tune_step_size`.
      seed: int32 [2].
    Raises:
      ValueError: if the latents are discrete, which have no Hamiltonian dynamics.
    References:
      [1] Neal. Annealed Importance Sampling. Statistics and Computing 2001.
      [2] Wu, Burda, Salakhutdinov and Grosse. On the Quantitative Analysis of Decoder-Based
        Generative Models. ICLR 2017. arXiv:1611.04273
    """
    joint = model.joint(inputs)
    prior = continuous_prior(joint)
    draw, anneal = tf.unstack(tf.random.split(seed, 2))
    shape = _sample_shape(prior, num_chains, inputs)
    log_weights, acceptance = _anneal(
        _log_prior(prior, inputs),
        log_joint(joint),
        prior.sample(shape, seed=draw),
        num_steps=num_steps,
        num_leapfrog_steps=num_leapfrog_steps,
        step_size=step_size,
        seed=anneal,
    )
    return Annealed(_log_mean_exp(log_weights), acceptance)


def reverse_annealed_importance_sampling(
    model: LatentVariableModel,
    inputs: Any,
    z: Any,
    *,
    num_chains: int = 16,
    num_steps: int = 1000,
    num_leapfrog_steps: int = 10,
    step_size: float | tf.Tensor = 0.1,
    seed: tf.Tensor,
) -> Annealed:
    """Bounds log p(x) from above, for examples drawn from the model itself [1].

    The latent that an example was made of is an exact draw of its posterior. Chains that start
    there and are annealed back to the prior give an unbiased estimate of 1 / p(x), and so, in
    expectation, an upper bound of log p(x). With `annealed_importance_sampling` it brackets the
    truth: the bidirectional check of estimates on real data.

    Args:
      model: its prior and log-likelihood.
      inputs: [B, ...], drawn from p(x | z).
      z: [B, ...], drawn from p(z): what the inputs were made of.
      num_chains: as for `annealed_importance_sampling`, and so the others.
      num_steps: T.
      num_leapfrog_steps: of each transition.
      step_size: one, or [B].
      seed: int32 [2].
    References:
      [1] Grosse, Ghahramani and Adams. Sandwiching the Marginal Likelihood using Bidirectional
        Monte Carlo. 2015. arXiv:1511.02543
    """
    joint = model.joint(inputs)
    prior = continuous_prior(joint)
    start = tf.nest.map_structure(
        lambda layer: tf.repeat(layer[tf.newaxis], num_chains, axis=0), z
    )  # [S, B, ...]
    log_weights, acceptance = _anneal(
        log_joint(joint),
        _log_prior(prior, inputs),
        start,
        num_steps=num_steps,
        num_leapfrog_steps=num_leapfrog_steps,
        step_size=step_size,
        seed=seed,
    )
    return Annealed(-_log_mean_exp(log_weights), acceptance)


class _Fresh(tfp.mcmc.TransitionKernel):
    """Evaluates the target anew before each transition.

    `tfp.mcmc.sample_annealed_importance_chain` hands each transition the log-density that the last
    one left, which is that of the last temperature: the acceptance would compare two targets, the
    transition not keep its own, and the estimate not be unbiased.
    """

    def __init__(self, kernel: tfp.mcmc.TransitionKernel) -> None:
        self.inner_kernel = kernel

    @property
    def is_calibrated(self) -> bool:
        return self.inner_kernel.is_calibrated

    def one_step(self, current_state: Any, previous_kernel_results: Any, seed: Any = None) -> Any:
        fresh = self.inner_kernel.bootstrap_results(current_state)
        return self.inner_kernel.one_step(current_state, fresh, seed=seed)

    def bootstrap_results(self, init_state: Any) -> Any:
        return self.inner_kernel.bootstrap_results(init_state)


def _anneal(
    source: LogProb,
    target: LogProb,
    start: Any,
    *,
    num_steps: int,
    num_leapfrog_steps: int,
    step_size: float | tf.Tensor,
    seed: tf.Tensor,
) -> tuple[tf.Tensor, tf.Tensor]:
    """Log-weights [S, B] of chains from `source` to `target`, and the last acceptance [B]."""
    step_size = tf.convert_to_tensor(step_size, tf.float32)
    if step_size.shape.rank:  # [B] -> [B, 1, ...], to stand beside [S, B, ...].
        step_size = [
            tf.reshape(step_size, [-1] + [1] * (layer.shape.rank - 2))
            for layer in tf.nest.flatten(start)
        ]
    _, log_weights, results = tfp.mcmc.sample_annealed_importance_chain(
        num_steps,
        source,
        target,
        start,
        lambda log_prob: _Fresh(
            tfp.mcmc.HamiltonianMonteCarlo(log_prob, step_size, num_leapfrog_steps)
        ),
        parallel_iterations=1,
        seed=seed,
    )
    accepted = tf.cast(results.inner_results.is_accepted, tf.float32)
    return log_weights, tf.reduce_mean(accepted, axis=0)


def continuous_prior(joint: Joint) -> tfd.Distribution:
    """The joint's prior; ValueError where its latents are discrete."""
    prior = joint.prior
    kinds = tf.nest.flatten(prior.reparameterization_type)
    if any(kind != tfd.FULLY_REPARAMETERIZED for kind in kinds):
        raise ValueError(
            "model: Hamiltonian Monte Carlo needs a prior over continuous latents; received "
            f"{prior}"
        )
    return prior


def _log_prior(prior: tfd.Distribution, inputs: Any) -> LogProb:
    def log_prob(*z: tf.Tensor) -> tf.Tensor:
        log_pz = prior.log_prob(_latents(z))
        return tf.broadcast_to(log_pz, [tf.shape(log_pz)[0], _rows(inputs)])  # [S, B]

    return log_prob


def log_joint(joint: Joint) -> LogProb:
    """log p(x, z) of latents [S, B, ...], [S, B]."""

    def log_prob(*z: tf.Tensor) -> tf.Tensor:
        latents = _latents(z)
        return joint.prior.log_prob(latents) + joint.log_likelihood(latents)  # [S, B]

    return log_prob


def _latents(z: tuple[tf.Tensor, ...]) -> Any:
    return z[0] if len(z) == 1 else list(z)


def _sample_shape(prior: tfd.Distribution, num_chains: int, inputs: Any) -> tf.Tensor:
    """[S], and the batch where the prior has none of its own."""
    return tf.stack([num_chains] if has_batch(prior) else [num_chains, _rows(inputs)])


def _rows(inputs: Any) -> tf.Tensor:
    return tf.shape(tf.nest.flatten(inputs)[0])[0]


def _log_mean_exp(log_weights: tf.Tensor) -> tf.Tensor:
    chains = tf.cast(tf.shape(log_weights)[0], tf.float32)
    return tf.reduce_logsumexp(log_weights, axis=0) - tf.math.log(chains)
