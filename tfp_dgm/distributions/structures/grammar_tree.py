"""Parse trees of a grammar in Chomsky normal form."""

from typing import Any, NamedTuple

import tensorflow as tf
import tensorflow_probability as tfp

from tfp_dgm.distributions.structures.bracketings import is_binary, spans_within
from tfp_dgm.distributions.structures.charts import by_width
from tfp_dgm.distributions.structures.checks import as_lengths, require_rank, require_sizes
from tfp_dgm.distributions.structures.constituency_tree import ConstituencyTree
from tfp_dgm.distributions.structures.grammar_products import inside_by_products
from tfp_dgm.distributions.structures.grammar_sums import GrammarInputs, inside_by_sums
from tfp_dgm.distributions.structures.recursive_structure import RecursiveStructure
from tfp_dgm.distributions.structures.semirings import NEVER, Log, Semiring, finite
from tfp_dgm.distributions.structures.sizes import size_of


class GrammarTreeParts(NamedTuple):
    """Potentials of a parse tree; or marginals, of rules how often each is expected to be used.

    Attributes:
      root: [B or 1, A], of the nonterminal of the whole.
      rules: [B or 1, A, A + P, A + P], from a nonterminal to the symbols of its halves.
      words: [B, T, P], of the preterminals of words.
      spans: [B, T, T, A + P], of the span from a word (first axis) to another, both inclusive,
        under a symbol.
    """

    root: tf.Tensor
    rules: tf.Tensor
    words: tf.Tensor
    spans: tf.Tensor


class GrammarTree(RecursiveStructure):
    """A binary tree over words, whose symbols depend on each other by the rules of a grammar.

        score(z) = root[z_1n] + sum of rules[z_ij, z_ik, z_k+1,j] over constituents of two words or
                   more, + sum_t words[t, z_tt] + sum of spans[i, j, z_ij] over all constituents

    There are A + P symbols: A nonterminals 0 .. A - 1, of two words or more, and P preterminals
    A .. A + P - 1, of single words. A single word is no tree, as no rule gives it: a row of length
    1 is impossible. An event is int32 [T, T], the symbol of the span from word i to word j, or -1
    where that is no constituent. What is no such tree has probability 0. Products and sums of
    exponentials being meant:

        inside(i, j, a) =
            spans(i, j, a) sum_bc rules(a, b, c) sum_k inside(i, k, b) inside(k + 1, j, c)

    and Z = sum_a root(a) inside(0, length - 1, a), by products of matrices in
    O(T^3 A^2 + T^2 A^3 + T P A (A + P)) a row. Of the symbols of one span, those 700 nats below the
    largest are taken for impossible. Modes and draws are sum by sum, which takes several times as
    long and, of one span, memory for all rules of two nonterminals.

    Lari and Young, "The estimation of stochastic context-free grammars using the inside-outside
    algorithm" (1990); the two kinds of symbols as in Kim, Dyer and Rush, "Compound probabilistic
    context-free grammars for grammar induction" (2019).

    Args:
      root: [A] or [B or 1, A].
      rules: [A, A + P, A + P] or [B or 1, A, A + P, A + P]; rows may have a grammar each.
      words: [B, T, P].
      spans: [B, T, T, A + P]; 0 by default. Those that end before they begin, nonterminals of
        single words and preterminals of longer spans are never read.
      lengths: int [B], 1 to T; T by default.
    Raises:
      ValueError: if shapes do not fit each other, or lengths are below 1 or beyond T.
    """

    told_by = "spans"

    def __init__(
        self,
        root: Any,
        rules: Any,
        words: Any,
        spans: Any = None,
        *,
        lengths: Any = None,
        validate_args: bool = False,
        allow_nan_stats: bool = True,
        name: str = "GrammarTree",
    ) -> None:
        parameters = dict(locals())
        owner = "GrammarTree"
        with tf.name_scope(name) as name:
            words = tf.convert_to_tensor(words, name="words")
            require_rank(owner, "words", words, "[B, T, P]")
            root, rules = (
                tf.convert_to_tensor(part, words.dtype, name=argument)
                for argument, part in (("root", root), ("rules", rules))
            )
            root = root[tf.newaxis] if root.shape.rank == 1 else root
            rules = rules[tf.newaxis] if rules.shape.rank == 3 else rules
            rows, steps, preterminals = words.shape
            require_sizes(owner, "root", root, "[B or 1, A]", ((rows, 1), None))
            count = root.shape[1]
            symbols = None if None in (count, preterminals) else count + preterminals
            sizes: tuple[Any, ...] = ((rows, 1), count, symbols, symbols)
            require_sizes(owner, "rules", rules, "[B or 1, A, A + P, A + P]", sizes)
            if spans is None:
                shape = tf.shape(words)
                spans = tf.zeros([shape[0], shape[1], shape[1], tf.shape(rules)[2]], words.dtype)
                spans = tf.ensure_shape(spans, [rows, steps, steps, symbols])
            spans = tf.convert_to_tensor(spans, words.dtype, name="spans")
            sizes = (rows, steps, steps, symbols)
            require_sizes(owner, "spans", spans, "[B, T, T, A + P]", sizes)
            super().__init__(
                GrammarTreeParts(root, rules, words, spans),
                as_lengths(owner, lengths, words),
                parameters=parameters,
                validate_args=validate_args,
                allow_nan_stats=allow_nan_stats,
                name=name,
            )

    @classmethod
    def _parameter_properties(cls, dtype: Any, num_classes: int | None = None) -> dict[str, Any]:
        return {"words": tfp.util.ParameterProperties(event_ndims=2)}

    def _event_shape(self) -> tf.TensorShape:
        return self._potentials.spans.shape[1:3]

    def _event_shape_tensor(self) -> tf.Tensor:
        return tf.shape(self._potentials.spans)[1:3]

    def span_probabilities(self) -> tf.Tensor:
        """Of the span from a word (first axis) to another, whatever its symbol, [B, T, T]."""
        return tf.reduce_sum(self.marginals().spans, axis=-1)

    def minimum_bayes_risk(self, span_probabilities: tf.Tensor | None = None) -> tf.Tensor:
        """The brackets of which most are expected to be right, int32 [B, T, T]: 0, or -1 for none.

        The tree of the largest sum of probabilities of its spans, whatever their symbols (Goodman,
        "Parsing algorithms and metrics", 1996); it has a better F1 than that of the mode.

        Args:
          span_probabilities: where they are known already.
        """
        if span_probabilities is None:
            span_probabilities = self.span_probabilities()
        spans = span_probabilities[..., tf.newaxis]
        return ConstituencyTree(spans, lengths=self._lengths).mode()

    def _read(self, potentials: GrammarTreeParts, lengths: tf.Tensor) -> GrammarTreeParts:
        root, rules, words, spans = potentials
        steps = tf.shape(words)[1]
        single = tf.eye(steps, dtype=tf.bool)[..., tf.newaxis]  # [T, T, 1]
        preterminal = tf.range(tf.shape(spans)[3]) >= tf.shape(root)[1]
        read = spans_within(lengths, steps)[..., tf.newaxis] & (single == preterminal)
        return GrammarTreeParts(
            finite(root),
            finite(rules),
            finite(words, tf.sequence_mask(lengths, steps)),
            tf.where(read, finite(spans), NEVER),
        )

    def _inside(self, parts: GrammarTreeParts, lengths: tf.Tensor, semiring: Semiring) -> tf.Tensor:
        root, rules, words, spans = parts
        count = size_of(root, 1)
        single = tf.linalg.diag_part(tf.transpose(spans[..., count:], [0, 3, 1, 2]))  # [B, P, T]
        within = tf.sequence_mask(lengths, tf.shape(words)[1])[..., tf.newaxis]
        words += tf.where(within, tf.transpose(single, [0, 2, 1]), 0.0)
        wide = by_width(tf.transpose(spans[..., :count], [3, 1, 2, 0]))  # [A, W, T, B]
        inputs = GrammarInputs(
            tf.transpose(root),
            tf.transpose(rules, [1, 2, 3, 0]),
            tf.transpose(words, [2, 1, 0]),
            tf.transpose(wide, [1, 0, 2, 3]),
        )
        if isinstance(semiring, Log):
            return inside_by_products(inputs, lengths)[tf.newaxis]
        return inside_by_sums(inputs, lengths, semiring)

    def _event(self, chosen: tf.Tensor, lengths: tf.Tensor) -> tf.Tensor:
        symbols = tf.argmax(chosen, axis=-1, output_type=tf.int32)
        return tf.where(tf.reduce_any(chosen > 0, axis=-1), symbols, -1)

    def _score(self, event: tf.Tensor) -> tf.Tensor:
        root, rules, words, spans = self._finite
        steps, symbols, count = tf.shape(words)[1], tf.shape(spans)[3], tf.shape(root)[1]
        present = spans_within(self._lengths, steps) & (event != -1)  # [..., B, T, T]
        single = tf.eye(steps, dtype=tf.bool)
        known = tf.where(single, event >= count, (event >= 0) & (event < count)) & (event < symbols)
        tree = tf.reduce_all(known | ~present, axis=[-2, -1]) & is_binary(present, self._lengths)
        present &= tree[..., tf.newaxis, tf.newaxis]
        symbol = tf.where(present, event, 0)
        left, right = _halves(present, symbol)
        row = tf.range(tf.shape(spans)[0])  # [B]
        cell = tf.reshape(tf.range(tf.size(spans) // symbols), tf.shape(spans)[:3])
        of_spans = tf.gather(tf.reshape(spans, [-1]), cell * symbols + symbol)
        rule = (row % tf.shape(rules)[0])[:, tf.newaxis, tf.newaxis] * count
        rule = tf.where(single, 0, ((rule + symbol) * symbols + left) * symbols + right)
        of_rules = tf.where(single, 0.0, tf.gather(tf.reshape(rules, [-1]), rule))
        score = tf.reduce_sum(tf.where(present, of_spans + of_rules, 0.0), axis=[-2, -1])
        whole = tf.one_hot(self._lengths - 1, steps, dtype=tf.int32)  # [B, T]
        top = tf.reduce_sum(symbol[..., 0, :] * whole, axis=-1)  # [..., B]
        wide = tree & (self._lengths > 1)
        top = (row % tf.shape(root)[0]) * count + tf.where(wide, top, 0)
        score += tf.gather(tf.reshape(root, [-1]), top)
        tag = tf.maximum(tf.linalg.diag_part(symbol) - count, 0)  # [..., B, T]
        place = row[:, tf.newaxis] * steps + tf.range(steps)
        of_words = tf.gather(tf.reshape(words, [-1]), place * (symbols - count) + tag)
        score += tf.reduce_sum(tf.where(tf.linalg.diag_part(present), of_words, 0.0), axis=-1)
        return tf.where(wide, score, NEVER)


def _halves(present: tf.Tensor, symbol: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """The symbols of the left and the right half of each span of trees, int32 [..., B, T, T]."""
    exists, symbol = tf.cast(present, tf.float32), tf.cast(symbol, tf.float32)

    def later(spans: tf.Tensor) -> tf.Tensor:  # That begin one word later.
        return tf.concat([spans[..., 1:, :], tf.zeros_like(spans[..., :1, :])], axis=-2)

    # A span of a tree is parted in one place, so that each sum has one term.
    left, right = tf.matmul(symbol, later(exists)), tf.matmul(exists, later(symbol))
    return tf.cast(tf.round(left), tf.int32), tf.cast(tf.round(right), tf.int32)
