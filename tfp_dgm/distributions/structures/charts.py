"""Inside recursions over spans: charts filled width by width."""

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from tfp_dgm.distributions.structures.semirings import NEVER
from tfp_dgm.distributions.structures.sizes import size_of

Charts = tuple[tf.Tensor, ...]
# (width, charts by start, charts by end, inputs of the width) -> rows of both, [C, N, B] each.
Step = Callable[[tf.Tensor, Charts, Charts, tf.Tensor], tuple[Charts, Charts]]


def filled_chart(step: Step, starts: Charts, ends: Charts, inputs: tf.Tensor) -> tf.Tensor:
    """The first chart by start, [C, W, N, B], of a recursion over spans of N = W places.

    A span of width w is that of the places i .. i + w. When `step` is at width w,

        by_start[:, u, i] = value of the span of width u that starts at i
        by_end[:, u, i] = value of the span of width w - 1 - u that starts at i + 1 + u

    for u = 0 .. w - 1, so that row u of one and row u of the other are the two halves of span
    (i, i + w) parted after i + u; `NEVER` for larger u. Nothing is gathered: the charts by end move
    by one row and one place a step. Time O(N^3 B); the derivative goes back over the widths, with
    the charts alone kept, O(N^2 B).

    Args:
      step: the recursion; what it closes over has no derivative.
      starts: rows of width 0 of the charts by start, [C, N, B] each.
      ends: those of the charts by end.
      inputs: [W, ...], of each width.
    """
    places = size_of(inputs, 0)

    def rows_of(width: tf.Tensor, *windows: Any) -> tuple[Charts, Charts]:
        within = (tf.range(places) + width < places)[:, tf.newaxis]  # [N, 1]
        return tf.nest.map_structure(
            lambda row: tf.where(within, row, NEVER), step(width, *windows)
        )

    @tf.custom_gradient
    def first_chart(starts: Charts, ends: Charts, inputs: tf.Tensor) -> Any:
        def forward(width: tf.Tensor, starts: Charts, ends: Charts) -> Any:
            start_rows, end_rows = rows_of(width, starts, ends, inputs[width])
            starts = tuple(_placed(*pair, width) for pair in zip(starts, start_rows, strict=True))
            return width + 1, starts, tuple(map(_pushed, ends, end_rows))

        _, final_starts, final_ends = tf.while_loop(
            lambda width, *_: width < places,
            forward,
            (
                tf.constant(1),
                tuple(_placed(_filled(row, places, NEVER), row, 0) for row in starts),
                tuple(_pushed(_filled(row, places, NEVER), row) for row in ends),
            ),
            maximum_iterations=places - 1,
        )

        def gradient(upstream: tf.Tensor) -> Any:
            def backward(
                width: tf.Tensor, ends: Charts, start_flows: Charts, end_flows: Charts, flow: Any
            ) -> Any:
                ends = tuple(_popped(chart, NEVER)[0] for chart in ends)
                popped = [_popped(chart, 0.0) for chart in end_flows]
                known = (tf.range(places) < width)[:, tf.newaxis, tf.newaxis]
                windows = (
                    tuple(tf.where(known, chart, NEVER) for chart in final_starts),
                    ends,
                    inputs[width],
                )
                with tf.GradientTape() as tape:
                    tape.watch(windows)
                    rows = rows_of(width, *windows)
                start_more, end_more, input_flow = tape.gradient(
                    rows,
                    windows,
                    output_gradients=(
                        tuple(chart[:, width] for chart in start_flows),
                        tuple(row for _, row in popped),
                    ),
                )
                start_flows = tuple(map(tf.add, start_flows, start_more))
                end_flows = tuple(
                    rest + more for (rest, _), more in zip(popped, end_more, strict=True)
                )
                at = tf.reshape(tf.range(places) == width, [-1] + [1] * (inputs.shape.rank - 1))
                return width - 1, ends, start_flows, end_flows, tf.where(at, input_flow, flow)

            zeros = tuple(tf.zeros_like(chart) for chart in final_starts)
            _, _, start_flows, end_flows, flow = tf.while_loop(
                lambda width, *_: width > 0,
                backward,
                (
                    tf.constant(places - 1),
                    final_ends,
                    (upstream, *zeros[1:]),
                    tuple(tf.zeros_like(chart) for chart in final_ends),
                    tf.zeros_like(inputs),
                ),
                maximum_iterations=places - 1,
            )
            return (
                tuple(chart[:, 0] for chart in start_flows),
                tuple(_popped(chart, 0.0)[1] for chart in end_flows),
                flow,
            )

        return final_starts[0], gradient

    return first_chart(starts, ends, inputs)


def by_width(potentials: tf.Tensor) -> tf.Tensor:
    """[..., N (first), N (last), B] -> [..., W (last - first), N (first), B].

    Whatever stands where first + width is beyond N is not to be read.
    """
    places, rows = size_of(potentials, -2), size_of(potentials, -1)
    lead = tf.shape(potentials)[:-3]
    flat = tf.reshape(potentials, tf.concat([lead, [places * places, rows]], axis=0))
    flat = tf.pad(flat, [[0, 0]] * (flat.shape.rank - 2) + [[0, places], [0, 0]])
    # Rows of N places read as rows of N + 1 begin one place later each: at the diagonal.
    skewed = tf.reshape(flat, tf.concat([lead, [places, places + 1, rows]], axis=0))
    return tf.experimental.numpy.swapaxes(skewed[..., :-1, :], -3, -2)


def _filled(row: tf.Tensor, places: Any, value: float) -> tf.Tensor:
    """[C, N, B] -> [C, W, N, B] of one value."""
    shape = tf.shape(row)
    return tf.fill(tf.stack([shape[0], places, shape[1], shape[2]]), tf.cast(value, row.dtype))


def _placed(chart: tf.Tensor, row: tf.Tensor, width: Any) -> tf.Tensor:
    at = (tf.range(size_of(chart, 1)) == width)[:, tf.newaxis, tf.newaxis]
    return tf.where(at, row[:, tf.newaxis], chart)


def _pushed(chart: tf.Tensor, row: tf.Tensor) -> tf.Tensor:
    """One row more in front, one less behind; and every place seen from the one before it."""
    chart = tf.concat([row[:, tf.newaxis], chart[:, :-1]], axis=1)
    return tf.concat([chart[:, :, 1:], chart[:, :, :1]], axis=2)


def _popped(chart: tf.Tensor, last: float) -> tuple[tf.Tensor, tf.Tensor]:
    """The inverse: (chart, the row that was pushed); `last` comes in behind."""
    chart = tf.concat([chart[:, :, -1:], chart[:, :, :-1]], axis=2)
    behind = tf.fill(tf.shape(chart[:, :1]), tf.cast(last, chart.dtype))
    return tf.concat([chart[:, 1:], behind], axis=1), chart[:, 0]
