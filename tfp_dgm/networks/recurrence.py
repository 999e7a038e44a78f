"""Recurrences whose large products stand outside the loop."""

from collections.abc import Callable
from typing import Any, NamedTuple

import tensorflow as tf

State = tuple[tf.Tensor, ...]


class Cell(NamedTuple):
    """What happens in one step besides the products; elementwise.

    Attributes:
      next_state: maps what comes from the input [N, G], what comes from the last output [N, G], and
        the state (a tuple of [N, D] whose head is the output) to the next state.
      num_gates: G / D.
      num_states: length of the tuple.
    """

    next_state: Callable[[tf.Tensor, tf.Tensor, State], State]
    num_gates: int
    num_states: int


def _lstm(x: tf.Tensor, recurrent: tf.Tensor, state: State) -> State:
    write, keep, candidate, read = tf.split(x + recurrent, 4, axis=-1)
    memory = tf.sigmoid(keep) * state[1] + tf.sigmoid(write) * tf.tanh(candidate)
    return tf.sigmoid(read) * tf.tanh(memory), memory


def _gru(x: tf.Tensor, recurrent: tf.Tensor, state: State) -> State:
    x_reset, x_update, x_candidate = tf.split(x, 3, axis=-1)
    reset, update, candidate = tf.split(recurrent, 3, axis=-1)
    update = tf.sigmoid(x_update + update)
    new = tf.tanh(x_candidate + tf.sigmoid(x_reset + reset) * candidate)
    return (update * state[0] + (1 - update) * new,)


# Long short-term memory: input, forget, candidate and output gates; the state is (h, c).
LSTM = Cell(_lstm, num_gates=4, num_states=2)
# Gated recurrent unit, reset after the product: reset, update and candidate; the state is (h,).
GRU = Cell(_gru, num_gates=3, num_states=1)


def recur(
    cell: Cell,
    inputs: tf.Tensor,
    constant: tf.Tensor,
    kernel: tf.Tensor,
    state: State,
) -> tf.Tensor:
    """Runs a cell over time: state_t = cell(inputs[t] + constant, h_{t-1} kernel, state_{t-1}).

    The projection of the inputs has been done before, for all t in one product. The gradient of the
    kernel is one product for all t too, instead of a sum of T small ones, which is what automatic
    differentiation of the loop would give; the loop back holds what is sequential and no more.
    Under mixed precision the products are the kernel's type and the state is float32: a memory that
    small numbers are added to at every step would lose them.

    Args:
      cell: see `Cell`.
      inputs: [T, *b, G], without a bias or with.
      constant: [*c, G]; the same at every t. The axes *b and *c broadcast to the batch.
      kernel: [D, G].
      state: tuple of [*batch, D]; the head is the output h. Cast to `state_type(kernel.dtype)`.
    Returns:
      h_1 .. h_T: [T, *batch, D], of the kernel's type.
    """
    dtype = state_type(kernel.dtype)
    batch = tf.shape(state[0])[:-1]
    units, width = kernel.shape
    flat = tuple(tf.cast(tf.reshape(part, [-1, units]), dtype) for part in state)  # [N, D]

    @tf.custom_gradient
    def run(
        inputs: tf.Tensor, constant: tf.Tensor, kernel: tf.Tensor, *state: tf.Tensor
    ) -> tuple[tf.Tensor, Callable[..., Any]]:
        steps = tf.shape(inputs)[0]
        # Time stays first; the other axes are aligned at the right.
        ones = tf.ones([tf.size(batch) + 2 - tf.rank(inputs)], tf.int32)
        aligned = tf.concat([[steps], ones, tf.shape(inputs)[1:]], axis=0)
        whole = tf.concat([[steps], batch, [width]], axis=0)
        x = tf.broadcast_to(tf.reshape(inputs, aligned) + constant, whole)
        x = tf.cast(tf.reshape(x, [steps, -1, width]), dtype)  # [T, N, G]

        def forward(t: tf.Tensor, state: Any, kept: Any) -> tuple[tf.Tensor, Any, Any]:
            recurrent = tf.cast(tf.matmul(tf.cast(state[0], kernel.dtype), kernel), dtype)
            next_state = cell.next_state(x[t], recurrent, state)
            kept = tuple(
                array.write(t, part)
                for array, part in zip(kept, (recurrent, *next_state), strict=True)
            )
            return t + 1, next_state, kept

        arrays = tuple(
            tf.TensorArray(dtype, steps, element_shape=[None, size])
            for size in (width, *[units] * len(state))
        )
        _, _, kept = tf.while_loop(
            lambda t, *_: t < steps, forward, (0, state, arrays), parallel_iterations=1
        )
        recurrents, *states = [array.stack() for array in kept]
        # What each step started from: [T, N, D].
        before = [
            tf.concat([first[tf.newaxis], later[:-1]], axis=0)
            for first, later in zip(state, states, strict=True)
        ]

        def gradient(upstream: tf.Tensor) -> tuple[tf.Tensor, ...]:
            transposed = tf.transpose(kernel)  # Once, and not by each of the T products.

            def backward(i: tf.Tensor, to_state: Any, kept: Any) -> tuple[tf.Tensor, Any, Any]:
                t = steps - 1 - i
                leaves = (x[t], recurrents[t], tuple(part[t] for part in before))
                with tf.GradientTape() as tape:
                    tape.watch(leaves)
                    after = cell.next_state(*leaves)
                to_after = (to_state[0] + tf.cast(upstream[t], dtype), *to_state[1:])
                # A cell may use its last output through the kernel alone.
                to_x, to_recurrent, to_before = tape.gradient(
                    after, leaves, to_after, unconnected_gradients="zero"
                )
                back = tf.matmul(tf.cast(to_recurrent, kernel.dtype), transposed)  # [N, D]
                to_h = to_before[0] + tf.cast(back, dtype)
                kept = tuple(
                    array.write(t, tf.cast(part, kernel.dtype))
                    for array, part in zip(kept, (to_x, to_recurrent), strict=True)
                )
                return i + 1, (to_h, *to_before[1:]), kept

            arrays = tuple(
                tf.TensorArray(kernel.dtype, steps, element_shape=[None, width]) for _ in range(2)
            )
            zeros = tuple(tf.zeros_like(part) for part in state)
            _, to_state, kept = tf.while_loop(
                lambda i, *_: i < steps, backward, (0, zeros, arrays), parallel_iterations=1
            )
            to_x, to_recurrent = (array.stack() for array in kept)  # [T, N, G]
            to_kernel = tf.matmul(
                tf.cast(tf.reshape(before[0], [-1, units]), kernel.dtype),
                tf.reshape(to_recurrent, [-1, width]),
                transpose_a=True,
            )
            to_x = tf.reshape(to_x, whole)
            to_inputs = tf.reshape(_sum_to(to_x, aligned), tf.shape(inputs))
            to_constant = _sum_to(tf.reduce_sum(to_x, axis=0), tf.shape(constant))
            return to_inputs, to_constant, to_kernel, *to_state

        return tf.cast(states[0], kernel.dtype), gradient

    outputs = run(inputs, constant, kernel, *flat)  # [T, N, D]
    return tf.reshape(outputs, tf.concat([tf.shape(inputs)[:1], batch, [units]], axis=0))


def state_type(dtype: tf.DType) -> tf.DType:
    """What a state is kept in where products are of `dtype`: float32 at least."""
    return tf.float32 if tf.as_dtype(dtype).size < 4 else tf.as_dtype(dtype)


def project(h: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
    """h [..., D] kernel [D, G], multiplied in the kernel's type, given in that of the state."""
    product = tf.einsum("...d,dg->...g", tf.cast(h, kernel.dtype), kernel)
    return tf.cast(product, state_type(kernel.dtype))


def _sum_to(x: tf.Tensor, shape: tf.Tensor) -> tf.Tensor:
    """Undoes broadcasting: sums x to `shape`, aligned at the right."""
    _, axes = tf.raw_ops.BroadcastGradientArgs(s0=tf.shape(x), s1=shape)
    return tf.reshape(tf.reduce_sum(x, axis=axes), shape)
