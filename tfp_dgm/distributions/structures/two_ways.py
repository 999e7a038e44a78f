"""A function that is computed in either of two ways, as its inputs allow."""

from collections.abc import Callable
from typing import Any

import tensorflow as tf

Function = Callable[..., tf.Tensor]


def two_ways(narrow: tf.Tensor, fast: Function, exact: Function) -> Function:
    """`fast` where `narrow`, bool [], is true, else `exact`; of tensors, equal where both hold.

    The first derivative is computed the same way, anew and not through `tf.cond`, whose derivative
    XLA cannot compile around loops. Second derivatives are those of `exact`.
    """

    @tf.custom_gradient
    def value(*inputs: tf.Tensor) -> Any:
        result = tf.cond(narrow, lambda: fast(*inputs), lambda: exact(*inputs))
        return result, lambda upstream: pulled_back(upstream, *inputs)

    @tf.custom_gradient
    def pulled_back(upstream: tf.Tensor, *inputs: tf.Tensor) -> Any:
        def gradient(*upstreams: tf.Tensor) -> Any:
            arguments = (upstream, *inputs)
            with tf.GradientTape() as tape:
                tape.watch(arguments)
                flows = _flows(exact, *arguments)
            return tape.gradient(
                flows,
                arguments,
                output_gradients=upstreams,
                unconnected_gradients=tf.UnconnectedGradients.ZERO,
            )

        flows = tf.cond(
            narrow,
            lambda: _flows(fast, upstream, *inputs),
            lambda: _flows(exact, upstream, *inputs),
        )
        return flows, gradient

    return value


def _flows(function: Function, upstream: tf.Tensor, *inputs: tf.Tensor) -> tuple[tf.Tensor, ...]:
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        result = function(*inputs)
    return tape.gradient(
        result,
        inputs,
        output_gradients=upstream,
        unconnected_gradients=tf.UnconnectedGradients.ZERO,
    )
