"""The inside recursion of a grammar over any semiring, sum by sum."""

from typing import Any, NamedTuple

import tensorflow as tf

from tfp_dgm.distributions.structures.charts import Charts, spans_from_first
from tfp_dgm.distributions.structures.semirings import NEVER, Semiring
from tfp_dgm.distributions.structures.sizes import size_of


class GrammarInputs(NamedTuple):
    """Finite potentials of a grammar, as its recursions read them: A nonterminals, P preterminals.

    Attributes:
      root: [A, B or 1].
      rules: [A, A + P, A + P, B or 1], from a symbol to those of the left and the right half.
      words: [P, N, B].
      spans: [W, A, N, B], of the spans of w + 1 words from a word on.
    """

    root: tf.Tensor
    rules: tf.Tensor
    words: tf.Tensor
    spans: tf.Tensor


def inside_by_sums(inputs: GrammarInputs, lengths: tf.Tensor, semiring: Semiring) -> tf.Tensor:
    """Values [C, B] of all trees of each row.

    Time O(N^3 A^2 + N^2 A^3 + N P A^2) a row. What stands beside a single word is summed once for
    all spans: of a rule with one preterminal, the word says which.
    """
    root, rules, words, spans = inputs
    count, places, rows = size_of(root, 0), size_of(words, 1), tf.shape(words)[2]
    components = semiring.components

    def folded(values: tf.Tensor) -> tf.Tensor:
        """[..., N, B] -> [..., N B]: TensorFlow does not broadcast along many axes."""
        return tf.reshape(values, tf.concat([tf.shape(values)[:-2], [-1]], axis=0))

    def over_places(rules: tf.Tensor, number: Any) -> tf.Tensor:
        """Potentials [..., B or 1] -> [..., N B or 1]."""
        if rules.shape[-1] == 1:
            return rules
        shape = tf.concat([tf.shape(rules)[:-1], [number, rows]], axis=0)
        return folded(tf.broadcast_to(rules[..., tf.newaxis, :], shape))

    def over_words(rules: tf.Tensor, salt: int) -> tf.Tensor:
        """[A, Q, P, B or 1] -> [C, A, Q, N, B], with the preterminals of each word summed out."""
        size = tf.shape(rules)
        flat = tf.reshape(rules, [size[0] * size[1], size[2], size[3]])
        known = folded(semiring.lift(words))[:, tf.newaxis]  # [C, 1, P, N B]
        known = semiring.plus(semiring.with_part(known, over_places(flat, places)), -2, salt)
        return tf.reshape(known, [components, size[0], size[1], places, rows])

    left = over_words(tf.transpose(rules[:, count:, :count], [0, 2, 1, 3]), 0)
    right = over_words(rules[:, :count, count:], 1)
    beside = over_words(tf.transpose(rules[:, count:, count:], [0, 2, 1, 3]), 2)
    after = folded(tf.roll(words, -1, axis=1))  # [P, N B]
    two = semiring.plus(semiring.with_part(folded(beside), after), -2, 3)  # [C, A, N B]
    two = tf.reshape(two, [components, count, places, rows])
    both = tf.reshape(rules[:, :count, :count], [count, count * count, size_of(rules, -1)])

    def step(
        width: tf.Tensor,
        starts: Charts,
        ends: Charts,
        span: tf.Tensor,
        both: tf.Tensor,
        left: tf.Tensor,
        right: tf.Tensor,
        two: tf.Tensor,
    ) -> tuple[Charts, Charts]:
        salt, number = 4 * width, size_of(starts[0], 2)
        first, last = (
            tf.reshape(chart, [components, count, size_of(chart, 1), number * rows])
            for chart in (starts[0], ends[0])
        )  # [C, A, U, N B]
        pairs = semiring.plus(
            semiring.times(first[:, :, tf.newaxis], last[:, tf.newaxis]), -2, salt
        )
        pairs = tf.reshape(pairs, [components, 1, count * count, number * rows])
        left = folded(left[..., :number, :])  # [C, A, A, N B]
        right = folded(tf.roll(right, -width, axis=-2)[..., :number, :])
        alternatives = [
            semiring.plus(semiring.with_part(pairs, over_places(both, number)), -2, salt + 1),
            semiring.plus(semiring.times(left, last[:, tf.newaxis, :, 0]), -2, salt + 2),
            semiring.plus(semiring.times(right, first[:, tf.newaxis, :, width - 1]), -2, salt + 3),
            tf.where(width == 1, folded(two[..., :number, :]), NEVER),
        ]
        row = semiring.plus(tf.stack(alternatives, axis=2), -2, -width)  # [C, A, N B]
        row = semiring.with_part(row, folded(span))
        row = tf.reshape(row, [components * count, number, rows])
        return (row,), (row,)

    none = tf.fill([components * count, places, rows], tf.constant(NEVER, root.dtype))
    inside = spans_from_first(step, (none,), (none,), spans, (both, left, right, two))
    inside = tf.reshape(inside, [components, count, places, rows])
    whole = tf.range(places)[:, tf.newaxis] == lengths - 1  # [W, B]
    inside = tf.reduce_sum(tf.where(whole, inside, 0), axis=2)  # [C, A, B]
    return semiring.plus(semiring.with_part(inside, root), -2, 4 * places)
