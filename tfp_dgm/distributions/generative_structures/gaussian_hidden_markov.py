"""Vectors that a hidden Markov chain has written, a Normal in each state."""

from typing import Any, NamedTuple

import tensorflow as tf

from tfp_dgm.distributions.generative_structures.gaussian_emissions import (
    GaussianPotentials,
    centre_of,
    gaussian_potentials,
    normal_draws,
    require_scale,
)
from tfp_dgm.distributions.generative_structures.gaussian_structure import GaussianStructure
from tfp_dgm.distributions.generative_structures.state_paths import draw_paths
from tfp_dgm.distributions.structures import LinearChain
from tfp_dgm.distributions.structures.checks import require_rank, require_sizes
from tfp_dgm.distributions.structures.semirings import sanitized


class GaussianHiddenMarkovPotentials(NamedTuple):
    """What log p(x, z) is linear in, or the statistics that it is multiplied by.

    Attributes:
      initial: [K], log-probabilities of the first state.
      transitions: [K, K], from each state (the row) to the next.
      constant, linear, quadratic: see `GaussianPotentials`.
    """

    initial: tf.Tensor
    transitions: tf.Tensor
    constant: tf.Tensor
    linear: tf.Tensor
    quadratic: tf.Tensor


class GaussianHiddenMarkov(GaussianStructure):
    """Sequences of vectors, each written by the state of a Markov chain that is not seen.

        z_1 ~ softmax(initial),  z_t+1 ~ softmax(transitions[z_t]),  x_t ~ N(loc[z_t], L L')

    with L = scale[z_t]. An event is float32 [T, D]; rows may have any number T of vectors, and
    `sample` gives `num_steps` of them. A vector with NaN is not observed: its position is summed
    out, and one after the last that is observed is no position at all. So NaN fills shorter rows
    up, and changes no number. `posterior` is a `LinearChain` over the states.

    Rabiner, "A tutorial on hidden Markov models" (1989), IV.A. For word vectors: Lin, Ammar, Dyer
    and Levin, "Unsupervised POS induction with word embeddings" (2015).

    Args:
      initial_logits: float32 [K].
      transition_logits: float32 [K, K]; -inf where a transition is impossible.
      loc: float32 [K, D].
      scale: float32, positive: [K, D], the standard deviations, for diagonal covariances;
        [K, D, D], Cholesky factors (lower triangles), for full ones.
      num_steps: vectors of a draw.
    Raises:
      ValueError: if shapes do not fit each other, or `num_steps` is below 1.
    """

    categorical = ("initial", "transitions")

    def __init__(
        self,
        initial_logits: Any,
        transition_logits: Any,
        loc: Any,
        scale: Any,
        *,
        num_steps: int,
        validate_args: bool = False,
        allow_nan_stats: bool = True,
        name: str = "GaussianHiddenMarkov",
    ) -> None:
        parameters = dict(locals())
        owner = "GaussianHiddenMarkov"
        with tf.name_scope(name) as name:
            initial = tf.convert_to_tensor(initial_logits, tf.float32)
            transitions = tf.convert_to_tensor(transition_logits, tf.float32)
            self._loc = tf.convert_to_tensor(loc, tf.float32)
            self._scale = tf.convert_to_tensor(scale, tf.float32)
            require_rank(owner, "initial_logits", initial, "[K]")
            states = initial.shape[0]
            require_sizes(owner, "transition_logits", transitions, "[K, K]", (states, states))
            require_sizes(owner, "loc", self._loc, "[K, D]", (states, None))
            size = self._loc.shape[1]
            require_scale(owner, self._scale, "[K, D] or [K, D, D]", (states,), size)
            self._centre = centre_of(self._loc)
            self._log_potentials = GaussianHiddenMarkovPotentials(
                tf.nn.log_softmax(initial),
                tf.nn.log_softmax(transitions),
                *gaussian_potentials(self._loc, self._scale, self._centre),
            )
            super().__init__(
                num_steps=num_steps,
                parameters=parameters,
                validate_args=validate_args,
                allow_nan_stats=allow_nan_stats,
                name=name,
            )

    @property
    def log_potentials(self) -> GaussianHiddenMarkovPotentials:
        return self._log_potentials

    def _posterior(self, x: tf.Tensor) -> LinearChain:
        initial, transitions, *emissions = self._log_potentials
        unary, lengths = self._densities(x, GaussianPotentials(*emissions))
        return LinearChain(unary, transitions, initial, lengths=lengths)

    def _sample_n(self, n: tf.Tensor, seed: Any = None) -> tf.Tensor:
        initial, transitions, *_ = self._log_potentials
        seeds = tf.random.split(sanitized(seed), 2)
        states = draw_paths(initial, transitions, n, self._num_steps, seeds[0])  # [n, T]
        return normal_draws(tf.gather(self._loc, states), self._scale, states, seeds[1])
