"""Transitions between the states or labels of neighbours, shared by rows and steps or their own."""

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from tfp_dgm.distributions.structures.checks import require_sizes
from tfp_dgm.distributions.structures.log_product import log_product
from tfp_dgm.distributions.structures.semirings import Log, Semiring
from tfp_dgm.distributions.structures.sizes import size_of


def as_transitions(owner: str, transitions: Any, like: tf.Tensor) -> tf.Tensor:
    """Transitions [K, K] or [B or 1, T - 1 or 1, K, K], the latter returned.

    Args:
      owner: who refuses.
      transitions: potentials.
      like: of the same dtype, [B, T, ..., K].
    Raises:
      ValueError: if the shapes do not fit.
    """
    transitions = tf.convert_to_tensor(transitions, like.dtype, name="transitions")
    if transitions.shape.rank == 2:
        transitions = transitions[tf.newaxis, tf.newaxis]
    rows, steps, states = like.shape[0], like.shape[1], like.shape[-1]
    moves = None if steps is None else steps - 1
    sizes: tuple[Any, ...] = ((rows, 1), (moves, 1), states, states)
    require_sizes(owner, "transitions", transitions, "[B or 1, T - 1 or 1, K, K]", sizes)
    return transitions


def advance(
    transitions: tf.Tensor, semiring: Semiring
) -> Callable[[tf.Tensor, tf.Tensor], tf.Tensor]:
    """(values of states at t - 1 [C, B, K], t) -> what arrives at the states at t, [C, B, K].

    Calls salt with t.
    """
    if isinstance(semiring, Log) and transitions.shape[:2] == (1, 1):
        return lambda values, time: log_product(values, transitions[0, 0])
    last = size_of(transitions, 1) - 1

    def arrivals(values: tf.Tensor, time: tf.Tensor) -> tf.Tensor:
        moves = transitions[:, tf.minimum(time - 1, last)]
        return semiring.plus(semiring.with_part(values[..., tf.newaxis], moves), -2, time)

    return arrivals


def of_moves(transitions: tf.Tensor, before: tf.Tensor, after: tf.Tensor) -> tf.Tensor:
    """The potentials of moves: states before and after, int32 [..., B, T - 1] each."""
    rows, steps, states = tf.shape(transitions)[0], tf.shape(transitions)[1], transitions.shape[-1]
    row = tf.range(tf.shape(before)[-2])[:, tf.newaxis] % rows
    place = row * steps + tf.range(tf.shape(before)[-1]) % steps  # [B, T - 1]
    return tf.gather(tf.reshape(transitions, [-1]), (place * states + before) * states + after)
