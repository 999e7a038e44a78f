"""Vectors that several hidden Markov chains have written together."""

import functools
from typing import Any

import tensorflow as tf

from tfp_dgm.distributions.generative_structures.gaussian_emissions import (
    GaussianPotentials,
    centre_of,
    gaussian_potentials,
    normal_draws,
    require_scale,
)
from tfp_dgm.distributions.generative_structures.gaussian_hidden_markov import (
    GaussianHiddenMarkovPotentials,
)
from tfp_dgm.distributions.generative_structures.gaussian_structure import GaussianStructure
from tfp_dgm.distributions.generative_structures.state_paths import draw_paths
from tfp_dgm.distributions.structures import FactorialChain
from tfp_dgm.distributions.structures.checks import require_rank, require_sizes
from tfp_dgm.distributions.structures.factorial_chain import joint_sums
from tfp_dgm.distributions.structures.semirings import sanitized


class FactorialHiddenMarkov(GaussianStructure):
    """Sequences of vectors whose means are sums over M Markov chains that are not seen.

        z^m_1 ~ softmax(initial[m]),   z^m_t+1 ~ softmax(transitions[m, z^m_t])
        x_t ~ N(sum_m loc[m, z^m_t], L L'),   L = scale

    M chains of K states tell apart what one chain could with K^M states [1]. Exact: the K^M states
    are summed chain after chain, in O(T M K^(M+1)) a row, so that K^M may be some thousands. Events
    and vectors that are not observed are as those of a `GaussianHiddenMarkov`. `posterior` is a
    `FactorialChain` over the states [T, M]. Of the potentials, those of emissions are of all K^M
    states together, the first chain's changing slowest.

    Args:
      initial_logits: float32 [M, K].
      transition_logits: float32 [M, K, K]; -inf where a transition is impossible.
      loc: float32 [M, K, D].
      scale: float32, positive, the same in every state: [D], the standard deviations, for a
        diagonal covariance; [D, D], a Cholesky factor (lower triangle), for a full one.
      num_steps: vectors of a draw.
    Raises:
      ValueError: if shapes do not fit each other, or `num_steps` is below 1.
    References:
      [1] Ghahramani and Jordan. Factorial Hidden Markov Models. Machine Learning 29, 1997.
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
        name: str = "FactorialHiddenMarkov",
    ) -> None:
        parameters = dict(locals())
        owner = "FactorialHiddenMarkov"
        with tf.name_scope(name) as name:
            initial = tf.convert_to_tensor(initial_logits, tf.float32)
            transitions = tf.convert_to_tensor(transition_logits, tf.float32)
            self._loc = tf.convert_to_tensor(loc, tf.float32)
            self._scale = tf.convert_to_tensor(scale, tf.float32)
            require_rank(owner, "initial_logits", initial, "[M, K]")
            sizes = tuple(initial.shape)
            require_sizes(owner, "transition_logits", transitions, "[M, K, K]", (*sizes, sizes[1]))
            require_sizes(owner, "loc", self._loc, "[M, K, D]", (*sizes, None))
            size = self._loc.shape[2]
            require_scale(owner, self._scale, "[D] or [D, D]", (), size)
            self._log_initial = tf.nn.log_softmax(initial)
            self._log_transitions = tf.nn.log_softmax(transitions)
            self._centre = centre_of(tf.reduce_mean(self._loc, axis=1) * sizes[0])
            super().__init__(
                num_steps=num_steps,
                parameters=parameters,
                validate_args=validate_args,
                allow_nan_stats=allow_nan_stats,
                name=name,
            )

    @functools.cached_property
    def log_potentials(self) -> GaussianHiddenMarkovPotentials:
        """See `GenerativeStructure`; made when asked for, as there are K^M of them."""
        return GaussianHiddenMarkovPotentials(
            self._log_initial,
            self._log_transitions,
            *gaussian_potentials(self.joint_loc, self._scale[tf.newaxis], self._centre),
        )

    @property
    def log_initial(self) -> tf.Tensor:
        """[M, K], log-probabilities."""
        return self._log_initial

    @property
    def log_transitions(self) -> tf.Tensor:
        """[M, K, K], log-probabilities."""
        return self._log_transitions

    @functools.cached_property
    def joint_loc(self) -> tf.Tensor:
        """[K^M, D], the sums of every choice of one state a chain; the first changes slowest."""
        return tf.transpose(joint_sums(tf.transpose(self._loc, [2, 0, 1])))

    def _posterior(self, x: tf.Tensor) -> FactorialChain:
        initial, transitions, *emissions = self.log_potentials
        unary, lengths = self._densities(x, GaussianPotentials(*emissions))
        return FactorialChain(unary, transitions, initial, lengths=lengths)

    def _sample_n(self, n: tf.Tensor, seed: Any = None) -> tf.Tensor:
        chains, size = self._loc.shape[0], self._loc.shape[2]
        seeds = tf.random.split(sanitized(seed), chains + 1)
        loc = tf.zeros([n, self._num_steps, size])
        for m in range(chains):
            states = draw_paths(
                self._log_initial[m], self._log_transitions[m], n, self._num_steps, seeds[m]
            )
            loc += tf.gather(self._loc[m], states)
        one = tf.zeros([n, self._num_steps], tf.int32)
        return normal_draws(loc, self._scale[tf.newaxis], one, seeds[chains])
