"""Linear chains of states: conditional random fields, posteriors of hidden Markov models."""

from typing import Any, NamedTuple

import tensorflow as tf
import tensorflow_probability as tfp

from tfp_dgm.distributions.structures.checks import as_lengths, require_rank, require_sizes
from tfp_dgm.distributions.structures.recursive_structure import RecursiveStructure
from tfp_dgm.distributions.structures.semirings import NEVER, Semiring, finite
from tfp_dgm.distributions.structures.sizes import size_of
from tfp_dgm.distributions.structures.transitions import advance, as_transitions, of_moves


class LinearChainParts(NamedTuple):
    """Potentials or marginals of a chain.

    Attributes:
      unary: [B, T, K], of states.
      transitions: [B or 1, T - 1 or 1, K, K], from the state of an axis to that of the next one.
      initial: [B or 1, K], of the first state.
    """

    unary: tf.Tensor
    transitions: tf.Tensor
    initial: tf.Tensor


class LinearChain(RecursiveStructure):
    """A chain of states z_1 .. z_T, each of K.

        score(z) = initial[z_1] + sum_t unary[t, z_t] + sum_t transitions[t, z_t, z_t+1]

    An event is int32 [T], the states; 0 beyond a row's length. Cost: O(T K^2) a row. Transitions
    shared by all steps and rows ([1, 1, K, K]) are never copied, and their sums are products of
    matrices.

    Lafferty, McCallum and Pereira, "Conditional random fields" (2001); Rabiner, "A tutorial on
    hidden Markov models" (1989).

    Args:
      unary: [B, T, K].
      transitions: [K, K], or [B or 1, T - 1 or 1, K, K].
      initial: [K] or [B or 1, K]; 0 by default.
      lengths: int [B], 1 to T; T by default.
    Raises:
      ValueError: if shapes do not fit each other, or lengths are below 1 or beyond T.
    """

    told_by = "unary"

    def __init__(
        self,
        unary: Any,
        transitions: Any,
        initial: Any = None,
        *,
        lengths: Any = None,
        validate_args: bool = False,
        allow_nan_stats: bool = True,
        name: str = "LinearChain",
    ) -> None:
        parameters = dict(locals())
        with tf.name_scope(name) as name:
            unary = tf.convert_to_tensor(unary, name="unary")
            require_rank("LinearChain", "unary", unary, "[B, T, K]")
            transitions = as_transitions("LinearChain", transitions, unary)
            if initial is None:
                initial = tf.zeros([1, tf.shape(unary)[-1]], unary.dtype)
            initial = tf.convert_to_tensor(initial, unary.dtype, name="initial")
            if initial.shape.rank == 1:
                initial = initial[tf.newaxis]
            sizes: tuple[Any, ...] = ((unary.shape[0], 1), unary.shape[2])
            require_sizes("LinearChain", "initial", initial, "[B or 1, K]", sizes)
            super().__init__(
                LinearChainParts(unary, transitions, initial),
                as_lengths("LinearChain", lengths, unary),
                parameters=parameters,
                validate_args=validate_args,
                allow_nan_stats=allow_nan_stats,
                name=name,
            )

    @classmethod
    def _parameter_properties(cls, dtype: Any, num_classes: int | None = None) -> dict[str, Any]:
        return {"unary": tfp.util.ParameterProperties(event_ndims=2)}

    def _read(self, potentials: LinearChainParts, lengths: tf.Tensor) -> LinearChainParts:
        read = tf.sequence_mask(lengths, tf.shape(potentials.unary)[1])
        return LinearChainParts(
            finite(potentials.unary, read),
            finite(potentials.transitions, read[:, 1:]),
            finite(potentials.initial),
        )

    def _inside(self, parts: LinearChainParts, lengths: tf.Tensor, semiring: Semiring) -> tf.Tensor:
        unary = tf.transpose(parts.unary, [1, 0, 2])  # [T, B, K]
        steps = size_of(unary, 0)
        first = semiring.lift(parts.initial + unary[0])
        if unary.shape[0] == 1:
            return semiring.plus(first, -1, 0)
        arrivals = advance(parts.transitions, semiring)

        def step(time: tf.Tensor, alpha: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            arrived = semiring.with_part(arrivals(alpha, time), unary[time])
            return time + 1, tf.where((time < lengths)[:, tf.newaxis], arrived, alpha)

        _, last = tf.while_loop(
            lambda time, alpha: time < steps,
            step,
            (tf.constant(1), first),
            maximum_iterations=steps - 1,
        )
        return semiring.plus(last, -1, 0)

    def _expanded(self, parts: LinearChainParts) -> LinearChainParts:
        parts = self._over_rows(parts)
        rows, steps, states = tf.unstack(tf.shape(parts.unary))
        shape = [rows, steps - 1, states, states]
        return parts._replace(transitions=tf.broadcast_to(parts.transitions, shape))

    def _event(self, chosen: tf.Tensor, lengths: tf.Tensor) -> tf.Tensor:
        states = tf.argmax(chosen, axis=-1, output_type=tf.int32)
        return tf.where(tf.sequence_mask(lengths, tf.shape(states)[1]), states, 0)

    def _score(self, event: tf.Tensor) -> tf.Tensor:
        unary, transitions, initial = self._finite
        steps, states = tf.shape(unary)[1], tf.shape(unary)[2]
        read = tf.sequence_mask(self._lengths, steps)  # [B, T]
        known = (event >= 0) & (event < states)
        event = tf.where(read & known, event, 0)
        at = tf.range(steps) + steps * tf.range(tf.shape(unary)[0])[:, tf.newaxis]  # [B, T]
        emitted = tf.gather(tf.reshape(unary, [-1]), at * states + event)
        row = tf.range(tf.shape(unary)[0]) % tf.shape(initial)[0]
        started = tf.gather(tf.reshape(initial, [-1]), row * states + event[..., 0])
        moved = of_moves(transitions, event[..., :-1], event[..., 1:])
        score = started + tf.reduce_sum(tf.where(read, emitted, 0), axis=-1)
        score += tf.reduce_sum(tf.where(read[:, 1:], moved, 0), axis=-1)
        return tf.where(tf.reduce_all(known | ~read, axis=-1), score, NEVER)
