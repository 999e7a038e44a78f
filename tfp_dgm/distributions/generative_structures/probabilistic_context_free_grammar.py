"""Texts that a probabilistic context-free grammar has written."""

from typing import Any, NamedTuple

import tensorflow as tf

from tfp_dgm.distributions.decoded_text import ended_before
from tfp_dgm.distributions.generative_structures.derivations import draw_preterminals
from tfp_dgm.distributions.generative_structures.generative_text import GenerativeText, written
from tfp_dgm.distributions.structures import GrammarTree
from tfp_dgm.distributions.structures.checks import require_rank, require_sizes
from tfp_dgm.distributions.structures.semirings import sanitized
from tfp_dgm.token_ids import END, PAD, START


class ProbabilisticContextFreeGrammarPotentials(NamedTuple):
    """Log-probabilities, or how often each is used; of rows with a grammar each, [B, ...].

    Attributes:
      root: [A], of the nonterminal of the whole.
      rules: [A, A + P, A + P], of the symbols of the left and the right half together.
      emissions: [P, V], of the word that a preterminal writes; PAD, START and END are -inf.
    """

    root: tf.Tensor
    rules: tf.Tensor
    emissions: tf.Tensor


class ProbabilisticContextFreeGrammar(GenerativeText):
    """Token ids, written by a grammar whose derivations are not seen.

        S -> a        a ~ softmax(root)                 a of A nonterminals
        a -> b c      (b, c) ~ softmax(rules[a])        b, c of all A + P symbols
        p -> word     word ~ softmax(emissions[p])      p of P preterminals

    The grammar itself says where a sentence ends, so that END, which closes every row, costs
    nothing; PAD fills the rest. The probabilities of all rows of T columns sum to that of at most
    T - 1 words, and so to one in the limit, where the grammar comes to an end with certainty. A row
    without END, one of a single word or of none, and one with tokens after END or PAD are
    impossible, as are PAD, START and END among the words. Rows may have any number T of columns;
    `sample` gives `max_length` of them, and PAD alone where the sentence has no room there: its
    `log_prob` is -inf. `posterior` is a `GrammarTree` over the columns.

    Where any of the three has a row for each observation, the batch shape is [B].

    Lari and Young, "The estimation of stochastic context-free grammars using the inside-outside
    algorithm" (1990); Kim, Dyer and Rush, "Compound probabilistic context-free grammars for grammar
    induction" (2019).

    Args:
      root_logits: float32 [A] or [B, A].
      rule_logits: float32 [A, A + P, A + P] or [B, ...]; -inf where a rule is impossible.
      emission_logits: float32 [P, V] or [B, P, V].
      max_length: columns of a draw.
    Raises:
      ValueError: if shapes do not fit each other, or `max_length` is below 3.
    """

    categorical = ("root", "rules", "emissions")
    shortest = 3  # Two words and END.

    def __init__(
        self,
        root_logits: Any,
        rule_logits: Any,
        emission_logits: Any,
        *,
        max_length: int,
        validate_args: bool = False,
        allow_nan_stats: bool = True,
        name: str = "ProbabilisticContextFreeGrammar",
    ) -> None:
        parameters = dict(locals())
        owner = "ProbabilisticContextFreeGrammar"
        with tf.name_scope(name) as name:
            root = tf.convert_to_tensor(root_logits, tf.float32)
            rules = tf.convert_to_tensor(rule_logits, tf.float32)
            emissions = tf.convert_to_tensor(emission_logits, tf.float32)
            self._batch = _rows(owner, root, rules, emissions)
            # A rule gives two symbols at once: one distribution over pairs.
            pairs = tf.reshape(rules, tf.concat([tf.shape(rules)[:-2], [-1]], axis=0))
            log_potentials = ProbabilisticContextFreeGrammarPotentials(
                tf.nn.log_softmax(root),
                tf.reshape(tf.nn.log_softmax(pairs), tf.shape(rules)),
                written(emissions, PAD, START, END),
            )
            super().__init__(
                log_potentials,
                max_length=max_length,
                parameters=parameters,
                validate_args=validate_args,
                allow_nan_stats=allow_nan_stats,
                name=name,
            )

    def _batch_shape(self) -> tf.TensorShape:
        return tf.TensorShape(self._batch)

    def _batch_shape_tensor(self, **parameters: Any) -> tf.Tensor:
        for part, rank in zip(self._log_potentials, _RANKS, strict=True):
            if part.shape.rank > rank:
                return tf.shape(part)[:1]
        return tf.zeros([0], tf.int32)

    def _log_prob(self, x: tf.Tensor) -> tf.Tensor:
        if not self._batch or x.shape.rank == 2:
            return super()._log_prob(x)
        rows = tf.concat([self.batch_shape_tensor(), tf.shape(x)[-1:]], axis=0)
        if x.shape.rank == 1:
            return super()._log_prob(tf.broadcast_to(x, rows))
        draws = tf.reshape(x, tf.concat([[-1], rows], axis=0))  # [S, B, T]
        log_prob = tf.map_fn(super()._log_prob, draws, fn_output_signature=tf.float32)
        return tf.reshape(log_prob, tf.shape(x)[:-1])

    def _posterior(self, x: tf.Tensor) -> GrammarTree:
        root, rules, emissions = self._log_potentials
        read = (x != PAD) & (x != END) & ~ended_before(x)  # [B, T]
        lengths = tf.reduce_sum(tf.cast(read, tf.int32), axis=-1)
        if emissions.shape.rank == 2:
            words = tf.gather(tf.transpose(emissions), x)  # [B, T, P]
        else:
            words = tf.transpose(tf.gather(emissions, x, axis=2, batch_dims=1), [0, 2, 1])
        ends = tf.reduce_any((x == END) & ~ended_before(x), axis=-1)
        after = tf.reduce_any((x != PAD) & ended_before(x), axis=-1)
        possible = (ends & ~after & (lengths > 0))[:, tf.newaxis, tf.newaxis]
        words = tf.where(read[..., tf.newaxis], words, 0.0)
        words = tf.where(possible, words, -float("inf"))
        return GrammarTree(root, rules, words, lengths=tf.maximum(lengths, 1))

    def _sample_n(self, n: tf.Tensor, seed: Any = None) -> tf.Tensor:
        root, rules, emissions = (
            part if part.shape.rank > rank else part[tf.newaxis]
            for part, rank in zip(self._log_potentials, _RANKS, strict=True)
        )
        batch = self.batch_shape_tensor()
        rows = tf.reduce_prod(batch)
        root = tf.broadcast_to(root, [rows, tf.shape(root)[1]])
        rules = tf.broadcast_to(rules, tf.concat([[rows], tf.shape(rules)[1:]], axis=0))
        seeds = tf.random.split(sanitized(seed), 2)
        longest = self._max_length - 1
        preterminals, whole = draw_preterminals(root, rules, n * rows, longest, seeds[0])
        row = tf.range(n * rows) % tf.shape(emissions)[0]
        logits = tf.reshape(emissions, [-1, tf.shape(emissions)[2]])  # [B P, V]
        states = row[:, tf.newaxis] * tf.shape(emissions)[1] + preterminals - tf.shape(root)[1]

        def write(numbered: tuple[tf.Tensor, tf.Tensor]) -> tf.Tensor:  # [n] -> [n]
            time, state = numbered
            fold = tf.random.fold_in(seeds[1], time)
            of_state = tf.gather(logits, tf.maximum(state, 0))
            return tf.random.stateless_categorical(of_state, 1, fold, dtype=tf.int32)[:, 0]

        # One column at a time: log-probabilities of every word at every place would be large.
        columns = tf.map_fn(
            write, (tf.range(longest), tf.transpose(states)), fn_output_signature=tf.int32
        )  # [T - 1, n]
        lengths = tf.reduce_sum(tf.cast(preterminals > 0, tf.int32), axis=1, keepdims=True)
        place = tf.range(longest + 1)
        words = tf.pad(tf.transpose(columns), [[0, 0], [0, 1]])
        token_ids = tf.where(place < lengths, words, tf.where(place == lengths, END, PAD))
        token_ids = tf.where(whole[:, tf.newaxis], token_ids, PAD)
        return tf.reshape(token_ids, tf.concat([[n], batch, [longest + 1]], axis=0))


_RANKS = (1, 3, 2)  # Of the potentials of one grammar.


def _rows(owner: str, root: tf.Tensor, rules: tf.Tensor, emissions: tf.Tensor) -> list[int | None]:
    """The batch shape, [] or [B]; raises unless the shapes fit."""
    named = {"root_logits": root, "rule_logits": rules, "emission_logits": emissions}
    axes = dict(zip(named, ("[A]", "[A, A + P, A + P]", "[P, V]"), strict=True))
    batch: list[int | None] = []
    for (argument, part), rank in zip(named.items(), _RANKS, strict=True):
        if part.shape.rank != rank + 1:
            require_rank(owner, argument, part, axes[argument])
        else:
            axes[argument] = "[B, " + axes[argument][1:]
            batch = batch if batch and batch[0] is not None else [part.shape[0]]
    count, preterminals = root.shape[-1], emissions.shape[-2:][0]
    symbols = None if None in (count, preterminals) else count + preterminals
    wanted: dict[str, tuple[Any, ...]] = {
        "root_logits": (count,),
        "rule_logits": (count, symbols, symbols),
        "emission_logits": (preterminals, None),
    }
    for argument, part in named.items():
        leading = batch if axes[argument].startswith("[B") else []
        sizes = (*leading, *wanted[argument])
        require_sizes(owner, argument, part, axes[argument], sizes)
    return batch
