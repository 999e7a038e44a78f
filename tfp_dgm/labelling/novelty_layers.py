"""How far a text is, as layers of the predictor: from every class, and from the training texts."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfp_dgm.saved_arguments import SavesArguments


@keras.saving.register_keras_serializable(package="tfp_dgm")
class NoClassProbability(SavesArguments, keras.layers.Layer):
    """The probability that texts are of no class: views [B, D] and answers [B, K] -> [B].

    A function, linear between knots, of the score of `class_distance.ClassDistance`.

    Args:
      num_classes: K.
      sizes: D of each view.
      measure_weights: what the measures count: two of each view, and the entropy of the answer.
      constant: what is added to give the score.
      scores: P knots, rising.
      probabilities: P values there.
    """

    def __init__(
        self,
        num_classes: int,
        sizes: Sequence[int],
        *,
        measure_weights: Sequence[float] | np.ndarray,
        constant: float,
        scores: Sequence[float] | np.ndarray,
        probabilities: Sequence[float] | np.ndarray,
        **kwargs: Any,
    ) -> None:
        kwargs["dtype"] = "float32"
        super().__init__(**kwargs)
        self.measure_weights = [float(weight) for weight in measure_weights]
        self.constant = float(constant)
        self.knots, self.values = _floats(scores), _floats(probabilities)

        def weight(name: str, *shape: int) -> keras.Variable:
            return self.add_weight(shape=shape, trainable=False, name=name)

        # The arrays of a `ViewDistance`, in its order, for each view.
        self.distances = [
            [
                weight(f"quadratic_{number}", size, size),
                weight(f"linear_{number}", size, num_classes),
                weight(f"offset_{number}", num_classes),
                weight(f"kernel_{number}", size, num_classes),
                weight(f"bias_{number}", num_classes),
            ]
            for number, size in enumerate(sizes)
        ]
        self.built = True

    def score(self, views: Sequence[tf.Tensor], answer: tf.Tensor) -> tf.Tensor:
        """How far texts are from every class: [B]."""
        total = -self.measure_weights[-1] * tf.reduce_sum(tf.math.xlogy(answer, answer), axis=-1)
        for number, (view, parts) in enumerate(zip(views, self.distances, strict=True)):
            quadratic, linear, offset, kernel, bias = parts
            distance = tf.reduce_sum(tf.matmul(view, quadratic) * view, axis=-1)
            distance += tf.reduce_min(tf.matmul(view, linear) + offset, axis=-1)
            energy = -tf.reduce_logsumexp(tf.matmul(view, kernel) + bias, axis=-1)
            total += self.measure_weights[2 * number] * distance
            total += self.measure_weights[2 * number + 1] * energy
        return total + self.constant

    def call(self, views: Sequence[tf.Tensor], answer: tf.Tensor) -> tf.Tensor:
        return _interpolated(self.score(views, answer), self.knots, self.values)


@keras.saving.register_keras_serializable(package="tfp_dgm")
class TextNovelty(SavesArguments, keras.layers.Layer):
    """The share [B] of training texts that are at most as far as texts are, by their `distance`.

    The distance is that of `text_distance.TextDistance`; the training texts were held out of it.

    Args:
      distance_weights: what the part that words leave unexplained counts, and what the encoder's
        distance does.
      encoder_units: E; 0 where there is no encoder.
      distances: P knots, rising.
      shares: P values there.
      limit: the distance beyond which a text is of another world.
    """

    def __init__(
        self,
        *,
        distance_weights: Sequence[float] | np.ndarray,
        encoder_units: int,
        distances: Sequence[float] | np.ndarray,
        shares: Sequence[float] | np.ndarray,
        limit: float,
        **kwargs: Any,
    ) -> None:
        kwargs["dtype"] = "float32"
        super().__init__(**kwargs)
        self.distance_weights = [float(weight) for weight in distance_weights]
        self.encoder_units = encoder_units
        self.knots, self.values = _floats(distances), _floats(shares)
        self.limit = float(limit)
        if encoder_units:
            shape = (encoder_units,)
            self.center = self.add_weight(shape=shape, trainable=False, name="center")
            self.precision = self.add_weight(shape=2 * shape, trainable=False, name="precision")
        self.built = True

    def distance(self, unexplained: tf.Tensor, vectors: tf.Tensor | None) -> tf.Tensor:
        """The distance [B] of texts.

        Args:
          unexplained: float32 [B]; the part of each that the words leave unexplained.
          vectors: float32 [B, E]; the encoder's.
        """
        distance = self.distance_weights[0] * unexplained
        if self.encoder_units:
            away = vectors - self.center
            squared = tf.reduce_sum(tf.matmul(away, self.precision) * away, axis=-1)
            distance += self.distance_weights[1] * squared
        return distance

    def call(self, distance: tf.Tensor) -> tf.Tensor:
        return _interpolated(distance, self.knots, self.values)


def _floats(values: Sequence[float] | np.ndarray) -> list[float]:
    return [float(value) for value in values]


def _interpolated(x: tf.Tensor, knots: list[float], values: list[float]) -> tf.Tensor:
    """A function of x [B], linear between P rising knots and level beyond."""
    at, of = tf.constant(knots), tf.constant(values)
    way = (x[:, tf.newaxis] - at[:-1]) / (at[1:] - at[:-1])  # [B, P - 1]
    return of[0] + tf.reduce_sum(tf.clip_by_value(way, 0.0, 1.0) * (of[1:] - of[:-1]), axis=-1)
