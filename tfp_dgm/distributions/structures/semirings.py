"""Semirings: one inside recursion gives partition function, best structures or draws.

An inside recursion adds (`times`) what stands together in one structure and reduces (`plus`) over
alternatives. Its derivative in the potentials marks the parts of structures: under `Log` by their
marginal probabilities, under `Max`, `Sampled` and `KBest` those of one structure (Goodman, 1999;
Li and Eisner, 2009). Values are [C, ...]; C is 1 but for `KBest`. Impossible ones are `NEVER`, and
not -inf, so that no derivative is NaN.
"""

import abc
from typing import Any

import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp

# log 0: far below every sum of potentials, with room in float32 for sums of it.
NEVER = -1e20


def finite(potentials: tf.Tensor, read: tf.Tensor | None = None) -> tf.Tensor:
    """Potentials with -inf brought to `NEVER`, and with 0 where they are not read, even of NaN.

    Args:
      potentials: [B or 1, ...].
      read: bool [B, ...], of the leading axes, or None for all; potentials that rows or steps
        share are read.
    """
    known = tf.maximum(potentials, tf.constant(NEVER, potentials.dtype))
    if read is None or _is_shared(potentials.shape[: read.shape.rank], read.shape):
        return known
    shape = tf.concat([tf.shape(read), tf.ones_like(tf.shape(known)[read.shape.rank :])], axis=0)
    return tf.where(tf.reshape(read, shape), known, 0.0)


def _is_shared(sizes: tf.TensorShape, rows: tf.TensorShape) -> bool:
    """Whether an axis has one entry for all, of rows or steps whose number may not be known yet."""
    return any(size == 1 and number != 1 for size, number in zip(sizes, rows, strict=True))


def with_infinity(log_values: tf.Tensor) -> tf.Tensor:
    """Logarithms as users see them: what is `NEVER`, or a sum with it, is -inf."""
    return tf.where(log_values < NEVER / 10, tf.cast(-float("inf"), log_values.dtype), log_values)


def log_sum_exp(values: tf.Tensor, axis: int) -> tf.Tensor:
    """log of the sum of exp(values) along a negative axis, of finite values.

    XLA compiles the first and the second derivative within loops of any sizes; of those of
    `tf.reduce_logsumexp` it wants to know the shapes.
    """

    @tf.custom_gradient
    def summed(values: tf.Tensor) -> Any:
        def gradient(upstream: tf.Tensor) -> tf.Tensor:
            largest = tf.stop_gradient(tf.reduce_max(values, axis=axis, keepdims=True))
            exponentials = tf.exp(values - largest)
            total = tf.reduce_sum(exponentials, axis=axis, keepdims=True)
            return exponentials * (tf.expand_dims(upstream, axis) / total)

        return tf.reduce_logsumexp(values, axis=axis), gradient

    return summed(values)


class Semiring(abc.ABC):
    """What `plus` and `times` mean; the leading axis of values is C."""

    components = 1

    def lift(self, potentials: tf.Tensor) -> tf.Tensor:
        """Finite potentials [...] as values [C, ...]."""
        return potentials[tf.newaxis]

    def times(self, left: tf.Tensor, right: tf.Tensor) -> tf.Tensor:
        """Values of what stands together, [C, ...] with broadcasting."""
        return left + right

    def with_part(self, values: tf.Tensor, potentials: tf.Tensor) -> tf.Tensor:
        """Values [C, ...] of what has one part more, of finite potentials [...].

        `times` by lifted potentials, at the cost of a sum.
        """
        return values + potentials[tf.newaxis]

    @abc.abstractmethod
    def plus(self, values: tf.Tensor, axis: int, salt: Any) -> tf.Tensor:
        """Reduces alternatives along a negative axis of [C, ...].

        `salt`, int32 [], differs between all the calls within one recursion: draws are made of it.
        """


class Log(Semiring):
    """Sums of products: log-partition functions and, as their derivative, marginals."""

    def plus(self, values: tf.Tensor, axis: int, salt: Any) -> tf.Tensor:
        return log_sum_exp(values, axis)


class Max(Semiring):
    """The best structure; of equally good ones the first, wherever they part."""

    def plus(self, values: tf.Tensor, axis: int, salt: Any) -> tf.Tensor:
        return _one_of(values, values, axis, tf.reduce_max)


class Sampled(Semiring):
    """Log-partition functions whose derivative marks the parts of one exact draw.

    Args:
      seed: int32 [2].
    """

    def __init__(self, seed: tf.Tensor) -> None:
        self._seed = seed

    def plus(self, values: tf.Tensor, axis: int, salt: Any) -> tf.Tensor:
        seed = tf.random.fold_in(self._seed, salt)
        uniform = tf.random.stateless_uniform(
            tf.shape(values), seed, minval=1e-20, dtype=values.dtype
        )
        return _one_of(
            values, values - tf.math.log(-tf.math.log(uniform)), axis, tf.reduce_logsumexp
        )


class KBest(Semiring):
    """The k best structures, best first; `NEVER` where there are fewer.

    Of two lists in order, their i-th and j-th together are among the k best only if i j <= k:
    k log k pairs (Huang and Chiang, "Better k-best parsing", 2005, find them one by one).

    Args:
      k: >= 1.
    """

    def __init__(self, k: int) -> None:
        self.components = k
        pairs = [(i, j) for i in range(k) for j in range(k // (i + 1))]
        self._left, self._right = np.array(pairs, np.int32).T

    def lift(self, potentials: tf.Tensor) -> tf.Tensor:
        rest = tf.fill(
            tf.concat([[self.components - 1], tf.shape(potentials)], axis=0),
            tf.constant(NEVER, potentials.dtype),
        )
        return tf.concat([potentials[tf.newaxis], rest], axis=0)

    def times(self, left: tf.Tensor, right: tf.Tensor) -> tf.Tensor:
        return self._best(tf.gather(left, self._left) + tf.gather(right, self._right))

    def plus(self, values: tf.Tensor, axis: int, salt: Any) -> tf.Tensor:
        front = tf.experimental.numpy.moveaxis(values, axis, 1)  # [k, alternatives, ...]
        return self._best(tf.reshape(front, tf.concat([[-1], tf.shape(front)[2:]], axis=0)))

    def _best(self, values: tf.Tensor) -> tf.Tensor:
        last = tf.experimental.numpy.moveaxis(values, 0, -1)
        best = tf.math.top_k(last, self.components).values
        return tf.experimental.numpy.moveaxis(best, -1, 0)


def _one_of(values: tf.Tensor, scores: tf.Tensor, axis: int, reduce: Any) -> tf.Tensor:
    """`reduce(values)`, whose derivative goes to the alternative with the largest score alone."""

    chosen = tf.argmax(scores, axis=axis, output_type=tf.int32)

    @tf.custom_gradient
    def reduced(values: tf.Tensor) -> Any:
        def gradient(upstream: tf.Tensor) -> tf.Tensor:
            place = values.shape.rank + axis
            marks = tf.one_hot(chosen, tf.shape(values)[axis], axis=place, dtype=values.dtype)
            return marks * tf.expand_dims(upstream, axis)

        return reduce(values, axis=axis), gradient

    return reduced(values)


def sanitized(seed: Any) -> tf.Tensor:
    """A seed of any of TFP's kinds as int32 [2]."""
    return tfp.random.sanitize_seed(seed, name="structure")
