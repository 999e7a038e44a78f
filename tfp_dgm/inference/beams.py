"""Likely texts, looked for with a beam."""

from typing import Any

import tensorflow as tf

from tfp_dgm.distributions import TokenSequence
from tfp_dgm.inference.decoding import checked_prefix, forced_token
from tfp_dgm.token_ids import END, PAD, START

# Within the search, where sums and quotients of it must stay finite.
_IMPOSSIBLE = -1e30


def beam_search(
    texts: TokenSequence,
    beam_size: int = 10,
    *,
    length_penalty: float = 0.0,
    prefix: tf.Tensor | None = None,
) -> tuple[tf.Tensor, tf.Tensor]:
    """Keeps K beginnings at each step, the best of those that a word adds to the K before.

    They are ranked by log_prob / ((5 + length) / 6) ** length_penalty [1]; with 0, by their
    log-probability. Finished ones stay in the beam until K others are better. A text that starts
    with less likely words is missed, so that the best found need not be the likeliest of all.

    Args:
      texts: batch shape [B].
      beam_size: K.
      length_penalty: 0 favours short texts, 1 long ones.
      prefix: int32 [B, P], rows filled with PAD; what each text begins with. It counts in the
        log-probability.
    Returns:
      token_ids: int32 [B, K, max_length], the best first. Where there are fewer than K texts, rows
        of PAD alone fill the rest.
      log_prob: float32 [B, K], of the whole texts, in nats; -inf for rows that are none.
    Raises:
      ValueError: if `beam_size` < 1, or the batch shape is not [B].
    References:
      [1] Wu et al. Google's Neural Machine Translation System. 2016. arXiv:1609.08144, eq. 14
    """
    if beam_size < 1:
        raise ValueError(f"beam_search: `beam_size` must be >= 1; received {beam_size}")
    if texts.conditioning.shape.rank != 2:
        raise ValueError(
            f"texts: expected a distribution of batch shape [B]; received {texts.batch_shape}"
        )
    prefix = checked_prefix(texts, prefix)
    size, vocabulary = beam_size, texts.vocabulary_size
    batch = tf.shape(texts.conditioning)[0]
    only_pad = tf.where(tf.range(vocabulary) == PAD, 0.0, _IMPOSSIBLE)  # [V]
    is_word = (tf.range(vocabulary) != PAD) & (tf.range(vocabulary) != START)  # [V]

    def tile(part: tf.Tensor) -> tf.Tensor:
        # Beams stand before the batch, as samples do: conditioning and memory then broadcast.
        return tf.broadcast_to(part, tf.concat([[size], tf.shape(part)], axis=0))  # [K, B, ...]

    def extend(
        time: tf.Tensor,
        rows: tf.Tensor,
        last: tf.Tensor,
        scores: tf.Tensor,
        lengths: tf.Tensor,
        state: Any,
    ) -> tuple[Any, ...]:
        logits, state = texts.step(last, time, state)
        log_probs = tf.where(is_word, tf.nn.log_softmax(logits), _IMPOSSIBLE)  # [K, B, V]
        if prefix is not None:
            token = forced_token(prefix, time, tf.fill([batch], -1))[:, tf.newaxis]  # [B, 1]
            allowed = (token < 0) | (tf.range(vocabulary) == token)  # [B, V]
            log_probs = tf.where(allowed, log_probs, _IMPOSSIBLE)
        over = (last == END) | (last == PAD)  # [K, B]
        log_probs = tf.where(over[..., tf.newaxis], only_pad, log_probs)
        total = scores[..., tf.newaxis] + log_probs
        longer = lengths + tf.cast(~over, tf.int32)  # [K, B]
        ranked = total / _penalty(longer, length_penalty)[..., tf.newaxis]
        best = tf.math.top_k(_beams_last(ranked), size).indices  # [B, K] of K V
        parent = tf.transpose(best // vocabulary)  # [K, B]
        token = tf.transpose(best % vocabulary)
        scores = tf.gather(_beams_last(total), best, batch_dims=1)  # [B, K]
        scores = tf.maximum(tf.transpose(scores), _IMPOSSIBLE)

        def follow(part: tf.Tensor) -> tf.Tensor:
            flat = tf.reshape(part, tf.concat([[size * batch], tf.shape(part)[2:]], axis=0))
            kept = tf.gather(flat, parent * batch + tf.range(batch))
            return tf.ensure_shape(kept, part.shape)

        # The column is written by comparison: its place is no constant.
        here = tf.range(texts.max_length) == time
        rows = tf.where(here, token[..., tf.newaxis], follow(rows))  # [K, B, T]
        state = tf.nest.map_structure(follow, state)
        return time + 1, rows, token, scores, follow(longer), state

    static = texts.conditioning.shape[0]
    rows = tf.fill([size, batch, texts.max_length], PAD)
    first = tf.where(tf.range(size) == 0, 0.0, _IMPOSSIBLE)[:, tf.newaxis]  # [K, 1]
    start = (
        0,
        tf.ensure_shape(rows, [size, static, texts.max_length]),
        tf.ensure_shape(tf.fill([size, batch], START), [size, static]),
        tf.ensure_shape(tf.broadcast_to(first, [size, batch]), [size, static]),
        tf.ensure_shape(tf.zeros([size, batch], tf.int32), [size, static]),
        tf.nest.map_structure(tile, texts.initial_state()),
    )
    _, rows, _, scores, lengths, _ = tf.while_loop(
        lambda *_: True,
        extend,
        start,
        maximum_iterations=texts.max_length,
        parallel_iterations=1,
    )
    missing = scores <= _IMPOSSIBLE / 2  # [K, B]; the beam's places for which there is no text.
    scores = tf.where(missing, -float("inf"), scores)
    rows = tf.where(missing[..., tf.newaxis], PAD, rows)
    rank = tf.transpose(scores / _penalty(lengths, length_penalty))  # [B, K]
    order = tf.argsort(rank, axis=1, direction="DESCENDING", stable=True)
    token_ids = tf.gather(tf.transpose(rows, [1, 0, 2]), order, batch_dims=1)
    return token_ids, tf.gather(tf.transpose(scores), order, batch_dims=1)


def _penalty(lengths: tf.Tensor, exponent: float) -> tf.Tensor:
    return ((5.0 + tf.cast(lengths, tf.float32)) / 6.0) ** exponent


def _beams_last(x: tf.Tensor) -> tf.Tensor:
    """[K, B, V] -> [B, K V]."""
    x = tf.transpose(x, [1, 0, 2])
    return tf.reshape(x, [tf.shape(x)[0], x.shape[1] * x.shape[2]])
