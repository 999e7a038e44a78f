"""What an event must be to have a density: the supports of the distributions."""

from collections.abc import Callable
from dataclasses import dataclass

import tensorflow as tf

from tfp_dgm.layers.events import is_near, is_probability, is_whole


@dataclass(frozen=True)
class Constraint:
    """A condition on events, in words and as a function.

    Attributes:
      description: what an event consists of, as an error says it: "whole numbers from 0 to 3".
      holds: float32 [..., *value shape] -> bool, of each event [...], or of each of its numbers
        [..., *value shape].
    """

    description: str
    holds: Callable[[tf.Tensor], tf.Tensor]


FINITE = Constraint("finite numbers", tf.math.is_finite)
UNIT_INTERVAL = Constraint("values from 0 to 1", lambda events: (events >= 0) & (events <= 1))
ONE_HOT = Constraint("one-hot vectors, or vectors of probabilities", is_probability)
UNIT_VECTOR = Constraint(
    "vectors of length 1", lambda events: is_near(tf.norm(events, axis=-1), 1.0)
)
MIXTURES = Constraint(
    "vectors of positive probabilities that sum to 1",
    lambda events: is_probability(events) & tf.reduce_all(events > 0, axis=-1),
)
COUNTS = Constraint(
    "counts (or damped counts) of 0 and more",
    lambda events: (events >= 0) & tf.math.is_finite(events),
)


def _frames_hold(events: tf.Tensor) -> tf.Tensor:
    """[..., T, D] -> [..., T]: whether seen or not seen, as a whole; some are seen."""
    missing = tf.reduce_all(tf.math.is_nan(events), axis=-1)
    whole = missing | tf.reduce_all(tf.math.is_finite(events), axis=-1)
    return whole & ~tf.reduce_all(missing, axis=-1, keepdims=True)


FRAMES = Constraint(
    "finite vectors, those that are not observed of NaN alone, and not all of them", _frames_hold
)


def whole_numbers_below(size: int, least: int = 0) -> Constraint:
    """The integers `least` .. size - 1."""
    return Constraint(
        f"whole numbers from {least} to {size - 1}",
        lambda events: is_whole(events) & (events >= least) & (events < size),
    )


def counts_that_sum_to(total: float) -> Constraint:
    """Vectors of whole counts."""

    def holds(events: tf.Tensor) -> tf.Tensor:
        whole = tf.reduce_all(is_whole(events) & (events >= 0), axis=-1)
        return whole & (tf.reduce_sum(events, axis=-1) == total)

    return Constraint(f"whole counts of 0 and more that sum to {total:g}", holds)
