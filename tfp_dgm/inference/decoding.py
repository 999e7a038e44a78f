"""Texts out of a distribution over them: the likeliest words, or drawn ones."""

import tensorflow as tf

from tfp_dgm.distributions import TokenSequence
from tfp_dgm.inference.counter_based import gumbel
from tfp_dgm.token_ids import END, PAD, START


def greedy(texts: TokenSequence, *, prefix: tf.Tensor | None = None) -> tf.Tensor:
    """Takes the likeliest token at each step.

    Args:
      texts: batch shape [B].
      prefix: int32 [B, P], rows filled with PAD; the tokens that each text begins with.
    Returns:
      int32 [B, max_length]: tokens, END, PAD.
    """
    return _decode(texts, prefix, None, None, None, None)


def sample_texts(
    texts: TokenSequence,
    seeds: tf.Tensor,
    *,
    temperature: float | tf.Tensor | None = None,
    top_k: int | tf.Tensor | None = None,
    top_p: float | tf.Tensor | None = None,
    prefix: tf.Tensor | None = None,
) -> tf.Tensor:
    """Draws one token after the other, from the whole distribution or from its head.

    A row's text depends on its own seed alone, whatever batch it stands in, and is the same
    eagerly, in a graph and under XLA (but for ties within rounding): see
    `inference.uniform`. Settings may be one for all rows, or [B].

    Args:
      texts: batch shape [B].
      seeds: int32 [B, 2].
      temperature: divides the logits, > 0; below 1 the likely become likelier.
      top_k: only the k likeliest tokens are drawn [1] (and whatever ties with the last).
      top_p: only the smallest set of likeliest tokens that holds this probability is drawn:
        nucleus sampling [2]. After `temperature` and `top_k`.
      prefix: see `greedy`.
    Returns:
      int32 [B, max_length]: tokens, END, PAD.
    References:
      [1] Fan, Lewis and Dauphin. Hierarchical Neural Story Generation. ACL 2018. arXiv:1805.04833
      [2] Holtzman et al. The Curious Case of Neural Text Degeneration. ICLR 2020. arXiv:1904.09751
    """
    return _decode(texts, prefix, seeds, temperature, top_k, top_p)


def keep_head(
    logits: tf.Tensor,
    *,
    top_k: int | tf.Tensor | None = None,
    top_p: float | tf.Tensor | None = None,
) -> tf.Tensor:
    """Sets the logits [B, V] of all but the likeliest tokens to -inf; see `sample_texts`."""
    if top_k is not None:
        ranked = tf.sort(logits, axis=-1, direction="DESCENDING")
        last = tf.clip_by_value(tf.cast(top_k, tf.int32), 1, logits.shape[-1]) - 1
        last = tf.broadcast_to(last, tf.shape(logits)[:-1])[:, tf.newaxis]  # [B, 1]
        logits = tf.where(logits >= tf.gather(ranked, last, batch_dims=1), logits, -float("inf"))
    if top_p is not None:
        ranked = tf.sort(logits, axis=-1, direction="DESCENDING")
        above = tf.cumsum(tf.nn.softmax(ranked), axis=-1, exclusive=True)  # [B, V]
        share = tf.reshape(tf.cast(top_p, tf.float32), [-1, 1])
        # The first token is always kept, whatever the share.
        inside = (above < share) | (tf.range(logits.shape[-1]) == 0)
        least = tf.reduce_min(tf.where(inside, ranked, float("inf")), axis=-1, keepdims=True)
        logits = tf.where(logits >= least, logits, -float("inf"))
    return logits


def forced_token(prefix: tf.Tensor | None, time: tf.Tensor, free: tf.Tensor) -> tf.Tensor:
    """The prefix's token [B] at a time, where it has one; `free` [..., B] elsewhere."""
    if prefix is None:
        return free
    columns = tf.shape(prefix)[1]
    given = tf.gather(prefix, tf.minimum(time, columns - 1), axis=1)  # [B]
    return tf.where((time < columns) & (given != PAD), given, free)


def checked_prefix(texts: TokenSequence, prefix: tf.Tensor | None) -> tf.Tensor | None:
    """A prefix as int32 [B, P], None where it is empty.

    Raises:
      ValueError: if it is longer than the texts, or not [B, P].
    """
    if prefix is None:
        return None
    prefix = tf.cast(tf.convert_to_tensor(prefix), tf.int32)
    if prefix.shape.rank != 2:
        raise ValueError(f"prefix: expected int32 [B, P]; received shape {prefix.shape}")
    if prefix.shape[1] is not None and prefix.shape[1] > texts.max_length:
        raise ValueError(
            f"prefix: expected at most {texts.max_length} tokens, the length of a text; "
            f"received {prefix.shape[1]}"
        )
    return None if prefix.shape[1] == 0 else prefix


def _decode(
    texts: TokenSequence,
    prefix: tf.Tensor | None,
    seeds: tf.Tensor | None,
    temperature: float | tf.Tensor | None,
    top_k: int | tf.Tensor | None,
    top_p: float | tf.Tensor | None,
) -> tf.Tensor:
    _check_one_axis(texts)
    prefix = checked_prefix(texts, prefix)

    def choose(logits: tf.Tensor, time: tf.Tensor) -> tf.Tensor:
        if seeds is None:
            return tf.argmax(logits, axis=-1, output_type=tf.int32)
        if temperature is not None:
            logits = logits / tf.reshape(tf.cast(temperature, tf.float32), [-1, 1])
        logits = keep_head(logits, top_k=top_k, top_p=top_p)
        noisy = logits + gumbel(seeds, time, [texts.vocabulary_size])
        return tf.argmax(noisy, axis=-1, output_type=tf.int32)

    def write(time: tf.Tensor, last: tf.Tensor, rows: tf.TensorArray, state: object) -> tuple:
        logits, state = texts.step(last, time, state)
        token = forced_token(prefix, time, choose(logits, time))
        token = tf.where((last == END) | (last == PAD), PAD, token)
        return time + 1, token, rows.write(time, token), state

    batch = texts.conditioning.shape[0]
    rows = tf.TensorArray(tf.int32, texts.max_length, element_shape=[batch])
    last = tf.fill(tf.shape(texts.conditioning)[:1], START)
    # A static number of steps: XLA compiles it, and no text's end depends on its neighbours.
    _, _, rows, _ = tf.while_loop(
        lambda *_: True,
        write,
        (0, tf.ensure_shape(last, [batch]), rows, texts.initial_state()),
        maximum_iterations=texts.max_length,
        parallel_iterations=1,
    )
    return tf.transpose(rows.stack())  # [B, T]


def _check_one_axis(texts: TokenSequence) -> None:
    if texts.conditioning.shape.rank != 2:
        raise ValueError(
            f"texts: expected a distribution of batch shape [B]; received {texts.batch_shape}"
        )
