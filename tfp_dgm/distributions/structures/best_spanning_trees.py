"""The best dependency trees, projective or not."""

from typing import Any, NamedTuple

import tensorflow as tf

from tfp_dgm.distributions.structures.heads import score_of_heads
from tfp_dgm.distributions.structures.semirings import NEVER
from tfp_dgm.distributions.structures.sizes import size_of

# An impossible arc is worse than any number of roots.
_IMPOSSIBLE = -1e4
# Less than any score, those of no tree as well.
_TAKEN = -1e30


class _Contraction(NamedTuple):
    """Nodes 0 .. N - 1, and what cycles were contracted to behind them: M = 2 N - 1 in all.

    Attributes:
      costs: [B, M, M], of the best arc between two nodes: what matters first.
      scores: [B, M, M]: what decides between equal costs.
      arcs: int32 [B, M, M], that arc as head * N + modifier.
      active: bool [B, M], which nodes stand for themselves.
      members: bool [B, M, N], the nodes of which each is made.
      entering: int32 [B, M], the best arc into each node that is or was on the path.
      entering_costs, entering_scores: [B, M], of that arc.
      places: int32 [B, M], on the path; -1 off it.
      tip: int32 [B], the last node of the path.
      made: int32 [B], how many nodes there are.
    """

    costs: tf.Tensor
    scores: tf.Tensor
    arcs: tf.Tensor
    active: tf.Tensor
    members: tf.Tensor
    entering: tf.Tensor
    entering_costs: tf.Tensor
    entering_scores: tf.Tensor
    places: tf.Tensor
    tip: tf.Tensor
    made: tf.Tensor


def best_tree(arcs: tf.Tensor, lengths: tf.Tensor, *, single_root: bool) -> tf.Tensor:
    """Heads int32 [B, T] of the tree with the largest sum of arcs; 0 beyond the lengths.

    From a node back along the best arcs: where they close a cycle, it becomes one node, into which
    every arc costs what it adds to the cycle's own. When all is one node, cycles are opened from
    the outermost inwards, where the arc from outside enters. Every row takes its own steps, 2 N at
    most, O(N^2) each. Where the root has one modifier, trees are compared by their roots first.

    Chu and Liu, "On the shortest arborescence of a directed graph" (1965); Edmonds, "Optimum
    branchings" (1967); Gabow et al., "Efficient algorithms for finding minimum spanning trees in
    undirected and directed graphs" (1986), section 3.

    Args:
      arcs: finite, [B, N, N], `NEVER` for those to the root, to oneself and beyond the lengths.
    """
    nodes = size_of(arcs, 1)
    state = _start(tf.stop_gradient(arcs), lengths, single_root)
    steps = 2 * nodes
    _, state = tf.while_loop(
        lambda step, state: step < steps,
        lambda step, state: (step + 1, _extended(state)),
        (tf.constant(0), state),
        maximum_iterations=steps,
    )
    return tf.where(tf.sequence_mask(lengths, nodes - 1), _opened(state)[:, 1:], 0)


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


def _start(arcs: tf.Tensor, lengths: tf.Tensor, single_root: bool) -> _Contraction:
    rows, nodes = tf.shape(arcs)[0], size_of(arcs, 1)
    place = tf.range(nodes)
    from_root = (place == 0)[:, tf.newaxis]
    beyond = (place > lengths[:, tf.newaxis])[:, tf.newaxis]  # [B, 1, N]
    # The root has arcs from all others, so that in the end everything is one cycle.
    free = (from_root & beyond) | (place == 0)
    possible = free | (arcs > NEVER / 10)
    rooted = tf.cast(from_root & ~beyond & single_root, arcs.dtype)
    costs = tf.where(possible, -rooted, _IMPOSSIBLE)
    scores = tf.where(possible & ~free, arcs, 0.0)
    made = nodes - 1
    grown = [[0, 0], [0, made], [0, made]]
    size = nodes + made
    ids = place[:, tf.newaxis] * nodes + place
    leaves = tf.broadcast_to(tf.eye(size, nodes, dtype=tf.bool), [rows, size, nodes])
    zeros = tf.zeros([rows, size], arcs.dtype)
    return _Contraction(
        costs=tf.pad(costs, grown),
        scores=tf.pad(scores, grown),
        arcs=tf.pad(tf.broadcast_to(ids, tf.shape(arcs)), grown),
        active=tf.broadcast_to(tf.range(size) < nodes, [rows, size]),
        members=leaves,
        entering=tf.zeros([rows, size], tf.int32),
        entering_costs=zeros,
        entering_scores=zeros,
        places=tf.where(tf.range(size) == 0, 0, tf.fill([rows, size], -1)),
        tip=tf.zeros([rows], tf.int32),
        made=tf.fill([rows], nodes),
    )


def _extended(state: _Contraction) -> _Contraction:
    """One step of each path: a node more, or a cycle contracted."""
    size = size_of(state.active, 1)
    node = tf.range(size)
    at_tip = node == state.tip[:, tf.newaxis]  # [B, M]
    sources = state.active & ~at_tip
    going = tf.reduce_any(sources, axis=1)  # [B]
    into = [_column(part, state.tip) for part in (state.costs, state.scores, state.arcs)]
    best = _best_of(*into[:2], sources, axis=1)  # [B]
    cost, score, arc = (tf.gather(part, best, batch_dims=1)[:, tf.newaxis] for part in into)
    write = at_tip & going[:, tf.newaxis]
    state = state._replace(
        entering=tf.where(write, arc, state.entering),
        entering_costs=tf.where(write, cost, state.entering_costs),
        entering_scores=tf.where(write, score, state.entering_scores),
    )
    place = tf.gather(state.places, best, batch_dims=1)
    tip_place = tf.gather(state.places, state.tip, batch_dims=1)
    closed = (place >= 0) & going
    grown = (place < 0) & going
    contracted = _contracted(state, place, closed)
    new_place = (node == best[:, tf.newaxis]) & grown[:, tf.newaxis]
    return contracted._replace(
        places=tf.where(new_place, tip_place[:, tf.newaxis] + 1, contracted.places),
        tip=tf.where(grown, best, contracted.tip),
    )


def _contracted(state: _Contraction, first: tf.Tensor, closed: tf.Tensor) -> _Contraction:
    """The path from place `first` [B] on as one node, in the rows where it is `closed` [B]."""
    size = size_of(state.active, 1)
    cycle = state.active & (state.places >= first[:, tf.newaxis]) & closed[:, tf.newaxis]
    new = (tf.range(size) == state.made[:, tf.newaxis]) & closed[:, tf.newaxis]  # [B, M]
    # Into the cycle, in place of the arc that it has to the same node; and out of it.
    inward = [
        state.costs - state.entering_costs[:, tf.newaxis],
        state.scores - state.entering_scores[:, tf.newaxis],
    ]
    enters = _best_of(*inward, cycle[:, tf.newaxis], axis=2)  # [B, M]
    leaves = _best_of(state.costs, state.scores, cycle[:, :, tf.newaxis], axis=1)

    def with_new(values: tf.Tensor, inward: tf.Tensor) -> tf.Tensor:
        column = tf.gather(inward, enters, batch_dims=2)[:, :, tf.newaxis]
        row = tf.gather(tf.transpose(values, [0, 2, 1]), leaves, batch_dims=2)[:, tf.newaxis]
        values = tf.where(new[:, tf.newaxis], column, values)
        return tf.where(new[:, :, tf.newaxis], row, values)

    inside = tf.reduce_any(state.members & cycle[:, :, tf.newaxis], axis=1)[:, tf.newaxis]
    return state._replace(
        costs=with_new(state.costs, inward[0]),
        scores=with_new(state.scores, inward[1]),
        arcs=with_new(state.arcs, state.arcs),
        active=(state.active & ~cycle) | new,
        members=tf.where(new[:, :, tf.newaxis], inside, state.members),
        places=tf.where(new, first[:, tf.newaxis], tf.where(cycle, -1, state.places)),
        tip=tf.where(closed, state.made, state.tip),
        made=state.made + tf.cast(closed, tf.int32),
    )


def _opened(state: _Contraction) -> tf.Tensor:
    """Heads [B, N] of all nodes, that of the root meaningless."""
    size, nodes = size_of(state.active, 1), size_of(state.members, 2)

    def opened(step: tf.Tensor, heads: tf.Tensor, done: tf.Tensor) -> tuple[tf.Tensor, ...]:
        node = size - 1 - step
        arc = state.entering[:, node]
        modifier = arc % nodes
        entered = ~done[:, node] & (node < state.made)  # [B]
        here = (tf.range(nodes) == modifier[:, tf.newaxis]) & entered[:, tf.newaxis]
        above = tf.gather(tf.transpose(state.members, [0, 2, 1]), modifier, batch_dims=1)  # [B, M]
        done |= above & entered[:, tf.newaxis]
        return step + 1, tf.where(here, (arc // nodes)[:, tf.newaxis], heads), done

    _, heads, _ = tf.while_loop(
        lambda step, *_: step < size,
        opened,
        (tf.constant(0), tf.zeros_like(state.arcs[:, 0, :nodes]), state.members[:, :, 0]),
        maximum_iterations=size,
    )
    return heads


def _best_of(costs: tf.Tensor, scores: tf.Tensor, among: tf.Tensor, axis: int) -> tf.Tensor:
    """Where costs, then scores, are largest among what is marked."""
    low = costs.dtype.min
    costs = tf.where(among, costs, low)
    dearest = tf.reduce_max(costs, axis=axis, keepdims=True)
    scores = tf.where(among & (costs == dearest), scores, low)
    return tf.argmax(scores, axis=axis, output_type=tf.int32)


def _column(values: tf.Tensor, index: tf.Tensor) -> Any:
    """values [B, M, M], index [B] -> [B, M], what goes to that node."""
    return tf.gather(tf.transpose(values, [0, 2, 1]), index, batch_dims=1)
