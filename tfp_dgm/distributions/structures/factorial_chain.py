"""Chains side by side: M of K states each, whose potentials of a position see them all."""

from typing import Any, NamedTuple

import tensorflow as tf
import tensorflow_probability as tfp

from tfp_dgm.distributions.structures.checks import as_lengths, require_rank, require_sizes
from tfp_dgm.distributions.structures.recursive_structure import RecursiveStructure
from tfp_dgm.distributions.structures.semirings import NEVER, Semiring, finite
from tfp_dgm.distributions.structures.sizes import size_of
from tfp_dgm.distributions.structures.transitions import advance


class FactorialChainParts(NamedTuple):
    """Potentials or marginals of chains side by side.

    Attributes:
      unary: [B, T, K^M], of the states of all chains together; the first chain's changes slowest.
      transitions: [B or 1, M, K, K], of each chain, from one state to the next; of marginals, the
        expected numbers of transitions.
      initial: [B or 1, M, K], of each chain's first state.
    """

    unary: tf.Tensor
    transitions: tf.Tensor
    initial: tf.Tensor


class FactorialChain(RecursiveStructure):
    """M chains of states z^m_1 .. z^m_T, each of K.

        score(z) = sum_m initial[m, z^m_1] + sum_t unary[t, (z^1_t .. z^M_t)]
                   + sum_m sum_t transitions[m, z^m_t, z^m_t+1]

    The posterior of a factorial hidden Markov model. An event is int32 [T, M], the states; 0 beyond
    a row's length. Every sum over the K^M states of a position goes chain after chain, which takes
    O(T M K^(M+1)) a row where a `LinearChain` of K^M states takes O(T K^2M).

    Ghahramani and Jordan, "Factorial hidden Markov models" (1997), appendix B.

    Args:
      unary: [B, T, K^M].
      transitions: [M, K, K], or [B or 1, M, K, K].
      initial: [M, K], or [B or 1, M, K].
      lengths: int [B], 1 to T; T by default.
    Raises:
      ValueError: if shapes do not fit each other, or lengths are below 1 or beyond T.
    """

    told_by = "unary"

    def __init__(
        self,
        unary: Any,
        transitions: Any,
        initial: Any,
        *,
        lengths: Any = None,
        validate_args: bool = False,
        allow_nan_stats: bool = True,
        name: str = "FactorialChain",
    ) -> None:
        parameters = dict(locals())
        with tf.name_scope(name) as name:
            unary = tf.convert_to_tensor(unary, name="unary")
            transitions = tf.convert_to_tensor(transitions, unary.dtype, name="transitions")
            initial = tf.convert_to_tensor(initial, unary.dtype, name="initial")
            if transitions.shape.rank == 3:
                transitions = transitions[tf.newaxis]
            if initial.shape.rank == 2:
                initial = initial[tf.newaxis]
            owner = "FactorialChain"
            require_rank(owner, "unary", unary, "[B, T, K^M]")
            rows = (unary.shape[0], 1)
            require_rank(owner, "initial", initial, "[B or 1, M, K]")
            self._chains, self._states = chains, states = initial.shape[1:]
            require_sizes(
                owner, "unary", unary, "[B, T, K^M]", (rows[0], None, int(states**chains))
            )
            require_sizes(owner, "initial", initial, "[B or 1, M, K]", (rows, chains, states))
            sizes = (rows, chains, states, states)
            require_sizes(owner, "transitions", transitions, "[B or 1, M, K, K]", sizes)
            super().__init__(
                FactorialChainParts(unary, transitions, initial),
                as_lengths(owner, lengths, unary),
                parameters=parameters,
                validate_args=validate_args,
                allow_nan_stats=allow_nan_stats,
                name=name,
            )

    @classmethod
    def _parameter_properties(cls, dtype: Any, num_classes: int | None = None) -> dict[str, Any]:
        return {"unary": tfp.util.ParameterProperties(event_ndims=2)}

    def _event_shape(self) -> tf.TensorShape:
        return tf.TensorShape([self._potentials.unary.shape[1], self._chains])

    def _event_shape_tensor(self) -> tf.Tensor:
        return tf.stack([tf.shape(self._potentials.unary)[1], self._chains])

    def _read(self, potentials: FactorialChainParts, lengths: tf.Tensor) -> FactorialChainParts:
        read = tf.sequence_mask(lengths, tf.shape(potentials.unary)[1])
        return FactorialChainParts(
            finite(potentials.unary, read),
            finite(potentials.transitions),
            finite(potentials.initial),
        )

    def _inside(
        self, parts: FactorialChainParts, lengths: tf.Tensor, semiring: Semiring
    ) -> tf.Tensor:
        unary = tf.transpose(parts.unary, [1, 0, 2])  # [T, B, K^M]
        steps = size_of(unary, 0)
        first = semiring.lift(joint_sums(parts.initial) + unary[0])
        if unary.shape[0] == 1:
            return semiring.plus(first, -1, 0)
        arrivals = [self._arrivals(parts.transitions[:, m], semiring) for m in range(self._chains)]

        def step(time: tf.Tensor, alpha: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            arrived = alpha
            for chain, arrive in enumerate(arrivals):
                # No other sum has this salt: the last one's is 0, and time begins at 1.
                arrived = arrive(arrived, time * self._chains + chain)
            arrived = semiring.with_part(arrived, unary[time])
            return time + 1, tf.where((time < lengths)[:, tf.newaxis], arrived, alpha)

        _, last = tf.while_loop(
            lambda time, alpha: time < steps,
            step,
            (tf.constant(1), first),
            maximum_iterations=steps - 1,
        )
        return semiring.plus(last, -1, 0)

    def _arrivals(self, transitions: tf.Tensor, semiring: Semiring) -> Any:
        """One chain's step, by transitions [B or 1, K, K]: (alpha [C, B, K^M], salt) -> the same.

        The chain's axis, the first of the K^M, becomes the last: after all M, they are in their
        order again.
        """
        states, rest = self._states, self._states ** (self._chains - 1)
        if transitions.shape[0] != 1:
            transitions = tf.repeat(transitions, rest, axis=0)
        advanced = advance(transitions[:, tf.newaxis], semiring)

        def arrive(alpha: tf.Tensor, salt: tf.Tensor) -> tf.Tensor:
            shape = tf.shape(alpha)
            axes = tf.concat([shape[:2], [states, rest]], axis=0)
            alpha = tf.transpose(tf.reshape(alpha, axes), [0, 1, 3, 2])
            flat = tf.reshape(alpha, [shape[0], shape[1] * rest, states])
            return tf.reshape(advanced(flat, salt), shape)

        return arrive

    def _event(self, chosen: tf.Tensor, lengths: tf.Tensor) -> tf.Tensor:
        joint = tf.argmax(chosen, axis=-1, output_type=tf.int32)  # [B, T]
        joint = tf.where(tf.sequence_mask(lengths, tf.shape(joint)[1]), joint, 0)
        return joint[..., tf.newaxis] // self._strides % self._states

    @property
    def _strides(self) -> list[int]:
        """What one step of each chain's state adds to the number of the joint state."""
        return [self._states ** (self._chains - 1 - m) for m in range(self._chains)]

    def _score(self, event: tf.Tensor) -> tf.Tensor:
        unary, transitions, initial = self._finite
        rows, steps, joint_states = tf.unstack(tf.shape(unary))
        read = tf.sequence_mask(self._lengths, steps)  # [B, T]
        known = tf.reduce_all((event >= 0) & (event < self._states), axis=-1)
        event = tf.where((read & known)[..., tf.newaxis], event, 0)  # [..., B, T, M]
        row = tf.range(rows)
        at = (tf.range(steps) + steps * row[:, tf.newaxis]) * joint_states  # [B, T]
        joint = tf.reduce_sum(event * self._strides, axis=-1)
        terms = tf.where(read, tf.gather(tf.reshape(unary, [-1]), at + joint), 0)
        score = tf.reduce_sum(terms, axis=-1)  # [..., B]
        for chain in range(self._chains):
            states = event[..., chain]  # [..., B, T]
            at = row % tf.shape(initial)[0] * self._states
            score += tf.gather(tf.reshape(initial[:, chain], [-1]), at + states[..., 0])
            at = (row % tf.shape(transitions)[0] * self._states**2)[:, tf.newaxis]
            pairs = at + states[..., :-1] * self._states + states[..., 1:]
            moved = tf.gather(tf.reshape(transitions[:, chain], [-1]), pairs)
            score += tf.reduce_sum(tf.where(read[:, 1:], moved, 0), axis=-1)
        return tf.where(tf.reduce_all(known | ~read, axis=-1), score, NEVER)


def joint_sums(values: tf.Tensor) -> tf.Tensor:
    """Sums of one value of each chain: [..., M, K] -> [..., K^M], the first changing slowest."""
    chains, states = values.shape[-2:]
    total = values[..., 0, :]
    for chain in range(1, chains):
        pairs = total[..., tf.newaxis] + values[..., tf.newaxis, chain, :]
        shape = tf.concat([tf.shape(values)[:-2], [states ** (chain + 1)]], axis=0)
        total = tf.reshape(pairs, shape)
    return total
