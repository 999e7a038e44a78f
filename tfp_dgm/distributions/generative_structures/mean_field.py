"""A lower bound on log p(x) of factorial hidden Markov models whose joint states are too many."""

import math
from typing import NamedTuple

import tensorflow as tf

from tfp_dgm.distributions.generative_structures.factorial_hidden_markov import (
    FactorialHiddenMarkov,
)
from tfp_dgm.distributions.generative_structures.gaussian_emissions import frames_of
from tfp_dgm.distributions.structures import LinearChain


class MeanField(NamedTuple):
    """What `structured_mean_field` found.

    Attributes:
      bound: float32 [B], nats; at most log p(x).
      chains: M posteriors over the states [T] of a chain, independent of each other.
    """

    bound: tf.Tensor
    chains: list[LinearChain]


def structured_mean_field(p: FactorialHiddenMarkov, x: tf.Tensor, *, steps: int) -> MeanField:
    """q(z) = prod_m q_m(z^m), each a chain with the model's transitions, as near as may be.

        bound = E_q[log p(x, z)] + sum_m H(q_m) <= log p(x)

    Chain after chain is given the potentials that are best for the others as they are, which never
    lowers the bound. The cost is O(T M (K^2 + M K D)) a row and step, where exact sums take
    O(T M K^(M+1)). With one chain, the bound is exact. Its derivative is that of E_q[log p(x, z)]
    with q held: steps along it on batches are stochastic variational inference.

    Ghahramani and Jordan, "Factorial hidden Markov models" (1997), section 3.5, appendix D.

    Args:
      p: the model.
      x: float32 [B, T, D]; NaN where a vector is not observed.
      steps: how often each chain is fitted to the others, >= 1.
    Raises:
      ValueError: if `steps` is below 1, or x has another number of axes.
    """
    if steps < 1:
        raise ValueError(f"structured_mean_field: `steps` must be >= 1; received {steps}")
    x = tf.cast(tf.convert_to_tensor(x), tf.float32)
    if x.shape.rank != 3:
        raise ValueError(
            f"structured_mean_field: `x` must be [B, T, D]; received shape {tuple(x.shape)}"
        )
    x, seen, lengths = frames_of(x)
    seen = tf.cast(seen, x.dtype)
    # In units of the noise, which is then N(0, I).
    white, loc = _whitened(x, p.scale), _whitened(p.loc, p.scale)  # [B, T, D], [M, K, D]

    def fitted(step: tf.Tensor, shares: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Every chain once: shares [M, B, T, K] of its states, from those of the others."""
        rows = tf.unstack(shares)
        for m in range(len(rows)):
            unary = _potentials(white, seen, loc, rows, m)
            rows[m] = _summed(p, m, unary, lengths)[1]
        return step + 1, tf.stack(rows)

    chains, states, _ = p.loc.shape
    shape = tf.concat([[chains], tf.shape(x)[:2], [states]], axis=0)
    uniform = tf.ensure_shape(tf.fill(shape, 1.0 / states), [chains, *x.shape[:2], states])
    # In the last pass, whose potentials are kept, every chain is fitted once more.
    _, shares = tf.while_loop(
        lambda step, _: step < steps - 1,
        fitted,
        (tf.constant(0), uniform),
        maximum_iterations=steps - 1,
    )
    rows = tf.unstack(tf.stop_gradient(shares))
    posteriors, bound = [], tf.zeros(tf.shape(x)[:1])
    for m in range(chains):
        unary = tf.stop_gradient(_potentials(white, seen, loc, rows, m))
        log_partition, rows[m] = _summed(p, m, unary, lengths)
        # log Z - E[unary] is E_q[log p(z^m)] + H(q_m); its derivative with q held is that of log Z.
        bound += log_partition - tf.stop_gradient(tf.reduce_sum(rows[m] * unary, axis=[1, 2]))
        posteriors.append(_chain(p, m, unary, lengths))
    return MeanField(bound + _expected_log_density(p, white, seen, loc, rows), posteriors)


def _whitened(values: tf.Tensor, scale: tf.Tensor) -> tf.Tensor:
    """L^-1 v of vectors [..., D]."""
    if scale.shape.rank == 1:
        return values / scale
    inverse = tf.linalg.triangular_solve(scale, tf.eye(scale.shape[0]))
    return tf.tensordot(values, inverse, [[-1], [1]])


def _chain(p: FactorialHiddenMarkov, m: int, unary: tf.Tensor, lengths: tf.Tensor) -> LinearChain:
    initial, transitions = p.log_initial[m], p.log_transitions[m]
    return LinearChain(unary, transitions, initial, lengths=lengths)


def _summed(
    p: FactorialHiddenMarkov, m: int, unary: tf.Tensor, lengths: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    """(log Z [B], the shares of the states [B, T, K], as constants)."""
    with tf.GradientTape() as tape:
        tape.watch(unary)
        log_partition = _chain(p, m, unary, lengths).log_partition()
    return log_partition, tf.stop_gradient(tape.gradient(log_partition, unary))


def _means(loc: tf.Tensor, shares: list[tf.Tensor]) -> list[tf.Tensor]:
    """E_q of each chain's part of the mean, [B, T, D]."""
    return [tf.einsum("btk,kd->btd", share, loc[m]) for m, share in enumerate(shares)]


def _potentials(
    white: tf.Tensor, seen: tf.Tensor, loc: tf.Tensor, shares: list[tf.Tensor], m: int
) -> tf.Tensor:
    """log N(x; ..) as a function of one chain's state, the others' parts at their means, [B, T, K].

    Up to a constant.
    """
    others = [mean for n, mean in enumerate(_means(loc, shares)) if n != m]
    rest = white - sum(others, tf.zeros_like(white))
    scores = tf.einsum("btd,kd->btk", rest, loc[m]) - 0.5 * tf.reduce_sum(loc[m] ** 2, axis=-1)
    return scores * seen[..., tf.newaxis]


def _expected_log_density(
    p: FactorialHiddenMarkov,
    white: tf.Tensor,
    seen: tf.Tensor,
    loc: tf.Tensor,
    shares: list[tf.Tensor],
) -> tf.Tensor:
    """E_q[log p(x | z)], [B]: at the mean, less half of the variance of each chain's part."""
    means, size = _means(loc, shares), white.shape[-1]
    diagonal = p.scale if p.scale.shape.rank == 1 else tf.linalg.diag_part(p.scale)
    volume = tf.reduce_sum(tf.math.log(diagonal)) + 0.5 * size * math.log(2 * math.pi)
    total = -0.5 * tf.reduce_sum(tf.square(white - sum(means)), axis=-1) - volume  # [B, T]
    for m, (mean, share) in enumerate(zip(means, shares, strict=True)):
        squares = tf.einsum("btk,k->bt", share, tf.reduce_sum(loc[m] ** 2, axis=-1))
        total -= 0.5 * (squares - tf.reduce_sum(mean**2, axis=-1))
    return tf.reduce_sum(total * seen, axis=-1)
