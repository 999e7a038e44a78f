"""Texts that a hidden Markov chain has written."""

from typing import Any, NamedTuple

import tensorflow as tf

from tfp_dgm.distributions.decoded_text import ended_before
from tfp_dgm.distributions.generative_structures.generative_text import GenerativeText, written
from tfp_dgm.distributions.generative_structures.state_paths import draw_paths
from tfp_dgm.distributions.structures import LinearChain
from tfp_dgm.distributions.structures.checks import require_rank, require_sizes
from tfp_dgm.distributions.structures.semirings import sanitized
from tfp_dgm.token_ids import END, PAD, START


class HiddenMarkovTextPotentials(NamedTuple):
    """Log-probabilities, or how often each is used.

    Attributes:
      initial: [K], of the first state.
      transitions: [K, K], from each state (the row) to the next.
      emissions: [K, V], of the token that a state writes; PAD and START are -inf.
    """

    initial: tf.Tensor
    transitions: tf.Tensor
    emissions: tf.Tensor


class HiddenMarkovText(GenerativeText):
    """Token ids, each written by the state of a Markov chain that is not seen.

        z_1 ~ softmax(initial),  z_t+1 ~ softmax(transitions[z_t]),  x_t ~ softmax(emissions[z_t])

    A text is closed by END, which a state writes as any token, and filled with PAD. As for a
    `TokenSequence`, a row without END counts as the beginning of a text, so that the probabilities
    of all rows of T columns, closed or full, sum to one; a row of nothing but PAD has
    log-probability 0; a row with tokens after END or PAD is impossible. PAD and START are never
    written. Rows may have any number T of columns; `sample` gives `max_length` of them.
    `posterior` is a `LinearChain` over the states of the tokens, END's included.

    Rabiner, "A tutorial on hidden Markov models" (1989); as a tagger without tags, Merialdo,
    "Tagging English text with a probabilistic model" (1994).

    Args:
      initial_logits: float32 [K].
      transition_logits: float32 [K, K]; -inf where a transition is impossible.
      emission_logits: float32 [K, V].
      max_length: columns of a draw.
    Raises:
      ValueError: if shapes do not fit each other, or `max_length` is below 1.
    """

    categorical = ("initial", "transitions", "emissions")

    def __init__(
        self,
        initial_logits: Any,
        transition_logits: Any,
        emission_logits: Any,
        *,
        max_length: int,
        validate_args: bool = False,
        allow_nan_stats: bool = True,
        name: str = "HiddenMarkovText",
    ) -> None:
        parameters = dict(locals())
        owner = "HiddenMarkovText"
        with tf.name_scope(name) as name:
            initial = tf.convert_to_tensor(initial_logits, tf.float32)
            transitions = tf.convert_to_tensor(transition_logits, tf.float32)
            emissions = tf.convert_to_tensor(emission_logits, tf.float32)
            require_rank(owner, "initial_logits", initial, "[K]")
            states = initial.shape[0]
            require_sizes(owner, "transition_logits", transitions, "[K, K]", (states, states))
            require_sizes(owner, "emission_logits", emissions, "[K, V]", (states, None))
            log_potentials = HiddenMarkovTextPotentials(
                tf.nn.log_softmax(initial),
                tf.nn.log_softmax(transitions),
                written(emissions, PAD, START),
            )
            super().__init__(
                log_potentials,
                max_length=max_length,
                parameters=parameters,
                validate_args=validate_args,
                allow_nan_stats=allow_nan_stats,
                name=name,
            )

    def _posterior(self, x: tf.Tensor) -> LinearChain:
        initial, transitions, emissions = self._log_potentials
        read = (x != PAD) & ~ended_before(x)  # [B, T]
        unary = tf.gather(tf.transpose(emissions), x)  # [B, T, K]
        unary = tf.where(read[..., tf.newaxis], unary, 0.0)
        impossible = tf.reduce_any((x != PAD) & ~read, axis=-1)
        unary = tf.where(impossible[:, tf.newaxis, tf.newaxis], -float("inf"), unary)
        # A row of PAD alone has one position, whose state nothing tells.
        lengths = tf.maximum(tf.reduce_sum(tf.cast(read, tf.int32), axis=-1), 1)
        return LinearChain(unary, transitions, initial, lengths=lengths)

    def _sample_n(self, n: tf.Tensor, seed: Any = None) -> tf.Tensor:
        initial, transitions, emissions = self._log_potentials
        seeds = tf.random.split(sanitized(seed), 2)
        states = draw_paths(initial, transitions, n, self._max_length, seeds[0])

        @tf.autograph.experimental.do_not_convert
        def write(numbered: tuple[tf.Tensor, tf.Tensor]) -> tf.Tensor:  # [n] -> [n]
            time, state = numbered
            fold = tf.random.fold_in(seeds[1], time)
            logits = tf.gather(emissions, state)
            return tf.random.stateless_categorical(logits, 1, fold, dtype=tf.int32)[:, 0]

        # One column at a time: log-probabilities of every token at every place would be large.
        times = tf.range(self._max_length)
        columns = tf.map_fn(
            write, (times, tf.transpose(states)), fn_output_signature=tf.int32
        )  # [T, n]
        token_ids = tf.transpose(columns)
        ended = tf.cumsum(tf.cast(token_ids == END, tf.int32), axis=-1, exclusive=True) > 0
        return tf.where(ended, PAD, token_ids)
