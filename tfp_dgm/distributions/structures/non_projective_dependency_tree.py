"""Dependency trees whose arcs may cross."""

from typing import Any

import tensorflow as tf

from tfp_dgm.distributions.structures.best_spanning_tree import best_tree
from tfp_dgm.distributions.structures.checks import require_count
from tfp_dgm.distributions.structures.dependency_structure import (
    DependencyStructure,
    DependencyTreeParts,
)
from tfp_dgm.distributions.structures.ranked_spanning_trees import ranked_trees
from tfp_dgm.distributions.structures.semirings import sanitized, with_infinity
from tfp_dgm.distributions.structures.spanning_trees import drawn_tree, log_sum_of_trees


class NonProjectiveDependencyTree(DependencyStructure):
    """A dependency tree: every word has one head, and arcs may cross.

        score(z) = sum_m arcs[z_m, m]

    An event is int32 [T], the head of each word: 0 for the root, else 1 .. T; 0 beyond a row's
    length. Heads that are no tree (a cycle, several words below the root where one is asked for)
    have probability 0. Z is the determinant of the matrix-tree theorem, O(T^3) a row, computed
    without cancellation; a draw takes O(T^4), the mode O(T^3), the k best O(k T^4).

    Koo, Globerson, Carreras and Collins, "Structured prediction models via the matrix-tree theorem"
    (2007); Edmonds, "Optimum branchings" (1967); Murty, "An algorithm for ranking all the
    assignments in order of increasing cost" (1968).

    Args:
      arcs: [B, T + 1, T + 1]; those to the root and to oneself are never read.
      lengths: int [B], 1 to T; T by default.
      single_root: whether the root has exactly one modifier.
    Raises:
      ValueError: if `arcs` are not of that shape, or lengths are below 1 or beyond T.
    """

    rounding = 1e-6
    _projective = False

    def top_k(self, k: int) -> tuple[tf.Tensor, tf.Tensor]:
        require_count(type(self).__name__, "k", k)
        heads, scores = ranked_trees(
            self._finite.arcs, self._lengths, k, single_root=self._single_root
        )
        return heads, with_infinity(scores) - self._log_sum(self._finite, self._lengths)

    def _log_sum(self, parts: DependencyTreeParts, lengths: tf.Tensor) -> tf.Tensor:
        return log_sum_of_trees(parts.arcs, lengths, single_root=self._single_root)

    def _mode(self) -> tf.Tensor:
        return best_tree(self._finite.arcs, self._lengths, single_root=self._single_root)

    def _sample_n(self, n: tf.Tensor, seed: Any = None) -> tf.Tensor:
        arcs = tf.tile(self._finite.arcs, [n, 1, 1])
        lengths = tf.tile(self._lengths, [n])
        heads = drawn_tree(arcs, lengths, sanitized(seed), single_root=self._single_root)
        return tf.reshape(heads, tf.concat([[n, -1], tf.shape(heads)[1:]], axis=0))
