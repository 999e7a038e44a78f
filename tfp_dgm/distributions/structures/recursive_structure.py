"""Structures whose sums, draws and modes are one recursion over semirings."""

import abc
from typing import Any

import tensorflow as tf

from tfp_dgm.distributions.structures.checks import require_count
from tfp_dgm.distributions.structures.semirings import (
    KBest,
    Log,
    Max,
    Sampled,
    Semiring,
    sanitized,
    with_infinity,
)
from tfp_dgm.distributions.structures.structure import Parts, Structure


class RecursiveStructure(Structure):
    """A distribution over structures that are built of smaller ones, each in one way.

    Subclasses give the recursion (`_inside`), and the event that marks on parts tell (`_event`).
    """

    @abc.abstractmethod
    def _inside(self, parts: Parts, lengths: tf.Tensor, semiring: Semiring) -> tf.Tensor:
        """The recursion: finite potentials [B or 1, ...] -> values [C, B]."""

    @abc.abstractmethod
    def _event(self, chosen: tf.Tensor, lengths: tf.Tensor) -> tf.Tensor:
        """Marks (1 or 0) on the potentials that tell the structure -> events [B, *event]."""

    def _log_sum(self, parts: Parts, lengths: tf.Tensor) -> tf.Tensor:
        return self._inside(parts, lengths, Log())[0]

    def top_k(self, k: int) -> tuple[tf.Tensor, tf.Tensor]:
        require_count(type(self).__name__, "k", k)
        parts, lengths = self._repeated(k)

        def kth(value: tf.Tensor) -> tf.Tensor:  # [k, k B] -> that of copy i at place i
            places = tf.reshape(value, [k, k, -1])
            return tf.reshape(tf.einsum("iib->ib", places), [-1])

        value, chosen = self._chosen(parts, lengths, KBest(k), kth)
        structures = self._event(chosen, lengths)
        shape = tf.concat([[k, -1], tf.shape(structures)[1:]], axis=0)
        log_sum = self._log_sum(self._finite, self._lengths)
        log_prob = with_infinity(tf.reshape(value, [k, -1])) - log_sum
        return tf.reshape(structures, shape), log_prob

    def _chosen(
        self, parts: Parts, lengths: tf.Tensor, semiring: Semiring, target: Any
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """(target(values), the marks of one structure a row on what tells it)."""
        parts = tf.nest.map_structure(tf.stop_gradient, parts)
        told = getattr(parts, self.told_by)
        with tf.GradientTape() as tape:
            tape.watch(told)
            parts = parts._replace(**{self.told_by: told})
            value = target(self._inside(parts, lengths, semiring))
        return value, tape.gradient(value, told)

    def _repeated(self, n: Any) -> tuple[Parts, tf.Tensor]:
        """Finite parts and lengths of n copies of the batch, [n B, ...]."""

        def repeat(part: tf.Tensor, shared: Any) -> tf.Tensor:
            # Sizes that are static stay so.
            return tf.tile(part, [tf.where(shared, 1, n), *[1] * (part.shape.rank - 1)])

        repeated = {
            field: repeat(part, tf.shape(part)[0] == 1 if field != self.told_by else False)
            for field, part in self._finite._asdict().items()
        }
        return type(self._finite)(**repeated), tf.tile(self._lengths, [n])

    def _sample_n(self, n: tf.Tensor, seed: Any = None) -> tf.Tensor:
        parts, lengths = self._repeated(n)
        semiring = Sampled(sanitized(seed))
        _, chosen = self._chosen(parts, lengths, semiring, lambda value: value[0])
        draws = self._event(chosen, lengths)
        return tf.reshape(draws, tf.concat([[n, -1], tf.shape(draws)[1:]], axis=0))

    def _mode(self) -> tf.Tensor:
        _, chosen = self._chosen(self._finite, self._lengths, Max(), lambda value: value[0])
        return self._event(chosen, self._lengths)
