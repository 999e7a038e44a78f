"""Dependency models with valence over vectors of words, as a layer."""

from typing import Any

import keras
import tensorflow as tf
from tensorflow_probability import distributions as tfd

from tfp_dgm import distributions
from tfp_dgm.layers.over_vectors import OverVectors


@keras.saving.register_keras_serializable(package="tfp_dgm")
class GaussianDependencyModelWithValence(OverVectors):
    """Vectors of words whose tags heads and their modifiers have written; all weights [1].

    See `distributions.GaussianDependencyModelWithValence` for the density, and for vectors that are
    not observed. Behind a flow it is the model of [1]: the `base` of a `ProjectedObservations`. Its
    likelihood has many optima; begin from a `DependencyModelWithValence` over tags, whose weights
    without those of PAD, START and END are the rules of this one.

    Args:
      units: D, the size of a vector.
      num_states: K, the number of tags.
      num_steps: the most vectors of a draw.
      attachment_valences: 2, or 1 where the first modifier and later ones are of the same kind.
      full_covariance: of each tag; else a diagonal one.
      min_scale: lower limit of the standard deviations; a tag that kept a single vector would have
        an infinite density.
      seed: see `HiddenMarkovLayer`.
      **kwargs: see `DistributionLayer`.
    Raises:
      ValueError: if a number is out of its range.
    References:
      [1] He, Neubig and Berg-Kirkpatrick. Unsupervised Learning of Syntactic Structure with
        Invertible Neural Projections. EMNLP 2018. arXiv:1808.09111
    """

    def __init__(
        self,
        units: int,
        num_states: int,
        num_steps: int,
        *,
        attachment_valences: int = 1,
        full_covariance: bool = False,
        min_scale: float = 1e-2,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            units,
            num_states,
            num_steps,
            full_covariance=full_covariance,
            min_scale=min_scale,
            seed=seed,
            **kwargs,
        )
        if attachment_valences not in (1, 2):
            raise ValueError(
                "GaussianDependencyModelWithValence: `attachment_valences` must be 1 or 2; "
                f"received {attachment_valences!r}"
            )
        self.attachment_valences = attachment_valences

    def _shapes(self) -> dict[str, tuple[tuple[int, ...], float]]:
        tags = self.num_states
        return {
            "root_logits": ((tags,), 1.0),
            "attachment_logits": ((tags, 2, self.attachment_valences, tags), 1.0),
            "decision_logits": ((tags, 2, 2, 2), 1.0),
            "loc": ((tags, self.units), 1.0),
            "scale_weights": ((tags, self._scales.size), 0.0),
        }

    def _distribution(self) -> tfd.Distribution:
        return distributions.GaussianDependencyModelWithValence(
            tf.convert_to_tensor(self.root_logits),
            tf.convert_to_tensor(self.attachment_logits),
            tf.convert_to_tensor(self.decision_logits),
            tf.convert_to_tensor(self.loc),
            self._scales.scale(tf.convert_to_tensor(self.scale_weights)),
            num_steps=self.num_steps,
        )
