"""Inside recursions over spans: charts filled width by width."""

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from tfp_dgm.distributions.structures.semirings import NEVER
from tfp_dgm.distributions.structures.sizes import size_of

Charts = tuple[tf.Tensor, ...]
# (width, charts by start, charts by end, inputs of the width, what all widths share) -> rows of
# both, [C, N, B] each.
Step = Callable[..., tuple[Charts, Charts]]

# A stretch of widths to so many places; each is compiled, so there are never many.
_PLACES_PER_STRETCH, _MOST_STRETCHES = 20, 4


def spans_from_first(
    step: Step, starts: Charts, ends: Charts, inputs: tf.Tensor, shared: Charts = ()
) -> tf.Tensor:
    """The first chart by start of a recursion over spans of N = W places, at place 0: [C, W, B].

    A span of width w is that of the places i .. i + w. When `step` is at width w,

        by_start[:, u, i] = value of the span of width u that starts at i
        by_end[:, u, i] = value of the span of width w - 1 - u that starts at i + 1 + u

    for u = 0 .. w - 1, so that row u of one and row u of the other are the two halves of span
    (i, i + w) parted after i + u; `NEVER` for larger u. Nothing is gathered: the charts by end move
    by one row and one place a step. Time O(N^3 B); the derivative goes back over the widths, with
    the charts alone kept, O(N^2 B). Of many places, stretches of widths hold but what they need
    (no start beyond N less the least width, no row beyond the largest), at best a third of it all.
    B may be any number that the values of a place have; charts may differ in it.

    Args:
      step: the recursion, of any number of places; what it closes over has no derivative. Its last
        arguments are what is shared.
      starts: rows of width 0 of the charts by start, [C, N, B] each.
      ends: those of the charts by end.
      inputs: [W, ..., N, B], of each width.
      shared: tensors that every width reads.
    """
    places = size_of(inputs, 0)
    stretches = 1
    if not tf.is_tensor(places):
        stretches = min(max(places // _PLACES_PER_STRETCH, 1), _MOST_STRETCHES)
    bounds = [places * stretch // stretches for stretch in range(1, stretches)]
    least = 1
    starts = tuple(row[:, tf.newaxis] for row in starts)
    ends = tuple(_pushed(row[:, tf.newaxis], row) for row in ends)
    for most in [*bounds, places]:
        left = places + 1 - least  # One more than wanted: a single place has no width but 0.
        starts, ends = (
            tuple(_resized(chart, most, left) for chart in charts) for charts in (starts, ends)
        )
        starts, ends = _stretch(
            step, least, places, starts, ends, inputs[least:most, ..., :left, :], shared
        )
        least = most
    return starts[0][:, :, 0]


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


def _stretch(
    step: Step,
    least: int,
    places: Any,
    starts: Charts,
    ends: Charts,
    inputs: tf.Tensor,
    shared: Charts,
) -> tuple[Charts, Charts]:
    """The charts when the widths from `least` on are filled, of which there are inputs."""
    widths, left = size_of(inputs, 0), size_of(inputs, -2)

    def rows_of(width: tf.Tensor, *windows: Any) -> tuple[Charts, Charts]:
        within = (tf.range(left) + width < places)[:, tf.newaxis]  # [N, 1]
        return tf.nest.map_structure(
            lambda row: tf.where(within, row, NEVER), step(width, *windows)
        )

    @tf.custom_gradient
    def filled(starts: Charts, ends: Charts, inputs: tf.Tensor, shared: Charts) -> Any:
        def forward(width: tf.Tensor, starts: Charts, ends: Charts) -> Any:
            start_rows, end_rows = rows_of(width, starts, ends, inputs[width - least], *shared)
            placed = tuple(_placed(*pair, width) for pair in zip(starts, start_rows, strict=True))
            pushed = tuple(map(_pushed, ends, end_rows))
            return width + 1, *_shaped((placed, pushed), (starts, ends))

        _, starts, ends = tf.while_loop(
            lambda width, *_: width < least + widths,
            forward,
            (tf.convert_to_tensor(least), starts, ends),
            maximum_iterations=widths,
        )

        def gradient(*flows: tf.Tensor) -> Any:
            start_flows, end_flows = flows[: len(starts)], flows[len(starts) :]

            def backward(
                width: tf.Tensor,
                ends: Charts,
                start_flows: Charts,
                end_flows: Charts,
                flow: tf.Tensor,
                shared_flows: Charts,
            ) -> Any:
                before = ends, start_flows, end_flows, flow, shared_flows
                ends = tuple(_popped(chart, NEVER)[0] for chart in ends)
                popped = [_popped(chart, 0.0) for chart in end_flows]
                rows = tf.range(size_of(starts[0], 1))[:, tf.newaxis, tf.newaxis]
                windows = (
                    tuple(tf.where(rows < width, chart, NEVER) for chart in starts),
                    ends,
                    inputs[width - least],
                    *shared,
                )
                with tf.GradientTape() as tape:
                    tape.watch(windows)
                    made = rows_of(width, *windows)
                start_more, end_more, input_flow, *shared_more = tape.gradient(
                    made,
                    windows,
                    output_gradients=(
                        tuple(chart[:, width] for chart in start_flows),
                        tuple(row for _, row in popped),
                    ),
                    unconnected_gradients=tf.UnconnectedGradients.ZERO,
                )
                # What the row was made of has the rest of its flow; the row itself is done.
                start_flows = tuple(
                    tf.where(rows != width, chart + more, 0.0)
                    for chart, more in zip(start_flows, start_more, strict=True)
                )
                end_flows = tuple(
                    rest + more for (rest, _), more in zip(popped, end_more, strict=True)
                )
                at = tf.range(widths) == width - least
                at = tf.reshape(at, [-1] + [1] * (inputs.shape.rank - 1))
                flow = tf.where(at, input_flow, flow)
                shared_flows = tuple(map(tf.add, shared_flows, shared_more))
                after = ends, start_flows, end_flows, flow, shared_flows
                return width - 1, *_shaped(after, before)

            _, _, start_flows, end_flows, flow, shared_flows = tf.while_loop(
                lambda width, *_: width >= least,
                backward,
                (
                    tf.convert_to_tensor(least + widths - 1),
                    ends,
                    start_flows,
                    end_flows,
                    tf.zeros_like(inputs),
                    tuple(map(tf.zeros_like, shared)),
                ),
                maximum_iterations=widths,
            )
            return start_flows, end_flows, flow, shared_flows

        return (starts, ends), gradient

    return filled(starts, ends, inputs, shared)


def _shaped(values: Any, before: Any) -> Any:
    """Values of a loop with the static sizes they had, which steps over unknown places lose."""
    return tf.nest.map_structure(lambda x, y: tf.ensure_shape(x, y.shape), values, before)


def _resized(chart: tf.Tensor, rows: Any, places: Any) -> tf.Tensor:
    """[C, U, N, B] -> [C, rows, places, B]: more rows of `NEVER`, fewer places."""
    more = [[0, 0], [0, rows - size_of(chart, 1)], [0, 0], [0, 0]]
    return tf.pad(chart[:, :, :places], more, constant_values=NEVER)


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
