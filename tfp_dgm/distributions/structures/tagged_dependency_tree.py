"""Projective dependency trees whose words have tags, which say what heads take."""

from typing import Any, NamedTuple

import tensorflow as tf
import tensorflow_probability as tfp

from tfp_dgm.distributions.structures.charts import Charts, by_width, spans_from_first
from tfp_dgm.distributions.structures.checks import as_lengths, require_rank, require_sizes
from tfp_dgm.distributions.structures.dependency_tree_with_valence import DependencyTreeWithValence
from tfp_dgm.distributions.structures.heads import finite_arcs, heads_of, trees_of, valences_of
from tfp_dgm.distributions.structures.recursive_structure import RecursiveStructure
from tfp_dgm.distributions.structures.semirings import NEVER, Semiring, finite
from tfp_dgm.distributions.structures.sizes import size_of


class TaggedDependencyTreeParts(NamedTuple):
    """Potentials or marginals of a dependency tree over tagged words.

    Attributes:
      arcs: [B, T + 1, T + 1, K], from a head (first axis) to its modifier, of the modifier's tag; 0
        is the root, and words are 1 .. T. Marginals summed over tags are those of heads, summed
        over heads those of tags.
      attachments: [B or 1, K, 2, 2, K], of a head's tag, on its left (0) or right (1), for its
        nearest modifier there (0) or a later one (1), of the modifier's tag; of marginals, the
        expected numbers.
      stops: [B or 1, K, 2, 2], of a tag, to have no more modifiers on its left (0) or right (1),
        where it has none there (0) or some (1); of marginals, the expected numbers.
    """

    arcs: tf.Tensor
    attachments: tf.Tensor
    stops: tf.Tensor


class TaggedDependencyTree(RecursiveStructure):
    """A projective dependency tree with one root over words that have tags, each of K.

        score(h, z) = sum_m arcs[h_m, m, z_m]
                      + sum_{m not below the root} attachments[z_{h_m}, side(m), later(m), z_m]
                      + sum_m sum_side stops[z_m, side, some(m, side)]

    with later and some as `DependencyTreeWithValence` has them. An event is int32 [T, 2], each
    word's head (0 for the root, else 1 .. T) and its tag (from 0 on); both 0 beyond a row's length.
    Since an arc carries its modifier's tag, arcs alone tell a structure, and so does evidence of
    heads, of tags, or of both (`given`). The spans are those of `DependencyTreeWithValence`, those
    that are complete by the tag of their head, incomplete ones by the tags of both ends: O(T^3 K^2)
    a row. (Words could be summed out before their heads take them, in O(T^3 K + T^2 K^2), but then
    no potential would tell who the head is.)

    He, Neubig and Berg-Kirkpatrick, "Unsupervised learning of syntactic structure with invertible
    neural projections" (2018); Eisner (2000).

    Args:
      arcs: [B, T + 1, T + 1, K]; those to the root and to oneself are never read.
      attachments: [B or 1, K, 2, 2, K].
      stops: [B or 1, K, 2, 2].
      lengths: int [B], 1 to T; T by default.
    Raises:
      ValueError: if shapes do not fit each other, or lengths are below 1 or beyond T.
    """

    told_by = "arcs"

    def __init__(
        self,
        arcs: Any,
        attachments: Any,
        stops: Any,
        *,
        lengths: Any = None,
        validate_args: bool = False,
        allow_nan_stats: bool = True,
        name: str = "TaggedDependencyTree",
    ) -> None:
        parameters = dict(locals())
        owner = "TaggedDependencyTree"
        with tf.name_scope(name) as name:
            arcs = tf.convert_to_tensor(arcs, name="arcs")
            axes = "[B, T + 1, T + 1, K]"
            require_rank(owner, "arcs", arcs, axes)
            rows, nodes, _, tags = arcs.shape
            require_sizes(owner, "arcs", arcs, axes, (None, arcs.shape[2], nodes, tags))
            attachments = tf.convert_to_tensor(attachments, arcs.dtype, name="attachments")
            sizes: tuple[Any, ...] = ((rows, 1), tags, 2, 2, tags)
            axes = "[B or 1, K, 2, 2, K]"
            require_sizes(owner, "attachments", attachments, axes, sizes)
            stops = tf.convert_to_tensor(stops, arcs.dtype, name="stops")
            require_sizes(owner, "stops", stops, "[B or 1, K, 2, 2]", sizes[:-1])
            super().__init__(
                TaggedDependencyTreeParts(arcs, attachments, stops),
                as_lengths(owner, lengths, arcs[:, 1:]),
                parameters=parameters,
                validate_args=validate_args,
                allow_nan_stats=allow_nan_stats,
                name=name,
            )

    def trees_of(self, tags: Any) -> DependencyTreeWithValence:
        """The trees over words whose tags are known: a score of heads is that of heads and tags.

        What `given` says of the same tags, in O(T^3) a row instead of O(T^3 K^2).

        Args:
          tags: int [B, T], from 0 to K - 1; what is beyond a row's length is not read.
        Raises:
          ValueError: if the shape is another one.
          InvalidArgumentError: if a tag is out of its range.
        """
        arcs, attachments, stops = self._potentials
        words = None if arcs.shape[1] is None else arcs.shape[1] - 1
        tags = tf.convert_to_tensor(tags, tf.int32)
        sizes = (arcs.shape[0], words)
        require_sizes("TaggedDependencyTree.trees_of", "tags", tags, "[B, T]", sizes)
        rows, width = tf.unstack(tf.shape(tags))
        tags = tf.where(tf.sequence_mask(self._lengths, width), tags, 0)
        # Of every pair of words, what the tag of one takes of the other's: [B, T, 2, 2, T].
        attachments = tf.broadcast_to(attachments, [rows, *attachments.shape[1:]])
        taken = tf.gather(tf.gather(attachments, tags, batch_dims=1), tags, axis=-1, batch_dims=1)
        word = tf.range(width)
        is_right = (word[:, tf.newaxis] < word)[tf.newaxis, :, tf.newaxis]
        taken = tf.where(is_right, taken[:, :, 1], taken[:, :, 0])  # [B, T, 2, T]
        taken = tf.pad(tf.transpose(taken, [0, 1, 3, 2]), [[0, 0], [1, 0], [1, 0], [0, 0]])
        of_tags = tf.concat([tf.zeros([rows, 1], tf.int32), tags], axis=1)[:, tf.newaxis]
        of_tags = tf.repeat(of_tags, width + 1, axis=1)
        own = tf.gather(arcs, of_tags, axis=-1, batch_dims=3)
        stops = tf.gather(
            tf.broadcast_to(stops, [rows, *stops.shape[1:]]), tags, batch_dims=1
        )  # [B, T, 2, 2]
        return DependencyTreeWithValence(own[..., tf.newaxis] + taken, stops, lengths=self._lengths)

    @classmethod
    def _parameter_properties(cls, dtype: Any, num_classes: int | None = None) -> dict[str, Any]:
        return {"arcs": tfp.util.ParameterProperties(event_ndims=3)}

    def _event_shape(self) -> tf.TensorShape:
        nodes = self._potentials.arcs.shape[1]
        return tf.TensorShape([None if nodes is None else nodes - 1, 2])

    def _event_shape_tensor(self) -> tf.Tensor:
        return tf.stack([tf.shape(self._potentials.arcs)[1] - 1, 2])

    def _read(
        self, potentials: TaggedDependencyTreeParts, lengths: tf.Tensor
    ) -> TaggedDependencyTreeParts:
        arcs, attachments, stops = potentials
        never = finite_arcs(tf.zeros_like(arcs[..., 0]), lengths)[..., tf.newaxis]
        return TaggedDependencyTreeParts(
            tf.where(never == 0, finite(arcs), NEVER), finite(attachments), finite(stops)
        )

    def _inside(
        self, parts: TaggedDependencyTreeParts, lengths: tf.Tensor, semiring: Semiring
    ) -> tf.Tensor:
        arcs = tf.transpose(parts.arcs, [1, 2, 3, 0])  # [N, N, K, B]
        nodes, tags, rows = size_of(arcs, 0), size_of(arcs, 2), size_of(arcs, 3)
        both = tf.stack([arcs, tf.transpose(arcs, [1, 0, 2, 3])])  # To right, to left.
        both = by_width(tf.reshape(both, [2, nodes, nodes, tags * rows]))  # [2, W, N, K B]
        attachments = tf.transpose(parts.attachments, [2, 3, 1, 4, 0])  # [2, 2, K, K, B or 1]
        stops = tf.transpose(parts.stops, [2, 3, 1, 0])  # [2, 2, K, B or 1]
        # That with some is counted at the first modifier, as in `DependencyTreeWithValence`.
        first = attachments[:, 0] + stops[:, 1, :, tf.newaxis]  # [2, K (head), K, B or 1]
        # The root is as a word whose tag is 0, and which takes one word for nothing.
        is_root = tf.range(nodes) == 0
        as_root = tf.where(tf.range(tags) == 0, tf.cast(0, arcs.dtype), NEVER)[:, tf.newaxis]

        def tagged(chart: tf.Tensor, axes: int = 1) -> tf.Tensor:
            """[C, ..., N, K .. B] -> [C, ..., N, K, .., B]."""
            shape = [tf.shape(chart)[:-1], [tags] * axes, [rows]]
            return tf.reshape(chart, tf.concat(shape, axis=0))

        def flat(values: tf.Tensor) -> tf.Tensor:
            """[C, N, K, .., B] -> [C, N, K .. B]."""
            return tf.reshape(values, tf.concat([tf.shape(values)[:2], [-1]], axis=0))

        def step(
            width: tf.Tensor,
            starts: Charts,
            ends: Charts,
            inputs: tf.Tensor,
            first: tf.Tensor,
            later: tf.Tensor,
            ending: tf.Tensor,
        ) -> tuple[Charts, Charts]:
            right, left = tagged(starts[0]), tagged(starts[1])  # [C, U, N, K, B]
            left_behind, right_behind = tagged(ends[0]), tagged(ends[1])
            to_right, to_left_behind = tagged(starts[2], 2), tagged(ends[2], 2)
            to_end, to_start = tf.unstack(tagged(inputs))  # [N, K, B]
            row = tf.range(tf.shape(right)[1])
            heading = tf.reshape(is_root[: tf.shape(right)[2]], [-1, 1, 1, 1])

            def over_splits(values: tf.Tensor, axis: int, number: int) -> tf.Tensor:
                return semiring.plus(values, axis, 10 * width + number)

            def with_arc(
                parts: tuple[tf.Tensor, tf.Tensor, tf.Tensor],
                nearest: tf.Tensor,
                rules: tuple[tf.Tensor, tf.Tensor],
                arc: tf.Tensor,
                number: int,
            ) -> tf.Tensor:
                """Spans whose head (its part first) takes the other end: [C, N, K, K, B]."""
                head, modifier, alone = parts
                joined = semiring.times(head[..., tf.newaxis, :], modifier[:, :, :, tf.newaxis])
                nearest = tf.reshape(nearest, [-1, 1, 1, 1, 1])
                others = over_splits(tf.where(nearest, NEVER, joined), -5, number)
                taken = [
                    semiring.with_part(alone[:, :, tf.newaxis], rules[0]),
                    semiring.with_part(others, rules[1]),
                ]
                taken = over_splits(tf.stack(taken, axis=1), -5, number + 1)
                return semiring.with_part(taken, arc[:, tf.newaxis])

            def completed(incomplete: tf.Tensor, modifier: tf.Tensor, number: int) -> tf.Tensor:
                """The modifier's tag, and where it stands, summed out: [C, N, K, B]."""
                whole = semiring.times(incomplete, modifier[:, :, :, tf.newaxis])
                return over_splits(over_splits(whole, -2, number), -4, number + 1)

            new_to_right = with_arc(
                (right, left_behind, left_behind[:, 0]),
                row == 0,
                (
                    tf.where(heading, as_root[:, tf.newaxis], first[1]),
                    tf.where(heading, NEVER, later[1]),
                ),
                to_end,
                0,
            )
            at_widest = tf.reshape(row == width - 1, [-1, 1, 1, 1])
            widest = tf.reduce_sum(tf.where(at_widest, right, 0), axis=1)
            new_to_left = with_arc(
                (left_behind, right, widest),
                row == width - 1,
                (first[0, tf.newaxis], later[0, tf.newaxis]),
                to_start,
                2,
            )
            alone = tf.broadcast_to(semiring.lift(ending)[:, tf.newaxis], tf.shape(right[:, 0]))
            new_right = completed(
                _with_first(new_to_right, to_right[:, 1:]),
                _with_first(alone, right_behind[:, :-1]),
                4,
            )
            new_left = completed(_with_first(new_to_left, to_left_behind[:, :-1]), left, 6)
            new_right, new_left, new_to_right, new_to_left = map(
                flat, (new_right, new_left, new_to_right, new_to_left)
            )
            return (new_right, new_left, new_to_right), (new_left, new_right, new_to_left)

        words = tf.zeros_like(arcs[0])  # [N, K, B]
        as_word = (~is_root)[:, tf.newaxis, tf.newaxis]
        left_alone, right_alone = (
            flat(semiring.lift(tf.where(as_word, words + stops[side, 0], as_root)))
            for side in (0, 1)
        )
        components = tf.shape(right_alone)[0]
        none = tf.fill([components, nodes, tags**2 * rows], tf.cast(NEVER, arcs.dtype))
        complete = spans_from_first(
            step,
            (right_alone, left_alone, none),
            (left_alone, right_alone, none),
            tf.transpose(both, [1, 0, 2, 3]),
            (first, attachments[:, 1], stops[1, 0]),
        )
        of_root = tagged(complete)[:, :, 0]  # [C, W, B]
        whole = tf.range(nodes)[:, tf.newaxis] == lengths
        return tf.reduce_sum(tf.where(whole, of_root, 0), axis=1)

    def _event(self, chosen: tf.Tensor, lengths: tf.Tensor) -> tf.Tensor:
        heads = heads_of(tf.reduce_sum(chosen, axis=-1), lengths)
        tags = tf.argmax(tf.reduce_sum(chosen, axis=1), axis=-1, output_type=tf.int32)[:, 1:]
        within = tf.sequence_mask(lengths, tf.shape(heads)[1])
        return tf.stack([heads, tf.where(within, tags, 0)], axis=-1)

    def _score(self, event: tf.Tensor) -> tf.Tensor:
        arcs, attachments, stops = self._finite
        rows, nodes, _, size = tf.unstack(tf.shape(arcs))
        heads, read, tree = trees_of(
            event[..., 0], self._lengths, single_root=True, projective=True
        )
        tags = event[..., 1]
        known = (tags >= 0) & (tags < size)
        tags = tf.where(known & read, tags, 0)  # [..., B, T]
        side, later, some = valences_of(heads, read)
        row = tf.range(rows)[:, tf.newaxis]
        place = ((row * nodes + heads) * nodes + tf.range(1, nodes)) * size + tags
        total = tf.gather(tf.reshape(arcs, [-1]), place)
        of_head = tf.gather(tags, tf.maximum(heads - 1, 0), batch_dims=tags.shape.rank - 1)
        own = (row % tf.shape(attachments)[0]) * size
        place = (((own + of_head) * 2 + side) * 2 + later) * size + tags
        taken = tf.gather(tf.reshape(attachments, [-1]), place)
        total += tf.where(heads > 0, taken, 0)
        own = (row % tf.shape(stops)[0]) * size
        place = ((own + tags)[..., tf.newaxis] * 2 + [0, 1]) * 2 + some  # [..., B, T, 2]
        total += tf.reduce_sum(tf.gather(tf.reshape(stops, [-1]), place), axis=-1)
        tree &= tf.reduce_all(known | ~read, axis=-1)
        return tf.where(tree, tf.reduce_sum(tf.where(read, total, 0), axis=-1), NEVER)


def _with_first(row: tf.Tensor, rest: tf.Tensor) -> tf.Tensor:
    return tf.concat([row[:, tf.newaxis], rest], axis=1)
