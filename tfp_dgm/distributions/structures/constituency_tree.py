"""Binary constituency trees."""

from typing import Any, NamedTuple

import tensorflow as tf
import tensorflow_probability as tfp

from tfp_dgm.distributions.structures.bracketings import is_binary, spans_within
from tfp_dgm.distributions.structures.charts import Charts, by_width, spans_from_first
from tfp_dgm.distributions.structures.checks import as_lengths, require_rank, require_sizes
from tfp_dgm.distributions.structures.recursive_structure import RecursiveStructure
from tfp_dgm.distributions.structures.semirings import NEVER, Semiring, finite
from tfp_dgm.distributions.structures.sizes import size_of


class ConstituencyTreeParts(NamedTuple):
    """Potentials or marginals of a constituency tree.

    Attributes:
      spans: [B, T, T, K], of the span from a word (first axis) to another, both inclusive, under a
        label.
    """

    spans: tf.Tensor


class ConstituencyTree(RecursiveStructure):
    """A binary tree over words, of which every constituent has one of K labels.

        score(z) = sum of spans[i, j, z_ij] over the constituents (i, j) of z

    Of n words there are 2 n - 1 constituents, the single words among them; K = 1 tells trees
    without labels. An event is int32 [T, T], the label of the span from word i to word j, or -1
    where that is no constituent. What is no binary tree has probability 0. Cost: O(T^3 + T^2 K) a
    row, products of exponentials being meant:

        inside(i, j) = (sum_label spans[i, j, label]) sum_k inside(i, k) inside(k + 1, j)

    and Z = inside(0, length - 1).

    Lari and Young, "The estimation of stochastic context-free grammars using the inside-outside
    algorithm" (1990); Stern, Andreas and Klein, "A minimal span-based neural constituency parser"
    (2017); Kim, Wiseman and Rush (2018).

    Args:
      spans: [B, T, T, K]; those that end before they begin are never read.
      lengths: int [B], 1 to T; T by default.
    Raises:
      ValueError: if `spans` are not of that shape, or lengths are below 1 or beyond T.
    """

    told_by = "spans"

    def __init__(
        self,
        spans: Any,
        *,
        lengths: Any = None,
        validate_args: bool = False,
        allow_nan_stats: bool = True,
        name: str = "ConstituencyTree",
    ) -> None:
        parameters = dict(locals())
        owner = "ConstituencyTree"
        with tf.name_scope(name) as name:
            spans = tf.convert_to_tensor(spans, name="spans")
            require_rank(owner, "spans", spans, "[B, T, T, K]")
            sizes: tuple[Any, ...] = (None, spans.shape[2], spans.shape[1], None)
            require_sizes(owner, "spans", spans, "[B, T, T, K]", sizes)
            super().__init__(
                ConstituencyTreeParts(spans),
                as_lengths(owner, lengths, spans),
                parameters=parameters,
                validate_args=validate_args,
                allow_nan_stats=allow_nan_stats,
                name=name,
            )

    @classmethod
    def _parameter_properties(cls, dtype: Any, num_classes: int | None = None) -> dict[str, Any]:
        return {"spans": tfp.util.ParameterProperties(event_ndims=3)}

    def _event_shape(self) -> tf.TensorShape:
        return self._potentials.spans.shape[1:3]

    def _event_shape_tensor(self) -> tf.Tensor:
        return tf.shape(self._potentials.spans)[1:3]

    def _read(self, potentials: ConstituencyTreeParts, lengths: tf.Tensor) -> ConstituencyTreeParts:
        read = spans_within(lengths, tf.shape(potentials.spans)[1])[..., tf.newaxis]
        return ConstituencyTreeParts(tf.where(read, finite(potentials.spans), NEVER))

    def _inside(
        self, parts: ConstituencyTreeParts, lengths: tf.Tensor, semiring: Semiring
    ) -> tf.Tensor:
        spans = semiring.plus(semiring.lift(parts.spans), -1, tf.constant(0))  # [C, B, T, T]
        spans = by_width(tf.transpose(spans, [0, 2, 3, 1]))  # [C, W, T, B]
        spans = tf.transpose(spans, [1, 0, 2, 3])
        words = size_of(spans, 0)

        def step(
            width: tf.Tensor, starts: Charts, ends: Charts, span: tf.Tensor
        ) -> tuple[Charts, Charts]:
            halves = semiring.plus(semiring.times(starts[0], ends[0]), -3, width)
            row = semiring.times(halves, span)
            return (row,), (row,)

        inside = spans_from_first(step, (spans[0],), (spans[0],), spans)
        whole = tf.range(words)[:, tf.newaxis] == lengths - 1  # [W, B]
        return tf.reduce_sum(tf.where(whole, inside, 0), axis=1)

    def _event(self, chosen: tf.Tensor, lengths: tf.Tensor) -> tf.Tensor:
        labels = tf.argmax(chosen, axis=-1, output_type=tf.int32)
        return tf.where(tf.reduce_any(chosen > 0, axis=-1), labels, -1)

    def _score(self, event: tf.Tensor) -> tf.Tensor:
        spans = self._finite.spans
        words, labels = tf.shape(spans)[1], tf.shape(spans)[3]
        present = spans_within(self._lengths, words) & (event != -1)  # [..., B, T, T]
        known = (event >= 0) & (event < labels)
        tree = tf.reduce_all(known | ~present, axis=[-2, -1]) & is_binary(present, self._lengths)
        place = tf.range(tf.size(spans) // labels)
        place = tf.reshape(place, tf.shape(spans)[:3]) * labels
        weights = tf.gather(tf.reshape(spans, [-1]), place + tf.where(known, event, 0))
        score = tf.reduce_sum(tf.where(present, weights, 0), axis=[-2, -1])
        return tf.where(tree, score, NEVER)
