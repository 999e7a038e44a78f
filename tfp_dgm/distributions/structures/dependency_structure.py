"""What projective and other dependency trees share: arcs, heads of words, the number of roots."""

import abc
from typing import Any, NamedTuple

import tensorflow as tf
import tensorflow_probability as tfp

from tfp_dgm.distributions.structures.checks import as_lengths, require_rank, require_sizes
from tfp_dgm.distributions.structures.heads import finite_arcs, score_of_heads
from tfp_dgm.distributions.structures.structure import Structure


class DependencyTreeParts(NamedTuple):
    """Potentials or marginals of a dependency tree.

    Attributes:
      arcs: [B, T + 1, T + 1], from a head (first axis) to its modifier; 0 is the root, and words
        are 1 .. T.
    """

    arcs: tf.Tensor


class DependencyStructure(Structure):
    """Dependency trees: every word has one head, and the root is above all of them.

        score(z) = sum_m arcs[z_m, m]

    An event is int32 [T], the head of each word: 0 for the root, else 1 .. T; 0 beyond a row's
    length.

    Args:
      arcs: [B, T + 1, T + 1]; those to the root and to oneself are never read.
      lengths: int [B], 1 to T; T by default.
      single_root: whether the root has exactly one modifier.
    Raises:
      ValueError: if `arcs` are not of that shape, or lengths are below 1 or beyond T.
    """

    told_by = "arcs"

    def __init__(
        self,
        arcs: Any,
        *,
        lengths: Any = None,
        single_root: bool = True,
        validate_args: bool = False,
        allow_nan_stats: bool = True,
        name: str | None = None,
    ) -> None:
        parameters = dict(locals())
        owner = type(self).__name__
        self._single_root = single_root
        with tf.name_scope(name or owner) as name:
            arcs = tf.convert_to_tensor(arcs, name="arcs")
            require_rank(owner, "arcs", arcs, "[B, T + 1, T + 1]")
            sizes: tuple[Any, ...] = (None, arcs.shape[2], arcs.shape[1])
            require_sizes(owner, "arcs", arcs, "[B, T + 1, T + 1]", sizes)
            super().__init__(
                DependencyTreeParts(arcs),
                as_lengths(owner, lengths, arcs[:, 1:]),
                parameters=parameters,
                validate_args=validate_args,
                allow_nan_stats=allow_nan_stats,
                name=name,
            )

    @property
    def single_root(self) -> bool:
        """Whether the root has exactly one modifier."""
        return self._single_root

    @property
    @abc.abstractmethod
    def _projective(self) -> bool:
        """Whether arcs that cross are no tree."""

    @classmethod
    def _parameter_properties(cls, dtype: Any, num_classes: int | None = None) -> dict[str, Any]:
        return {"arcs": tfp.util.ParameterProperties(event_ndims=2)}

    def _event_shape(self) -> tf.TensorShape:
        nodes = self._potentials.arcs.shape[1]
        return tf.TensorShape([None if nodes is None else nodes - 1])

    def _event_shape_tensor(self) -> tf.Tensor:
        return tf.shape(self._potentials.arcs)[1:2] - 1

    def _kind(self) -> Any:
        return type(self), self._single_root

    def _read(self, potentials: DependencyTreeParts, lengths: tf.Tensor) -> DependencyTreeParts:
        return DependencyTreeParts(finite_arcs(potentials.arcs, lengths))

    def _score(self, event: tf.Tensor) -> tf.Tensor:
        return score_of_heads(
            event,
            self._finite.arcs,
            self._lengths,
            single_root=self._single_root,
            projective=self._projective,
        )
