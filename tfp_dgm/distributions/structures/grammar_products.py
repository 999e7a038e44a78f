"""The inside recursion of a grammar as products of matrices."""

from typing import Any

import tensorflow as tf

from tfp_dgm.distributions.structures.charts import Charts, spans_from_first
from tfp_dgm.distributions.structures.grammar_sums import GrammarInputs
from tfp_dgm.distributions.structures.semirings import NEVER
from tfp_dgm.distributions.structures.sizes import size_of


def inside_by_products(inputs: GrammarInputs, lengths: tf.Tensor) -> tf.Tensor:
    """log Z [B] of all trees of each row, as `inside_by_sums` over `Log`.

    Values are kept as multiples, from 0 to 1, of the largest of a span, whose logarithm stands
    beside them: in float64, so that a symbol is lost where it is 700 nats below another one of the
    same span. Scales cancel, so that derivatives treat them as constants.

    Time O(N^3 A^2 + N^2 A^3 + N P A (A + P)) a row.
    """
    dtype = inputs.root.dtype
    root, rules, words, spans = (tf.cast(part, tf.float64) for part in inputs)
    count, places, rows = size_of(root, 0), size_of(words, 1), tf.shape(words)[-1]
    symbols = size_of(rules, 1)
    root, root_scale = _scaled(root, axis=0)  # [A, B or 1], [1, B or 1]
    words, word_scale = _scaled(tf.transpose(words, [2, 1, 0]), axis=-1)  # [B, N, P], [B, N, 1]
    rules, scale = _scaled(tf.transpose(rules, [3, 1, 2, 0]), axis=[1, 2, 3])  # [B or 1, S, S, A]
    scale = scale[..., 0]  # [B or 1, 1, 1]

    def over_words(rules: tf.Tensor) -> tf.Tensor:
        """[B or 1, P, Q, A] -> [B, N, Q, A], summed over the preterminals of each word."""
        others = tf.shape(rules)[2]
        flat = tf.reshape(rules, [tf.shape(rules)[0], symbols - count, others * count])
        summed = _product(words, flat)
        return tf.reshape(summed, [rows, places, others, count])

    left = over_words(rules[:, count:])  # [B, N, S, A]
    left, beside = left[:, :, :count], left[:, :, count:]
    right = over_words(tf.transpose(rules[:, :count, count:], [0, 2, 1, 3]))  # [B, N, A, A]
    two = tf.linalg.matvec(beside, tf.roll(words, -1, axis=1), transpose_a=True)  # [B, N, A]
    both = tf.reshape(rules[:, :count, :count], [tf.shape(rules)[0], count * count, count])

    def step(
        width: tf.Tensor,
        starts: Charts,
        ends: Charts,
        span: tf.Tensor,
        both: tf.Tensor,
        left: tf.Tensor,
        right: tf.Tensor,
        two: tf.Tensor,
        word_scale: tf.Tensor,
    ) -> tuple[Charts, Charts]:
        number = size_of(starts[0], 2)
        first, first_scale = _values_and_scales(starts[0])  # [B, N, U, A], [B, N, U]
        last, last_scale = _values_and_scales(ends[0])
        word_scale = tf.stop_gradient(word_scale[..., 0])
        there = tf.roll(word_scale, -width, axis=1)[:, :number]
        here, next_one = word_scale[:, :number], tf.roll(word_scale, -1, axis=1)[:, :number]
        scales = [
            first_scale + last_scale,
            (here + last_scale[:, :, 0])[..., tf.newaxis],
            (first_scale[:, :, width - 1] + there)[..., tf.newaxis],
            tf.where(width == 1, here + next_one, NEVER)[..., tf.newaxis],
        ]
        scales = tf.concat(scales, axis=-1)  # [B, N, U + 3]
        largest = tf.reduce_max(scales, axis=-1, keepdims=True)
        weights = tf.exp(scales - largest)[..., tf.newaxis]
        pairs = tf.matmul(first, last * weights[:, :, :-3], transpose_a=True)  # [B, N, A, A]
        values = _product(tf.reshape(pairs, [rows, number, count * count]), both)  # [B, N, A]
        values += weights[:, :, -3] * tf.linalg.matvec(
            left[:, :number], last[:, :, 0], transpose_a=True
        )
        values += weights[:, :, -2] * tf.linalg.matvec(
            tf.roll(right, -width, axis=1)[:, :number], first[:, :, width - 1], transpose_a=True
        )
        values += weights[:, :, -1] * two[:, :number]
        span, span_scale = _scaled(tf.transpose(span, [2, 1, 0]), axis=-1)
        values *= span
        top = tf.stop_gradient(tf.reduce_max(values, axis=-1, keepdims=True))
        top = tf.where(top > 0, top, 1.0)
        log_scale = largest + span_scale + scale + tf.math.log(top)
        row = tf.transpose(tf.concat([values / top, log_scale], axis=-1), [2, 1, 0])
        return (row,), (row,)

    none = tf.fill([count + 1, places, rows], tf.constant(NEVER, tf.float64))
    shared = (both, left, right, two, word_scale)
    inside = spans_from_first(step, (none,), (none,), spans, shared)  # [A + 1, W, B]
    whole = tf.range(places)[:, tf.newaxis] == lengths - 1  # [W, B]
    inside = tf.reduce_sum(tf.where(whole, inside, 0), axis=1)  # [A + 1, B]
    possible = inside[-1] > NEVER / 10
    total = tf.reduce_sum(root * inside[:-1], axis=0)
    possible &= total > 0
    log_sum = tf.math.log(tf.where(possible, total, 1.0)) + root_scale[0] + inside[-1]
    return tf.cast(tf.where(possible, log_sum, NEVER), dtype)


def _scaled(logs: tf.Tensor, axis: Any) -> tuple[tf.Tensor, tf.Tensor]:
    """(exp(logs - largest), largest), the largest being a constant."""
    largest = tf.stop_gradient(tf.reduce_max(logs, axis=axis, keepdims=True))
    return tf.exp(logs - largest), largest


def _values_and_scales(chart: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """[A + 1, U, N, B] -> [B, N, U, A], 0 where there is no span yet, and constants [B, N, U]."""
    chart = tf.transpose(chart, [3, 2, 1, 0])
    return tf.nn.relu(chart[..., :-1]), tf.stop_gradient(chart[..., -1])


def _product(values: tf.Tensor, matrices: tf.Tensor) -> tf.Tensor:
    """[B, N, K] by [B or 1, K, L] -> [B, N, L]; by one matrix of all rows, one product."""
    if matrices.shape[0] != 1:
        return tf.matmul(values, matrices)
    flat = tf.matmul(tf.reshape(values, [-1, tf.shape(values)[-1]]), matrices[0])
    return tf.reshape(flat, [*tf.unstack(tf.shape(values)[:2]), tf.shape(flat)[-1]])
