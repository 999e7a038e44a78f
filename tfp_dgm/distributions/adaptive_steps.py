"""Ordinary differential equations, each row solved with steps of its own."""

from collections.abc import Callable, Sequence

import numpy as np
import tensorflow as tf

# Dormand and Prince's pair of orders 5 and 4: times, stages, result, and the two results' gap.
_TIMES = (0.0, 1 / 5, 3 / 10, 4 / 5, 8 / 9, 1.0, 1.0)
_STAGES = (
    (),
    (1 / 5,),
    (3 / 40, 9 / 40),
    (44 / 45, -56 / 15, 32 / 9),
    (19372 / 6561, -25360 / 2187, 64448 / 6561, -212 / 729),
    (9017 / 3168, -355 / 33, 46732 / 5247, 49 / 176, -5103 / 18656),
    (35 / 384, 0.0, 500 / 1113, 125 / 192, -2187 / 6784, 11 / 84),
)
_GAP = (
    71 / 57600,
    0.0,
    -71 / 16695,
    71 / 1920,
    -17253 / 339200,
    22 / 525,
    -1 / 40,
)
# Times, weights and numbers of the stages that count in the result.
_COUNTED = tuple((_TIMES[j], weight, j) for j, weight in enumerate(_STAGES[-1]) if weight)
_FIRST_STEP = 0.2
# A row that asks for a smaller step is given up, and is NaN.
LEAST_STEP = 1e-3

Rows = list[tf.Tensor]


def solve_rows(
    derivative: Callable[[tf.Tensor, Rows], Rows],
    rows: Rows,
    start: float,
    end: float,
    *,
    tolerance: float,
    summands: Callable[[tf.Tensor, Rows, tf.Tensor], Rows] | None = None,
    sums: Sequence[tf.Tensor] = (),
) -> tuple[Rows, Rows]:
    """The states at `end` of dy/dt = derivative(t, y), whose states at `start` are given.

    The method is that of Dormand and Prince [1] with local extrapolation. Each row takes the steps
    that its own error asks for, so that it is the same whatever stands beside it; the loop ends
    with the last row. A row that would need steps below a thousandth of the way, or that is not
    finite, is NaN at the end.

    Steps are constants to differentiation, which goes through the loop in a graph or as Python, and
    cannot under XLA, where the loop's length is unknown.

    Args:
      derivative: function of times [...] and states, of which each row depends on itself alone.
      rows: the states, float [..., n] each, with leading axes in common.
      start: a time.
      end: another, before or after it.
      tolerance: of the error of a step: an element may be wrong by tolerance (1 + its size), in
        quadratic mean over a row.
      summands: function of times, states and weights [...] that gives sum_r weight_r f(t_r, y_r),
        for some f whose integral over the way, summed over all rows, is wanted besides.
      sums: what these integrals start from.
    Returns:
      The states at the end, and the sums.
    References:
      [1] Dormand and Prince. A family of embedded Runge-Kutta formulae. Journal of Computational
        and Applied Mathematics, 1980.
    """
    dtype, way = rows[0].dtype, end - start
    tolerance = tf.constant(tolerance, dtype)
    leading = tf.shape(rows[0])[:-1]

    def slopes(progress: tf.Tensor, state: Rows) -> Rows:
        """dy/ds of s from 0 to 1."""
        return [way * part for part in derivative(start + way * progress, state)]

    def more(s: tf.Tensor, step: tf.Tensor, *_: object) -> tf.Tensor:
        return tf.reduce_any((s < 1.0) & (step >= LEAST_STEP))

    def advance(
        s: tf.Tensor, step: tf.Tensor, rows: Rows, first: Rows, sums: Rows
    ) -> tuple[tf.Tensor, tf.Tensor, Rows, Rows, Rows]:
        running = (s < 1.0) & (step >= LEAST_STEP)
        last = step >= 1.0 - s
        taken = tf.where(last, 1.0 - s, step)
        stages, states = [first], [rows]
        for weights, time in zip(_STAGES[1:], _TIMES[1:], strict=True):
            states.append(_moved(rows, taken, weights, stages))
            stages.append(slopes(s + time * taken, states[-1]))
        ends = states[-1]  # The last stage stands at the result.
        error = _error(rows, ends, _moved(None, taken, _GAP, stages), tolerance)
        accepted = running & (error <= 1.0)
        if summands is not None:
            weight = tf.where(accepted, way * taken, 0.0)
            times = tf.stack([start + way * (s + t * taken) for t, _, _ in _COUNTED])
            weights = tf.stack([b * weight for _, b, _ in _COUNTED])
            # A step that is not taken may lead to infinity, which no weight of 0 takes away.
            parts = [
                tf.stack([_chosen(accepted, states[j][i], row) for *_, j in _COUNTED])
                for i, row in enumerate(rows)
            ]
            added = summands(times, parts, weights)
            sums = [old + new for old, new in zip(sums, added, strict=True)]
        # A fifth of a step, or the root of the error, whichever is more; NaN asks for a fifth.
        factor = 0.9 * tf.pow(tf.maximum(error, 1e-4), -0.2)
        factor = tf.where(tf.math.is_finite(error), tf.clip_by_value(factor, 0.2, 5.0), 0.2)
        return (
            tf.where(accepted, tf.where(last, tf.ones_like(s), s + taken), s),
            tf.stop_gradient(tf.where(running, taken * factor, step)),
            [_chosen(accepted, *pair) for pair in zip(ends, rows, strict=True)],
            [_chosen(accepted, *pair) for pair in zip(stages[-1], first, strict=True)],
            sums,
        )

    s = tf.zeros(leading, dtype)
    step = tf.fill(leading, tf.constant(_FIRST_STEP, dtype))
    s, _, rows, _, sums = tf.while_loop(
        more, advance, (s, step, list(rows), slopes(s, rows), list(sums))
    )
    failed = s < 1.0
    nan = tf.constant(np.nan, dtype)
    ends = [tf.where(failed[..., tf.newaxis], nan, part) for part in rows]
    return ends, list(sums)


def _moved(
    rows: Rows | None, step: tf.Tensor, weights: Sequence[float], stages: list[Rows]
) -> Rows:
    """rows + step sum_j weights_j stages_j; without rows, the second part alone."""
    result = []
    for index in range(len(stages[0])):
        move = tf.add_n([w * stage[index] for w, stage in zip(weights, stages, strict=True) if w])
        move = step[..., tf.newaxis] * move
        result.append(move if rows is None else rows[index] + move)
    return result


def _error(before: Rows, after: Rows, gap: Rows, tolerance: tf.Tensor) -> tf.Tensor:
    """The error of each row's step in units of what is allowed, [...]."""
    parts = [
        tf.square(g / (tolerance * (1.0 + tf.maximum(tf.abs(x), tf.abs(y)))))
        for x, y, g in zip(before, after, gap, strict=True)
    ]
    return tf.stop_gradient(tf.sqrt(tf.reduce_mean(tf.concat(parts, axis=-1), axis=-1)))


def _chosen(accepted: tf.Tensor, new: tf.Tensor, old: tf.Tensor) -> tf.Tensor:
    return tf.where(accepted[..., tf.newaxis], new, old)
