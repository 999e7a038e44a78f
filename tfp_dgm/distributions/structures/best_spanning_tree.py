"""The best dependency tree, projective or not."""

from typing import NamedTuple

import tensorflow as tf

from tfp_dgm.distributions.structures.semirings import NEVER
from tfp_dgm.distributions.structures.sizes import size_of

# An impossible arc is worse than any number of roots.
_IMPOSSIBLE = -1e4


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
    costs, scores, arcs = (
        _column(part, state.tip) for part in (state.costs, state.scores, state.arcs)
    )
    best = _best_of(costs, scores, sources, axis=1)  # [B]
    cost, score, arc = (
        tf.gather(part, best, batch_dims=1)[:, tf.newaxis] for part in (costs, scores, arcs)
    )
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
    costs = state.costs - state.entering_costs[:, tf.newaxis]
    scores = state.scores - state.entering_scores[:, tf.newaxis]
    enters = _best_of(costs, scores, cycle[:, tf.newaxis], axis=2)  # [B, M]
    leaves = _best_of(state.costs, state.scores, cycle[:, :, tf.newaxis], axis=1)

    def with_new(values: tf.Tensor, inward: tf.Tensor) -> tf.Tensor:
        column = tf.gather(inward, enters, batch_dims=2)[:, :, tf.newaxis]
        row = tf.gather(tf.transpose(values, [0, 2, 1]), leaves, batch_dims=2)[:, tf.newaxis]
        values = tf.where(new[:, tf.newaxis], column, values)
        return tf.where(new[:, :, tf.newaxis], row, values)

    inside = tf.reduce_any(state.members & cycle[:, :, tf.newaxis], axis=1)[:, tf.newaxis]
    return state._replace(
        costs=with_new(state.costs, costs),
        scores=with_new(state.scores, scores),
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


def _column(values: tf.Tensor, index: tf.Tensor) -> tf.Tensor:
    """values [B, M, M], index [B] -> [B, M], what goes to that node."""
    return tf.gather(tf.transpose(values, [0, 2, 1]), index, batch_dims=1)
