"""A particle filter over a sequential latent: the likelihood's estimate, and what its choices were.

The loop is one `tf.while_loop`; its graph does not grow with the number of steps.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import tensorflow as tf
import tensorflow_probability as tfp
from tensorflow_probability import distributions as tfd

from tfp_dgm.objectives.impossible_draws import normalized_weights, zero_where_infinite
from tfp_dgm.objectives.resampling_schemes import (
    SYSTEMATIC,
    ancestors_of,
    effective_sample_size,
    numbers_needed,
)
from tfp_dgm.objectives.steps import State, Steps


class Noise(NamedTuple):
    """Where a particle filter's random choices come from.

    Attributes:
      latent: (q(z_t | ...) of batch shape [N, B], time int32 []) -> z_t, [N, B, ...].
      uniforms: (time, M) -> float32 [M, B], in [0, 1).
    """

    latent: Callable[[tfd.Distribution, tf.Tensor], tf.Tensor]
    uniforms: Callable[[tf.Tensor, int], tf.Tensor]


class Filtered(NamedTuple):
    """What a particle filter found.

    Attributes:
      value: [B]; log of the likelihood's estimate, log mean_n exp log_weights. Its gradient goes
        through weights and draws, not through the choice of ancestors.
      log_weights: [N, B].
      log_px: [B]; sum over the steps of the particles' mean log p(x_t | z_<=t, x_<t).
      log_ratio: [B]; likewise of log q(z_t | z_<t, x) - log p(z_t | z_<t, x_<t).
      scores: [B]; sum of the log-probabilities of all choices that no gradient goes through.
      past: [B]; sum of the same, each times the bound of the steps before it.
    """

    value: tf.Tensor
    log_weights: tf.Tensor
    log_px: tf.Tensor
    log_ratio: tf.Tensor
    scores: tf.Tensor
    past: tf.Tensor


class ParticleFilter(NamedTuple):
    """Sequential Monte Carlo with N particles, resampled where their weights have become uneven.

        z_t^n ~ q(z_t | z_<t^n, x)
        w_t^n = w_t-1^n p(z_t^n | z_<t^n, x_<t) p(x_t | z_<=t^n, x_<t) / q(z_t^n | z_<t^n, x)

    Before a step, the particles of an example are replaced by N of them drawn in proportion to
    their weights, if the effective sample size (sum_n w^n)^2 / sum_n (w^n)^2 is below
    `threshold` N; each then weighs their mean. The mean of the last weights is an unbiased estimate
    of p(x). Where all particles of an example have died, none is chosen and the estimate is 0.

    Attributes:
      num_particles: N.
      scheme: one of `resampling_schemes.SCHEMES`.
      threshold: 0 for never, 1 for before every step.
      scores_ancestors: whether `Filtered.scores` counts the choice of ancestors, which must be
        multinomial.
    """

    num_particles: int
    scheme: str = SYSTEMATIC
    threshold: float = 0.5
    scores_ancestors: bool = False

    def run(self, steps: Steps, noise: Noise) -> Filtered:
        """Goes through all steps of a batch."""
        batch = tf.shape(steps.lengths)[0]
        zeros = tf.zeros([batch])
        start = (
            tf.constant(0),
            steps.initial_state(self.num_particles),
            tf.zeros([self.num_particles, batch]),
            (zeros, zeros, zeros, zeros),
        )

        def body(
            time: tf.Tensor, state: State, log_weights: tf.Tensor, sums: tuple[tf.Tensor, ...]
        ) -> tuple[Any, ...]:
            before = state
            active = time < steps.lengths  # [B]
            earned = zero_where_infinite(tf.stop_gradient(log_mean_weight(log_weights)))  # [B]
            state, log_weights, score = self._resampled(time, active, state, log_weights, noise)
            prior, proposal = steps.latent(time, state)
            z = noise.latent(proposal, time)
            is_path = proposal.reparameterization_type == tfd.FULLY_REPARAMETERIZED
            z = z if is_path else tf.stop_gradient(z)
            log_q = proposal.log_prob(z)  # [N, B]
            log_ratio = log_q - prior.log_prob(z)
            log_px, state = steps.advance(time, state, z)
            if not is_path:
                score += tf.reduce_sum(log_q, axis=0)
            log_weights += tf.where(active, log_px - log_ratio, 0.0)
            more = (
                tf.reduce_mean(log_px, axis=0),
                tf.reduce_mean(log_ratio, axis=0),
                score,
                score * earned,
            )
            sums = tuple(
                total + tf.where(active, part, 0.0) for total, part in zip(sums, more, strict=True)
            )
            return time + 1, _shaped_as(before, state), _shaped_as(start[2], log_weights), sums

        static = steps.num_steps if isinstance(steps.num_steps, int) else None
        _, _, log_weights, sums = tf.while_loop(
            lambda time, *_: time < steps.num_steps,
            body,
            start,
            parallel_iterations=1,
            maximum_iterations=static,
        )
        return Filtered(log_mean_weight(log_weights), log_weights, *sums)

    def _resampled(
        self,
        time: tf.Tensor,
        active: tf.Tensor,
        state: State,
        log_weights: tf.Tensor,
        noise: Noise,
    ) -> tuple[State, tf.Tensor, tf.Tensor]:
        """The particles that go on, their log-weights, and the score [B] of their choice."""
        count, no_score = self.num_particles, tf.zeros_like(log_weights[0])
        if self.threshold == 0 or count == 1:
            return state, log_weights, no_score
        weights = tf.stop_gradient(normalized_weights(log_weights))  # [N, B]
        size = effective_sample_size(weights)  # [B]
        # At the first step all are alike; after the last, and where none is left, nobody gains.
        chosen = active & (time > 0) & (size > 0)
        if self.threshold < 1:
            chosen &= size < self.threshold * count
        uniforms = noise.uniforms(time, numbers_needed(self.scheme, count))
        ancestors = ancestors_of(self.scheme, weights, uniforms)
        ancestors = tf.where(chosen, ancestors, tf.range(count)[:, tf.newaxis])  # [N, B]
        rows = tf.broadcast_to(tf.range(tf.shape(ancestors)[1]), tf.shape(ancestors))
        places = tf.stack([ancestors, rows], axis=-1)  # [N, B, 2]
        score = no_score
        if self.scores_ancestors:
            # Rows that keep their particles may have none of any weight.
            safe = tf.where(chosen, log_weights, 0.0)
            log_shares = tf.gather_nd(safe - tf.reduce_logsumexp(safe, axis=0), places)
            score = tf.where(chosen, tf.reduce_sum(log_shares, axis=0), 0.0)
        state = tf.nest.map_structure(lambda part: tf.gather_nd(part, places), state)
        return state, tf.where(chosen, log_mean_weight(log_weights), log_weights), score


def log_mean_weight(log_weights: tf.Tensor) -> tf.Tensor:
    """log mean_n exp log_weights: [N, B] -> [B]; -inf, without a gradient, where all are."""
    shares = tf.stop_gradient(normalized_weights(log_weights))
    path = tf.reduce_sum(shares * zero_where_infinite(log_weights), axis=0)
    value = tfp.math.reduce_logmeanexp(tf.stop_gradient(log_weights), axis=0)
    return value + path - tf.stop_gradient(path)


def noise_of_seed(seed: tf.Tensor, batch: tf.Tensor) -> Noise:
    """Noise of B examples, from one stateless seed int32 [2]."""
    latents, choices = tf.unstack(tfp.random.split_seed(seed, n=2, salt="particle_filter"))
    return Noise(
        lambda proposal, time: proposal.sample(seed=tf.random.fold_in(latents, time)),
        lambda time, count: tf.random.stateless_uniform(
            [count, batch], tf.random.fold_in(choices, time)
        ),
    )


def _shaped_as(before: State, after: State) -> State:
    """The same with the static shapes of the state before, which a loop must keep."""
    return tf.nest.map_structure(lambda old, new: tf.ensure_shape(new, old.shape), before, after)
