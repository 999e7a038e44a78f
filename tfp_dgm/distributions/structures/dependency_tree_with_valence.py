"""Projective dependency trees whose heads tell their first modifier from later ones."""

from typing import Any, NamedTuple

import tensorflow as tf
import tensorflow_probability as tfp

from tfp_dgm.distributions.structures.charts import Charts, by_width, spans_from_first
from tfp_dgm.distributions.structures.checks import as_lengths, require_rank, require_sizes
from tfp_dgm.distributions.structures.heads import finite_arcs, heads_of, trees_of, valences_of
from tfp_dgm.distributions.structures.recursive_structure import RecursiveStructure
from tfp_dgm.distributions.structures.semirings import NEVER, Semiring, finite
from tfp_dgm.distributions.structures.sizes import size_of


class DependencyTreeWithValenceParts(NamedTuple):
    """Potentials or marginals of a dependency tree with valence.

    Attributes:
      arcs: [B, T + 1, T + 1, 2], from a head (first axis) to its modifier, as the nearest of that
        head on that side (0) or as a later one (1); 0 is the root, and words are 1 .. T.
      stops: [B, T, 2, 2], of a word to have no more modifiers on its left (0) or right (1), where
        it has none there (0) or some (1).
    """

    arcs: tf.Tensor
    stops: tf.Tensor


class DependencyTreeWithValence(RecursiveStructure):
    """A projective dependency tree with one root, whose words tell none, first and later modifiers.

        score(z) = sum_m arcs[z_m, m, later(m)] + sum_h sum_side stops[h, side, some(h, side)]

    later(m) is 0 for the nearest modifier of z_m on its side, which a head takes first, and 1 for
    others; some(h, side) says whether h has a modifier there. An event is int32 [T], the head of
    each word: 0 for the root, else 1 .. T; 0 beyond a row's length. Heads that are no projective
    tree with one word below the root have probability 0. Cost: O(T^3) a row, by the spans of
    `DependencyTree`, of which the complete ones are those whose head has stopped:

        incomplete(i -> j) = arcs[i, j, 0] complete(i + 1 <- j)
                             + arcs[i, j, 1] sum_k>i complete(i -> k) complete(k + 1 <- j)
        complete(i -> j) = sum_k incomplete(i -> k) complete(k -> j)

    and their mirror images, products of exponentials being meant. complete(j -> j) is the stop
    without a modifier; that with some is counted at the first.

    Klein and Manning, "Corpus-based induction of syntactic structure: models of dependency and
    constituency" (2004); Eisner (2000).

    Args:
      arcs: [B, T + 1, T + 1, 2]; those to the root and to oneself, and later ones of the root and
        of neighbours, are never read.
      stops: [B or 1, T, 2, 2]; those with some on the left of the first word, or on the right of
        the last, are never read.
      lengths: int [B], 1 to T; T by default.
    Raises:
      ValueError: if shapes do not fit each other, or lengths are below 1 or beyond T.
    """

    told_by = "arcs"

    def __init__(
        self,
        arcs: Any,
        stops: Any,
        *,
        lengths: Any = None,
        validate_args: bool = False,
        allow_nan_stats: bool = True,
        name: str = "DependencyTreeWithValence",
    ) -> None:
        parameters = dict(locals())
        owner = "DependencyTreeWithValence"
        with tf.name_scope(name) as name:
            arcs = tf.convert_to_tensor(arcs, name="arcs")
            axes = "[B, T + 1, T + 1, 2]"
            require_rank(owner, "arcs", arcs, axes)
            rows, nodes = arcs.shape[0], arcs.shape[1]
            require_sizes(owner, "arcs", arcs, axes, (None, arcs.shape[2], nodes, 2))
            stops = tf.convert_to_tensor(stops, arcs.dtype, name="stops")
            words = None if nodes is None else nodes - 1
            sizes: tuple[Any, ...] = ((rows, 1), words, 2, 2)
            require_sizes(owner, "stops", stops, "[B or 1, T, 2, 2]", sizes)
            super().__init__(
                DependencyTreeWithValenceParts(arcs, stops),
                as_lengths(owner, lengths, arcs[:, 1:]),
                parameters=parameters,
                validate_args=validate_args,
                allow_nan_stats=allow_nan_stats,
                name=name,
            )

    @classmethod
    def _parameter_properties(cls, dtype: Any, num_classes: int | None = None) -> dict[str, Any]:
        return {"arcs": tfp.util.ParameterProperties(event_ndims=3)}

    def _event_shape(self) -> tf.TensorShape:
        return self._potentials.stops.shape[1:2]

    def _event_shape_tensor(self) -> tf.Tensor:
        return tf.shape(self._potentials.stops)[1:2]

    def _read(
        self, potentials: DependencyTreeWithValenceParts, lengths: tf.Tensor
    ) -> DependencyTreeWithValenceParts:
        arcs, stops = potentials
        first, later = (finite_arcs(arcs[..., valence], lengths) for valence in (0, 1))
        node = tf.range(tf.shape(arcs)[1])
        head = node[:, tf.newaxis]
        nearer = (head > 0) & (tf.abs(head - node) > 1)  # Whether any word can be.
        word, last = node[1:], lengths[:, tf.newaxis]
        read = word <= last  # [B, T]
        left_and_right = tf.stack([read & (word > 1), word < last], axis=-1)  # [B, T, 2]
        with_none = tf.broadcast_to(read[..., tf.newaxis], tf.shape(left_and_right))
        read = tf.stack([with_none, left_and_right], axis=-1)
        return DependencyTreeWithValenceParts(
            tf.stack([first, tf.where(nearer, later, NEVER)], axis=-1),
            tf.where(read, finite(stops), 0.0),
        )

    def _inside(
        self, parts: DependencyTreeWithValenceParts, lengths: tf.Tensor, semiring: Semiring
    ) -> tf.Tensor:
        arcs = tf.transpose(parts.arcs, [3, 1, 2, 0])  # [2, N, N, B]
        nodes = size_of(arcs, 1)
        stops = tf.transpose(parts.stops, [2, 3, 1, 0])  # [2, 2, T, B]
        stops = tf.pad(stops, [[0, 0], [0, 0], [1, 0], [0, 0]])  # [2, 2, N, B]; 0 of the root
        with_some = stops[:, 1, :, tf.newaxis]  # [2, N (head), 1, B]
        to_right = [arcs[0] + with_some[1], arcs[1]]
        to_left = [tf.transpose(arc, [1, 0, 2]) for arc in (arcs[0] + with_some[0], arcs[1])]
        left_alone, right_alone = tf.unstack(stops[:, 0] + tf.zeros_like(arcs[0, 0]))  # [N, B]
        ending = right_alone + tf.zeros_like(arcs[0])  # [N, N (last), B]
        inputs = by_width(tf.stack([*to_right, *to_left, ending]))  # [5, W, N, B]

        def step(
            width: tf.Tensor, starts: Charts, ends: Charts, inputs: tf.Tensor
        ) -> tuple[Charts, Charts]:
            right, left, to_right = starts
            left_behind, right_behind, to_left_behind = ends
            row = tf.range(tf.shape(right)[1])[:, tf.newaxis, tf.newaxis]  # [U, 1, 1]

            def over_splits(values: tf.Tensor, number: int) -> tf.Tensor:
                return semiring.plus(values, -3, 6 * width + number)

            def with_arc(alone: tf.Tensor, nearest: tf.Tensor, number: int) -> tf.Tensor:
                """Spans whose head has the other end below it, as its first or a later modifier.

                A head's own side is not complete before its first modifier: nothing has stopped.
                """
                first, later = arcs[number : number + 2]
                others = over_splits(tf.where(nearest, NEVER, joined), number)
                both = [
                    semiring.with_part(alone, first),
                    semiring.with_part(others, later),
                ]
                return over_splits(tf.stack(both, axis=1), number + 1)

            joined = semiring.times(right, left_behind)
            *arcs, ending = tf.unstack(inputs)
            widest = tf.reduce_sum(tf.where(row == width - 1, right, 0), axis=1)
            new_to_right = with_arc(left_behind[:, 0], row == 0, 0)
            new_to_left = with_arc(widest, row == width - 1, 2)
            # As in `DependencyTree`: what completes the first of them is the last word, alone.
            completing = _with_first(semiring.lift(ending), right_behind[:, :-1])
            incomplete = _with_first(new_to_right, to_right[:, 1:])
            new_right = over_splits(semiring.times(incomplete, completing), 4)
            incomplete = _with_first(new_to_left, to_left_behind[:, :-1])
            new_left = over_splits(semiring.times(left, incomplete), 5)
            return (new_right, new_left, new_to_right), (new_left, new_right, new_to_left)

        right, left = semiring.lift(right_alone), semiring.lift(left_alone)  # [C, N, B]
        none = tf.fill(tf.shape(right), tf.constant(NEVER, right.dtype))
        complete = spans_from_first(
            step, (right, left, none), (left, right, none), tf.transpose(inputs, [1, 0, 2, 3])
        )
        whole = tf.range(nodes)[:, tf.newaxis] == lengths  # [W, B]
        return tf.reduce_sum(tf.where(whole, complete, 0), axis=1)

    def _event(self, chosen: tf.Tensor, lengths: tf.Tensor) -> tf.Tensor:
        return heads_of(tf.reduce_sum(chosen, axis=-1), lengths)

    def _score(self, event: tf.Tensor) -> tf.Tensor:
        arcs, stops = self._finite
        nodes = tf.shape(arcs)[1]
        heads, read, tree = trees_of(event, self._lengths, single_root=True, projective=True)
        _, later, some = valences_of(heads, read)
        row = tf.range(tf.shape(arcs)[0])[:, tf.newaxis]
        place = ((row * nodes + heads) * nodes + tf.range(1, nodes)) * 2 + later
        score = tf.reduce_sum(tf.where(read, tf.gather(tf.reshape(arcs, [-1]), place), 0), axis=-1)
        stopped = tf.where(some == 1, stops[..., 1], stops[..., 0])  # [..., B, T, 2]
        score += tf.reduce_sum(tf.where(read[..., tf.newaxis], stopped, 0), axis=[-2, -1])
        return tf.where(tree, score, NEVER)


def _with_first(row: tf.Tensor, rest: tf.Tensor) -> tf.Tensor:
    return tf.concat([row[:, tf.newaxis], rest], axis=1)
