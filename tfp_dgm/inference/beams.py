"""Likely texts, looked for with a beam."""

import functools
from typing import Any

import tensorflow as tf

from tfp_dgm.distributions import TokenSequence
from tfp_dgm.inference.decoding import checked_prefix, forced_token
from tfp_dgm.token_ids import END, PAD, START

# Within the search, where sums and quotients of it must stay finite.
_IMPOSSIBLE = -1e30
# Nats that no two words lie apart, and that are far from impossible.
_FORBIDDING = 1e6


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
    token_ids, scores, _ = _search(texts, beam_size, 1, 0.0, length_penalty, prefix)
    return token_ids[:, 0], scores[:, 0]


def diverse_beam_search(
    texts: TokenSequence,
    num_groups: int,
    beam_size: int | None = None,
    *,
    diversity: float = 0.5,
    length_penalty: float = 0.0,
) -> tuple[tf.Tensor, tf.Tensor]:
    """Beams that avoid each other's words, and the best text of each: diverse beam search [1].

    Groups of a beam choose one after the other. A word is worth less, by `diversity` for each
    beginning of an earlier group that goes on with it at the same place, while a group chooses by
    it; what it has chosen is ranked by its log-probability alone. Several groups may find one text.

    Args:
      texts: batch shape [B].
      num_groups: G.
      beam_size: of all groups together, a multiple of G; G where None.
      diversity: nats; with 0 all groups are alike.
      length_penalty: see `beam_search`.
    Returns:
      token_ids: int32 [B, G, max_length], the best first.
      log_prob: float32 [B, G], in nats.
    Raises:
      ValueError: if G < 1, the beam is no multiple of it, `diversity` < 0, or the batch shape is
        not [B].
    References:
      [1] Vijayakumar et al. Diverse Beam Search for Improved Description of Complex Scenes. AAAI
        2018. arXiv:1610.02424
    """
    beam_size = num_groups if beam_size is None else beam_size
    if num_groups < 1 or beam_size < 1 or beam_size % num_groups:
        raise ValueError(
            "diverse_beam_search: `beam_size` must be a multiple of `num_groups`, which is at "
            f"least 1; received {beam_size} and {num_groups}"
        )
    if not 0 <= diversity < float("inf"):
        raise ValueError(
            f"diverse_beam_search: `diversity` must be a number of at least 0; received {diversity}"
        )
    token_ids, scores, rank = _search(
        texts, beam_size, num_groups, diversity, length_penalty, prefix=None
    )
    order = tf.argsort(rank[:, :, 0], axis=1, direction="DESCENDING", stable=True)  # [B, G]
    best = tf.gather(token_ids[:, :, 0], order, batch_dims=1)
    return best, tf.gather(scores[:, :, 0], order, batch_dims=1)


def _search(
    texts: TokenSequence,
    size: int,
    groups: int,
    diversity: float,
    length_penalty: float,
    prefix: tf.Tensor | None,
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Beams of G groups, K = G S in all, the best of each group first.

    Returns:
      token_ids: int32 [B, G, S, T].
      log_prob: float32 [B, G, S].
      rank: float32 [B, G, S]; the same with the length's penalty.
    """
    if texts.conditioning.shape.rank != 2:
        raise ValueError(
            f"texts: expected a distribution of batch shape [B]; received {texts.batch_shape}"
        )
    prefix = checked_prefix(texts, prefix)
    own, vocabulary = size // groups, texts.vocabulary_size
    batch = tf.shape(texts.conditioning)[0]
    only_pad = tf.where(tf.range(vocabulary) == PAD, 0.0, _IMPOSSIBLE)  # [V]
    is_word = (tf.range(vocabulary) != PAD) & (tf.range(vocabulary) != START)  # [V]
    words = tf.cast(is_word, tf.float32)

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
        parents, tokens, kept_scores = [], [], []
        said = 0.0  # Of groups before, how many beginnings go on with a word: [B, V].
        for group in range(groups):
            here = slice(group * own, (group + 1) * own)
            worth = ranked[here]
            if group:
                worth -= min(diversity, _FORBIDDING) * said
            best = tf.math.top_k(_beams_last(worth), own).indices  # [B, S] of S V
            parents.append(here.start + tf.transpose(best // vocabulary))  # [S, B]
            tokens.append(tf.transpose(best % vocabulary))
            kept_scores.append(
                tf.transpose(tf.gather(_beams_last(total[here]), best, batch_dims=1))
            )
            if group + 1 < groups:
                said += tf.reduce_sum(tf.one_hot(tokens[-1], vocabulary) * words, axis=0)
        parent, token = tf.concat(parents, axis=0), tf.concat(tokens, axis=0)  # [K, B]
        scores = tf.maximum(tf.concat(kept_scores, axis=0), _IMPOSSIBLE)

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
    first = tf.where(tf.range(size) % own == 0, 0.0, _IMPOSSIBLE)[:, tf.newaxis]  # [K, 1]
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
    rank = _by_group(scores / _penalty(lengths, length_penalty), groups)  # [B, G, S]
    order = tf.argsort(rank, axis=2, direction="DESCENDING", stable=True)
    sort = functools.partial(tf.gather, indices=order, batch_dims=2)
    return sort(_by_group(rows, groups)), sort(_by_group(scores, groups)), sort(rank)


def _by_group(x: tf.Tensor, groups: int) -> tf.Tensor:
    """[K, B, ...] -> [B, G, S, ...]."""
    apart = tf.reshape(x, tf.concat([[groups, -1], tf.shape(x)[1:]], axis=0))  # [G, S, B, ...]
    return tf.transpose(apart, [2, 0, 1, *range(3, x.shape.rank + 1)])


def _penalty(lengths: tf.Tensor, exponent: float) -> tf.Tensor:
    return ((5.0 + tf.cast(lengths, tf.float32)) / 6.0) ** exponent


def _beams_last(x: tf.Tensor) -> tf.Tensor:
    """[K, B, V] -> [B, K V]."""
    x = tf.transpose(x, [1, 0, 2])
    return tf.reshape(x, [tf.shape(x)[0], x.shape[1] * x.shape[2]])
