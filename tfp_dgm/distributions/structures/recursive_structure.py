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

# Sums of so many powers of two are exact in float32, and tell which structures have a part.
_MARKS_AT_ONCE = 24


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
        at_once = min(k, _MARKS_AT_ONCE)
        powers = tf.cast(2.0 ** tf.range(at_once, dtype=tf.float32), self._finite[0].dtype)
        lengths = tf.tile(self._lengths, [at_once])

        def some(first: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            """(values of all, structures first .. first + at_once - 1)."""
            weights = tf.scatter_nd(
                (first + tf.range(at_once))[:, tf.newaxis], powers, [passes * at_once]
            )
            values, sums = self._chosen(
                self._finite, self._lengths, KBest(k), weights[:k, tf.newaxis]
            )
            shape = tf.concat([[-1], tf.ones_like(tf.shape(sums))], axis=0)
            marks = tf.math.floormod(tf.floor(sums / tf.reshape(powers, shape)), 2)
            marks = tf.reshape(marks, tf.concat([[-1], tf.shape(sums)[1:]], axis=0))
            return values, self._event(marks, lengths)

        passes = -(-k // at_once)
        values, structures = tf.map_fn(
            some,
            at_once * tf.range(passes),
            fn_output_signature=(self._finite[0].dtype, tf.int32),
        )
        shape = tf.concat([[passes * at_once, -1], tf.shape(structures)[2:]], axis=0)
        log_sum = self._log_sum(self._finite, self._lengths)
        return tf.reshape(structures, shape)[:k], with_infinity(values[0]) - log_sum

    def _chosen(
        self, parts: Parts, lengths: tf.Tensor, semiring: Semiring, weights: Any = 1
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """(values [C, B], the marks of the structures of each row on what tells them).

        Where there are several, each adds its weight, [C, 1], to the marks of its parts.
        """
        parts = tf.nest.map_structure(tf.stop_gradient, parts)
        told = getattr(parts, self.told_by)
        with tf.GradientTape() as tape:
            tape.watch(told)
            parts = parts._replace(**{self.told_by: told})
            values = self._inside(parts, lengths, semiring)
        weights = tf.cast(weights, values.dtype) * tf.ones_like(values)
        return values, tape.gradient(values, told, output_gradients=weights)

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
        _, chosen = self._chosen(parts, lengths, semiring)
        draws = self._event(chosen, lengths)
        return tf.reshape(draws, tf.concat([[n, -1], tf.shape(draws)[1:]], axis=0))

    def _mode(self) -> tf.Tensor:
        _, chosen = self._chosen(self._finite, self._lengths, Max())
        return self._event(chosen, self._lengths)
