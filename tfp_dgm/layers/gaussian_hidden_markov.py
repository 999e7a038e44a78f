"""Hidden Markov models of vectors as layers: one chain, or several that add up."""

from typing import Any

import keras
import tensorflow as tf
from tensorflow_probability import distributions as tfd

from tfp_dgm import distributions
from tfp_dgm.layers.over_vectors import OverVectors


@keras.saving.register_keras_serializable(package="tfp_dgm")
class GaussianHiddenMarkov(OverVectors):
    """Sequences of vectors written by a hidden Markov chain, a Normal in each state; all weights.

    See `distributions.GaussianHiddenMarkov` for the density, and for vectors that are not observed.

    Args:
      units: D, the size of a vector.
      num_states: K.
      num_steps: vectors of a draw.
      full_covariance: of each state; else a diagonal one.
      min_scale: lower limit of the standard deviations; a state that kept a single vector would
        have an infinite density.
      seed: see `HiddenMarkovLayer`.
      **kwargs: see `DistributionLayer`.
    """

    def __init__(
        self,
        units: int,
        num_states: int,
        num_steps: int,
        *,
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

    def _shapes(self) -> dict[str, tuple[tuple[int, ...], float]]:
        states = self.num_states
        return {
            "initial_logits": ((states,), 1.0),
            "transition_logits": ((states, states), 1.0),
            "loc": ((states, self.units), 1.0),
            "scale_weights": ((states, self._scales.size), 0.0),
        }

    def _distribution(self) -> tfd.Distribution:
        return distributions.GaussianHiddenMarkov(
            tf.convert_to_tensor(self.initial_logits),
            tf.convert_to_tensor(self.transition_logits),
            tf.convert_to_tensor(self.loc),
            self._scales.scale(tf.convert_to_tensor(self.scale_weights)),
            num_steps=self.num_steps,
        )


@keras.saving.register_keras_serializable(package="tfp_dgm")
class FactorialHiddenMarkov(OverVectors):
    """Sequences of vectors written by M hidden Markov chains, whose means add up; all weights.

    See `distributions.FactorialHiddenMarkov` for the density; K^M should be some thousands at most.

    Args:
      units: D, the size of a vector.
      num_chains: M.
      num_states: K, of each chain.
      num_steps: vectors of a draw.
      full_covariance: of the noise, which is the same everywhere; else a diagonal one.
      min_scale: lower limit of the standard deviations.
      seed: see `HiddenMarkovLayer`.
      **kwargs: see `DistributionLayer`.
    """

    def __init__(
        self,
        units: int,
        num_chains: int,
        num_states: int,
        num_steps: int,
        *,
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
        self._require_positive("num_chains", num_chains)
        self.num_chains = num_chains

    def _shapes(self) -> dict[str, tuple[tuple[int, ...], float]]:
        chains, states = self.num_chains, self.num_states
        return {
            "initial_logits": ((chains, states), 1.0),
            "transition_logits": ((chains, states, states), 1.0),
            "loc": ((chains, states, self.units), 1.0),
            "scale_weights": ((self._scales.size,), 0.0),
        }

    def _distribution(self) -> tfd.Distribution:
        return distributions.FactorialHiddenMarkov(
            tf.convert_to_tensor(self.initial_logits),
            tf.convert_to_tensor(self.transition_logits),
            tf.convert_to_tensor(self.loc),
            self._scales.scale(tf.convert_to_tensor(self.scale_weights)),
            num_steps=self.num_steps,
        )
