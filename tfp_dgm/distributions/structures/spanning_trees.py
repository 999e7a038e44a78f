"""The sum over all dependency trees, projective or not."""

import tensorflow as tf

from tfp_dgm.distributions.structures.semirings import NEVER
from tfp_dgm.distributions.structures.sizes import size_of

# More roots than any tree has: the order of what is impossible.
_NO_ORDER = 1e6


def log_sum_of_trees(arcs: tf.Tensor, lengths: tf.Tensor, *, single_root: bool) -> tf.Tensor:
    """log of the sum over trees of exp(sum of arcs), [B]; `NEVER` where there is none.

    The determinant of the matrix-tree theorem by Gaussian elimination, word after word,

        Z = prod_k d_k,  d_k = sum_h a[h, k],  a[h, m] += a[h, k] a[k, m] / d_k

    over the heads h and modifiers m that are left. The diagonal of the Laplacian is not stored but
    summed anew, so that nothing is subtracted (Grassmann, Taksar and Heyman, 1985) and logarithms
    do: no spread of the potentials costs digits, where a determinant in float32 loses all of them
    at 16 nats. Where the root has one modifier, arcs from it have the factor e, and a sum keeps
    what is of its lowest order in e: Z is the coefficient of e^1. O(T^3).

    Koo, Globerson, Carreras and Collins, "Structured prediction models via the matrix-tree theorem"
    (2007).

    Args:
      arcs: finite, [B, N, N], `NEVER` for those to the root, to oneself and beyond the lengths.
    """
    nodes = size_of(arcs, 1)
    place = tf.range(nodes)
    # Words beyond the length hang on the root, and weigh nothing.
    beyond = place > lengths[:, tf.newaxis]  # [B, N]
    from_root = (place == 0)[:, tf.newaxis]  # [N, 1]
    arcs = tf.where(~from_root | ~beyond[:, tf.newaxis], arcs, 0.0)
    counted = from_root & ~beyond[:, tf.newaxis] & single_root
    orders = tf.cast(counted, arcs.dtype)  # [B, N, N]

    def eliminated(
        word: tf.Tensor, total: tf.Tensor, order: tf.Tensor, arcs: tf.Tensor, orders: tf.Tensor
    ) -> tuple[tf.Tensor, ...]:
        left = ((place == 0) | (place > word))[:, tf.newaxis]  # [N, 1], heads
        heads = tf.where(left, arcs[:, :, word, tf.newaxis], NEVER)  # [B, N, 1]
        head_orders = orders[:, :, word, tf.newaxis]
        summed, summed_order = _leading_sum(heads, head_orders, 1)  # [B, 1, 1]
        through = heads + (arcs[:, word, tf.newaxis] - summed)  # [B, N, N]
        through_orders = head_orders + (orders[:, word, tf.newaxis] - summed_order)
        both, both_orders = _leading_sum(
            tf.stack([arcs, through]), tf.stack([orders, through_orders]), 0
        )
        total += summed[:, 0, 0]
        return word + 1, total, order + summed_order[:, 0, 0], both[0], both_orders[0]

    none = tf.zeros_like(arcs[:, 0, 0])
    _, total, order, _, _ = tf.while_loop(
        lambda word, *_: word < nodes,
        eliminated,
        (tf.constant(1), none, none, arcs, orders),
        maximum_iterations=nodes - 1,
    )
    return tf.where(order == float(single_root), total, NEVER)


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


def _leading_sum(values: tf.Tensor, orders: tf.Tensor, axis: int) -> tuple[tf.Tensor, tf.Tensor]:
    """(log of the sum of what is of the lowest order, that order), with the axis kept."""
    orders = tf.where(values > NEVER / 10, orders, _NO_ORDER)
    lowest = tf.reduce_min(orders, axis=axis, keepdims=True)
    leading = tf.where(orders == lowest, values, NEVER)
    return tf.reduce_logsumexp(leading, axis=axis, keepdims=True), lowest
