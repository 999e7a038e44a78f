"""Semi-Markov chains: segmentations with a label for each segment."""

from typing import Any, NamedTuple

import tensorflow as tf
import tensorflow_probability as tfp

from tfp_dgm.distributions.structures.checks import as_lengths, require_rank
from tfp_dgm.distributions.structures.recursive_structure import RecursiveStructure
from tfp_dgm.distributions.structures.semirings import NEVER, Semiring, finite
from tfp_dgm.distributions.structures.sizes import size_of
from tfp_dgm.distributions.structures.transitions import advance, as_transitions, of_moves


class SemiMarkovParts(NamedTuple):
    """Potentials or marginals of a segmentation.

    Attributes:
      segments: [B, T, L, K]; at [t, l, k] that of the segment that starts at t, has l + 1 steps,
        and is labelled k.
      transitions: [B or 1, T - 1 or 1, K, K]; at t from the label of the segment that ends at t to
        that of the segment that starts at t + 1.
    """

    segments: tf.Tensor
    transitions: tf.Tensor


class SemiMarkovChain(RecursiveStructure):
    """A row of T steps cut into segments of at most L steps, each with one of K labels.

        score(z) = sum over segments (t, l, k) of segments[t, l, k]
                   + sum over neighbours of transitions[t, k, k']

    An event is int32 [T]: where a segment starts its label, -1 elsewhere (beyond a row's length
    too). Cost: O(T (L K + K^2)) a row.

    Sarawagi and Cohen, "Semi-Markov conditional random fields for information extraction" (2004).

    Args:
      segments: [B, T, L, K].
      transitions: [K, K], or [B or 1, T - 1 or 1, K, K].
      lengths: int [B], 1 to T; T by default.
    Raises:
      ValueError: if shapes do not fit each other, or lengths are below 1 or beyond T.
    """

    told_by = "segments"

    def __init__(
        self,
        segments: Any,
        transitions: Any,
        *,
        lengths: Any = None,
        validate_args: bool = False,
        allow_nan_stats: bool = True,
        name: str = "SemiMarkovChain",
    ) -> None:
        parameters = dict(locals())
        with tf.name_scope(name) as name:
            segments = tf.convert_to_tensor(segments, name="segments")
            require_rank("SemiMarkovChain", "segments", segments, "[B, T, L, K]")
            transitions = as_transitions("SemiMarkovChain", transitions, segments)
            super().__init__(
                SemiMarkovParts(segments, transitions),
                as_lengths("SemiMarkovChain", lengths, segments),
                parameters=parameters,
                validate_args=validate_args,
                allow_nan_stats=allow_nan_stats,
                name=name,
            )

    @classmethod
    def _parameter_properties(cls, dtype: Any, num_classes: int | None = None) -> dict[str, Any]:
        return {"segments": tfp.util.ParameterProperties(event_ndims=3)}

    def _read(self, potentials: SemiMarkovParts, lengths: tf.Tensor) -> SemiMarkovParts:
        read = tf.sequence_mask(lengths, tf.shape(potentials.segments)[1])
        return SemiMarkovParts(
            finite(potentials.segments, read), finite(potentials.transitions, read[:, 1:])
        )

    def _inside(self, parts: SemiMarkovParts, lengths: tf.Tensor, semiring: Semiring) -> tf.Tensor:
        steps = size_of(parts.segments, 1)
        by_end = _by_end(parts.segments)  # [T, L, B, K]
        arrivals = advance(parts.transitions, semiring)
        start = tf.zeros_like(by_end[0, :1])
        never = tf.fill(tf.shape(by_end)[1:], tf.constant(NEVER, by_end.dtype))
        # What stands before segments that start 1, 2, .. L steps before an end: [C, L, B, K].
        before = semiring.lift(tf.concat([start, never[1:]], axis=0))

        def ended(end: Any, before: tf.Tensor) -> tf.Tensor:
            return semiring.plus(semiring.with_part(before, by_end[end - 1]), -3, steps + end)

        def step(end: tf.Tensor, before: tf.Tensor, total: tf.Tensor) -> tuple[tf.Tensor, ...]:
            value = ended(end, before)
            arrived = arrivals(value, end)[:, tf.newaxis]
            total = tf.where((end == lengths)[:, tf.newaxis], value, total)
            return end + 1, tf.concat([arrived, before[:, :-1]], axis=1), total

        total = semiring.lift(never[0])
        if parts.segments.shape[1] != 1:
            _, before, total = tf.while_loop(
                lambda end, before, total: end < steps,
                step,
                (tf.constant(1), before, total),
                maximum_iterations=steps - 1,
            )
        total = tf.where((steps == lengths)[:, tf.newaxis], ended(steps, before), total)
        return semiring.plus(total, -1, 0)

    def _expanded(self, parts: SemiMarkovParts) -> SemiMarkovParts:
        parts = self._over_rows(parts)
        shape = tf.shape(parts.segments)
        return parts._replace(
            transitions=tf.broadcast_to(
                parts.transitions, [shape[0], shape[1] - 1, shape[3], shape[3]]
            )
        )

    def _event(self, chosen: tf.Tensor, lengths: tf.Tensor) -> tf.Tensor:
        del lengths  # Nothing starts beyond them.
        labels = tf.reduce_sum(chosen, axis=2)  # [B, T, K]
        starts = tf.reduce_sum(labels, axis=-1) > 0.5
        return tf.where(starts, tf.argmax(labels, axis=-1, output_type=tf.int32), -1)

    def _score(self, event: tf.Tensor) -> tf.Tensor:
        segments, transitions = self._finite
        rows, steps, longest, labels = tf.unstack(tf.shape(segments))
        places = tf.range(steps)
        read = tf.sequence_mask(self._lengths, steps)
        starts = (event >= 0) & read
        # The next start behind each place, or the end; and the last one before it.
        later = starts[..., tf.newaxis, :] & (places > places[:, tf.newaxis])  # [..., T, T]
        following = tf.reduce_min(
            tf.where(later, places, self._lengths[:, tf.newaxis, tf.newaxis]), axis=-1
        )
        earlier = starts[..., tf.newaxis, :] & (places < places[:, tf.newaxis])
        preceding = tf.reduce_max(tf.where(earlier, places, 0), axis=-1)
        sizes = following - places
        known = (event < labels) & (sizes <= longest)
        label = tf.where(starts & known, event, 0)
        size = tf.where(starts & known, sizes, 1)
        at = tf.range(rows)[:, tf.newaxis] * steps + places
        chosen = tf.gather(tf.reshape(segments, [-1]), (at * longest + size - 1) * labels + label)
        previous = tf.gather(label, preceding, batch_dims=label.shape.rank - 1)
        moved = of_moves(transitions, previous[..., 1:], label[..., 1:])
        score = tf.reduce_sum(tf.where(starts, chosen, 0.0), axis=-1)
        score += tf.reduce_sum(tf.where(starts[..., 1:], moved, 0.0), axis=-1)
        return tf.where(tf.reduce_all(known | ~starts, axis=-1) & starts[..., 0], score, NEVER)


def _by_end(segments: tf.Tensor) -> tf.Tensor:
    """Segments [B, T, L, K] at their last steps, [T, L, B, K]: [e, l] is of start e - l."""
    rows, steps, longest, labels = (size_of(segments, axis) for axis in range(4))
    by_size = tf.transpose(segments, [2, 1, 0, 3])  # [L, T, B, K]
    padded = tf.pad(by_size, [[0, 0], [0, longest], [0, 0], [0, 0]], constant_values=NEVER)
    # Rows of T + L read as rows of T + L - 1 move by one more step each.
    flat = tf.reshape(padded, [longest * (steps + longest), rows, labels])
    moved = tf.reshape(
        flat[: longest * (steps + longest - 1)], [longest, steps + longest - 1, rows, labels]
    )
    return tf.transpose(moved[:, :steps], [1, 0, 2, 3])
