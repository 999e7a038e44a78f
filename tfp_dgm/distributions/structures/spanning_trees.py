"""The sum over all dependency trees, projective or not."""

from typing import Any

import tensorflow as tf

from tfp_dgm.distributions.structures.linear_elimination import (
    eliminated,
    is_narrow,
    marginals_after,
    without_elimination,
)
from tfp_dgm.distributions.structures.log_elimination import log_sum_by_logs
from tfp_dgm.distributions.structures.semirings import NEVER
from tfp_dgm.distributions.structures.sizes import size_of


def log_sum_of_trees(arcs: tf.Tensor, lengths: tf.Tensor, *, single_root: bool) -> tf.Tensor:
    """log of the sum over trees of exp(sum of arcs), [B]; `NEVER` where there is none.

    The determinant of the matrix-tree theorem by Gaussian elimination, word after word,

        Z = prod_k d_k,  d_k = sum_h a[h, k],  a[h, m] += a[h, k] a[k, m] / d_k

    over the heads h and modifiers m that are left. The diagonal of the Laplacian is not stored but
    summed anew, so that nothing is subtracted (Grassmann, Taksar and Heyman, 1985): with plain
    numbers where the arcs to a word span less than 40 nats, in all rows, and with logarithms
    elsewhere. O(T^3). Second derivatives are always by logarithms.

    Koo, Globerson, Carreras and Collins, "Structured prediction models via the matrix-tree theorem"
    (2007).

    Args:
      arcs: finite, [B, N, N], `NEVER` for those to the root, to oneself and beyond the lengths.
    """

    def by_logs(arcs: tf.Tensor) -> tf.Tensor:
        return log_sum_by_logs(arcs, lengths, single_root=single_root)

    # XLA cannot compile derivatives of `cond` around loops: what is recorded does not reach any.
    fixed = tf.stop_gradient(arcs)
    narrow = is_narrow(fixed, lengths)
    done = tf.cond(
        narrow,
        lambda: eliminated(fixed, lengths, single_root=single_root),
        lambda: without_elimination(fixed, by_logs(fixed)),
    )

    @tf.custom_gradient
    def marginals(arcs: tf.Tensor) -> Any:
        def gradient(upstream: tf.Tensor) -> tf.Tensor:
            with tf.GradientTape() as tape:
                tape.watch(arcs)
                found = _derivative(by_logs, arcs)
            return tape.gradient(found, arcs, output_gradients=upstream)

        found = tf.cond(
            narrow,
            lambda: marginals_after(done, lengths, single_root=single_root),
            lambda: _derivative(by_logs, fixed),
        )
        return found, gradient

    @tf.custom_gradient
    def log_sum(arcs: tf.Tensor) -> Any:
        def gradient(upstream: tf.Tensor) -> tf.Tensor:
            return upstream[:, tf.newaxis, tf.newaxis] * marginals(arcs)

        return tf.identity(done.log_sum), gradient

    return log_sum(arcs)


def _derivative(function: Any, arcs: tf.Tensor) -> tf.Tensor:
    with tf.GradientTape() as tape:
        tape.watch(arcs)
        value = function(arcs)
    return tape.gradient(value, arcs)


def drawn_tree(
    arcs: tf.Tensor, lengths: tf.Tensor, seed: tf.Tensor, *, single_root: bool
) -> tf.Tensor:
    """One exact draw a row, heads int32 [B, T]; 0 beyond the lengths.

    Head after head, each by its marginal probabilities given those before it.

    Args:
      arcs: as `log_sum_of_trees` takes them.
      seed: int32 [2].
    """
    nodes = size_of(arcs, 1)
    uniforms = tf.random.stateless_uniform(tf.shape(arcs)[:2], seed, dtype=arcs.dtype)  # [B, N]

    def drawn(word: tf.Tensor, heads: tf.Tensor, arcs: tf.Tensor) -> tuple[tf.Tensor, ...]:
        with tf.GradientTape() as tape:
            tape.watch(arcs)
            log_sum = log_sum_of_trees(arcs, lengths, single_root=single_root)
        shares = tf.nn.relu(tape.gradient(log_sum, arcs)[:, :, word])  # [B, N]
        below = tf.cumsum(shares, axis=1)
        # Less than the sum of all, whatever its rounding: no head of share 0.
        target = uniforms[:, word, tf.newaxis] * below[:, -1:]
        head = tf.reduce_sum(tf.cast(below <= target, tf.int32), axis=1)  # [B]
        head = tf.minimum(head, nodes - 1)  # Where nothing is possible.
        chosen = (tf.range(nodes) == head[:, tf.newaxis])[:, :, tf.newaxis]
        this = tf.range(nodes) == word
        heads = tf.where(this, head[:, tf.newaxis], heads)
        return word + 1, heads, tf.where(chosen | ~this, arcs, NEVER)

    _, heads, _ = tf.while_loop(
        lambda word, *_: word < nodes,
        drawn,
        (tf.constant(1), tf.zeros(tf.shape(arcs)[:2], tf.int32), tf.stop_gradient(arcs)),
        maximum_iterations=nodes - 1,
    )
    return tf.where(tf.sequence_mask(lengths, nodes - 1), heads[:, 1:], 0)
