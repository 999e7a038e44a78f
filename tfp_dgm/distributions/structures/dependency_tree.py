"""Projective dependency trees."""

import tensorflow as tf

from tfp_dgm.distributions.structures.charts import Charts, by_width, spans_from_first
from tfp_dgm.distributions.structures.dependency_structure import (
    DependencyStructure,
    DependencyTreeParts,
)
from tfp_dgm.distributions.structures.heads import heads_of
from tfp_dgm.distributions.structures.recursive_structure import RecursiveStructure
from tfp_dgm.distributions.structures.semirings import NEVER, Semiring
from tfp_dgm.distributions.structures.sizes import size_of


class DependencyTree(DependencyStructure, RecursiveStructure):
    """A projective dependency tree: every word has one head, and no two arcs cross.

        score(z) = sum_m arcs[z_m, m]

    An event is int32 [T], the head of each word: 0 for the root, else 1 .. T; 0 beyond a row's
    length. Heads that are no projective tree (a cycle, crossing arcs, several words below the
    root where one is asked for) have probability 0. Cost: O(T^3) a row, by spans (i, j) with
    their head at an end, which still lack modifiers there (incomplete) or do not:

        incomplete(i -> j) = arcs[i, j] sum_k complete(i -> k) complete(k + 1 <- j)
        complete(i -> j) = sum_k incomplete(i -> k) complete(k -> j)

    and their mirror images, products of exponentials being meant; Z = complete(0 -> length).

    Eisner, "Three new probabilistic models for dependency parsing" (1996), "Bilexical grammars and
    their cubic-time parsing algorithms" (2000).

    Args:
      arcs: [B, T + 1, T + 1]; those to the root and to oneself are never read.
      lengths: int [B], 1 to T; T by default.
      single_root: whether the root has exactly one modifier.
    Raises:
      ValueError: if `arcs` are not of that shape, or lengths are below 1 or beyond T.
    """

    _projective = True

    def _inside(
        self, parts: DependencyTreeParts, lengths: tf.Tensor, semiring: Semiring
    ) -> tf.Tensor:
        arcs = tf.transpose(parts.arcs, [1, 2, 0])  # [N, N, B]
        nodes = size_of(arcs, 0)
        arcs = by_width(tf.stack([arcs, tf.transpose(arcs, [1, 0, 2])]))  # [2, W, N, B]

        def step(
            width: tf.Tensor, starts: Charts, ends: Charts, arcs: tf.Tensor
        ) -> tuple[Charts, Charts]:
            right, left, to_right = starts
            left_behind, right_behind, to_left_behind = ends

            def over_splits(one: tf.Tensor, other: tf.Tensor, number: int) -> tf.Tensor:
                return semiring.plus(semiring.times(one, other), -3, 3 * width + number)

            joined = over_splits(right, left_behind, 0)
            new_to_right = semiring.with_part(joined, arcs[0])
            new_to_left = semiring.with_part(joined, arcs[1])
            # Incomplete spans share a place with what completes them: one row further, and the
            # first of them is that of this very width.
            new_right = over_splits(
                _with_first(new_to_right, to_right[:, 1:]),
                _with_first(right[:, 0], right_behind[:, :-1]),
                1,
            )
            new_left = over_splits(left, _with_first(new_to_left, to_left_behind[:, :-1]), 2)
            if self._single_root:
                # What is complete at the root ends the sentence: it is joined with no more.
                is_word = (tf.range(tf.shape(new_right)[1]) > 0)[:, tf.newaxis]  # [N, 1]
                new_right = tf.where(is_word | (width == lengths), new_right, NEVER)
            return (new_right, new_left, new_to_right), (new_left, new_right, new_to_left)

        one = semiring.lift(tf.zeros_like(arcs[0, 0]))  # [C, N, B]
        none = tf.fill(tf.shape(one), tf.constant(NEVER, one.dtype))
        right = spans_from_first(
            step, (one, one, none), (one, one, none), tf.transpose(arcs, [1, 0, 2, 3])
        )
        whole = tf.range(nodes)[:, tf.newaxis] == lengths  # [W, B]
        return tf.reduce_sum(tf.where(whole, right, 0), axis=1)

    def _event(self, chosen: tf.Tensor, lengths: tf.Tensor) -> tf.Tensor:
        return heads_of(chosen, lengths)


def _with_first(row: tf.Tensor, rest: tf.Tensor) -> tf.Tensor:
    return tf.concat([row[:, tf.newaxis], rest], axis=1)
