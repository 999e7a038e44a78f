"""The k best dependency trees, projective or not."""

import tensorflow as tf

from tfp_dgm.distributions.structures.best_spanning_tree import best_tree
from tfp_dgm.distributions.structures.heads import score_of_heads
from tfp_dgm.distributions.structures.semirings import NEVER
from tfp_dgm.distributions.structures.sizes import size_of

# Less than any score, those of no tree as well.
_TAKEN = -1e30


def ranked_trees(
    arcs: tf.Tensor, lengths: tf.Tensor, k: int, *, single_root: bool
) -> tuple[tf.Tensor, tf.Tensor]:
    """(heads int32 [k, B, T], sums of arcs [k, B], `NEVER` where there are fewer), best first.

    All other trees than the best share its first heads and part at some word: that makes T sets of
    trees, of each of which the best is sought. The best of all sets is the next, and parts its set
    again (Murty, 1968; Lawler, 1972).

    Args:
      arcs: as `best_tree` takes them.
    """
    rows, nodes = tf.shape(arcs)[0], size_of(arcs, 1)
    words = tf.range(1, nodes)

    def best(arcs: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """[n, B, N, N] -> heads [n, B, T] and their sums [n, B]."""
        n = tf.shape(arcs)[0]
        flat, repeated = tf.reshape(arcs, [-1, nodes, nodes]), tf.tile(lengths, [n])
        heads = best_tree(flat, repeated, single_root=single_root)
        scores = score_of_heads(heads, flat, repeated, single_root=single_root, projective=False)
        return tf.reshape(heads, [n, -1, nodes - 1]), tf.reshape(scores, [n, -1])

    def parted(arcs: tf.Tensor, heads: tf.Tensor) -> tf.Tensor:
        """[B, N, N], the best heads [B, T] -> of the sets of the others, [T, B, N, N]."""
        chosen = tf.one_hot(heads, nodes, on_value=True, off_value=False, axis=1)  # [B, N, T]
        chosen = tf.pad(chosen, [[0, 0], [0, 0], [1, 0]])
        parting = words[:, tf.newaxis, tf.newaxis, tf.newaxis]
        place = tf.range(nodes)
        kept = tf.where(place < parting, chosen, (place > parting) | ~chosen)
        return tf.where(kept, arcs, NEVER)

    def step(rank: tf.Tensor, *found: tf.Tensor) -> tuple[tf.Tensor, ...]:
        sets, heads, scores, out_heads, out_scores = found  # [k, T, B, ...] each, [k, B, ...]
        flat = tf.reshape(scores, [-1, rows])
        first = tf.argmax(flat, axis=0, output_type=tf.int32)  # [B]

        def of_first(values: tf.Tensor) -> tf.Tensor:
            values = tf.reshape(values, tf.concat([tf.shape(flat), tf.shape(values)[3:]], axis=0))
            values = tf.experimental.numpy.swapaxes(values, 0, 1)
            return tf.gather(values, first, batch_dims=1)

        best_heads, best_score = of_first(heads), of_first(scores)
        out_heads = _at(rank, best_heads, out_heads)
        out_scores = _at(rank, best_score, out_scores)
        taken = tf.one_hot(first, tf.shape(flat)[0], on_value=True, off_value=False, axis=0)
        scores = tf.where(tf.reshape(taken, tf.shape(scores)), _TAKEN, scores)
        new_sets = parted(of_first(sets), best_heads)
        new_heads, new_scores = best(new_sets)
        # Beyond the length there is nothing to part at.
        new_scores = tf.where(words[:, tf.newaxis] <= lengths, new_scores, _TAKEN)
        return (
            rank + 1,
            _at(rank + 1, new_sets, sets),
            _at(rank + 1, new_heads, heads),
            _at(rank + 1, new_scores, scores),
            out_heads,
            out_scores,
        )

    arcs = tf.stop_gradient(arcs)
    heads, scores = best(arcs[tf.newaxis])
    shape = [k, nodes - 1, rows]
    start = (tf.range(k)[:, tf.newaxis, tf.newaxis] == 0) & (words[:, tf.newaxis] == 1)
    _, *_, heads, scores = tf.while_loop(
        lambda rank, *_: rank < k,
        step,
        (
            tf.constant(0),
            tf.broadcast_to(arcs, [*shape, nodes, nodes]),
            tf.broadcast_to(heads, [*shape, nodes - 1]),
            tf.where(start, scores, _TAKEN),
            tf.zeros([k, rows, nodes - 1], tf.int32),
            tf.zeros([k, rows], arcs.dtype),
        ),
        maximum_iterations=k,
    )
    return heads, tf.maximum(scores, NEVER)


def _at(index: tf.Tensor, value: tf.Tensor, values: tf.Tensor) -> tf.Tensor:
    """`values` with `value` at an index of the first axis, if it has that."""
    here = tf.range(tf.shape(values)[0]) == index
    return tf.where(tf.reshape(here, [-1] + [1] * value.shape.rank), value, values)
