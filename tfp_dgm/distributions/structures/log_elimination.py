"""The sum over dependency trees by elimination of logarithms, whatever the spread of potentials."""

import tensorflow as tf

from tfp_dgm.distributions.structures.semirings import NEVER, log_sum_exp
from tfp_dgm.distributions.structures.sizes import size_of

# More roots than any tree has: the order of what is impossible.
_NO_ORDER = 1e6


def log_sum_by_logs(arcs: tf.Tensor, lengths: tf.Tensor, *, single_root: bool) -> tf.Tensor:
    """As `log_sum_of_trees`, in logarithms.

    No spread of the potentials costs digits, where a determinant in float32 loses all of them at 16
    nats. Where the root has one modifier, arcs from it have the factor e, and a sum keeps what is
    of its lowest order in e: Z is the coefficient of e^1.
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
        summed, summed_order = _leading_sum(heads, head_orders, -2)  # [B, 1]
        summed, summed_order = summed[:, tf.newaxis], summed_order[:, tf.newaxis]
        through = heads + (arcs[:, word, tf.newaxis] - summed)  # [B, N, N]
        through_orders = head_orders + (orders[:, word, tf.newaxis] - summed_order)
        both, both_orders = _leading_sum(
            tf.stack([arcs, through]), tf.stack([orders, through_orders]), -4
        )
        total += summed[:, 0, 0]
        return word + 1, total, order + summed_order[:, 0, 0], both, both_orders

    none = tf.zeros_like(arcs[:, 0, 0])
    _, total, order, _, _ = tf.while_loop(
        lambda word, *_: word < nodes,
        eliminated,
        (tf.constant(1), none, none, arcs, orders),
        maximum_iterations=nodes - 1,
    )
    return tf.where(order == float(single_root), total, NEVER)


def _leading_sum(values: tf.Tensor, orders: tf.Tensor, axis: int) -> tuple[tf.Tensor, tf.Tensor]:
    """(log of the sum of what is of the lowest order, that order) along a negative axis."""
    orders = tf.where(values > NEVER / 10, orders, _NO_ORDER)
    lowest = tf.reduce_min(orders, axis=axis, keepdims=True)
    leading = tf.where(orders == lowest, values, NEVER)
    return log_sum_exp(leading, axis), tf.squeeze(lowest, axis)
