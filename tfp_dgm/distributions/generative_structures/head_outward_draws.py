"""Texts of dependency models, drawn head by head from the root outwards."""

from typing import NamedTuple

import tensorflow as tf

from tfp_dgm.token_ids import PAD

_MOST_TRIES = 1000


class _Draws(NamedTuple):
    """Rows of words in their order in the text, of which one is the head that is at work.

    Attributes:
      texts: int32 [n, L + 1]; PAD behind the words. One of L + 1 words is too long.
      done: bool [n, L + 1], the words whose modifiers are all there.
      head: int32 [n], the place of the head.
      side: int32 [n], on which it is at work, 0 or 1.
      below: int32 [n, 2], how many modifiers it has on each side.
    """

    texts: tf.Tensor
    done: tf.Tensor
    head: tf.Tensor
    side: tf.Tensor
    below: tf.Tensor


def draw_texts(
    root: tf.Tensor,
    attachments: tf.Tensor,
    decisions: tf.Tensor,
    n: tf.Tensor,
    most: int,
    seed: tf.Tensor,
) -> tf.Tensor:
    """n texts of at most so many words: longer ones are drawn again.

    Args:
      root: [V], log-probabilities; see `DependencyModelPotentials`.
      attachments: [V, 2, 1 or 2, V].
      decisions: [V, 2, 2, 2].
      n: int32 [].
      most: L.
      seed: int32 [2].
    Returns:
      int32 [n, L], PAD behind the words.
    Raises:
      InvalidArgumentError: if a row is still too long after 1,000 tries.
    """
    size = root.shape[0]
    rules = tf.repeat(attachments, 2 // attachments.shape[2], axis=2)
    rules = tf.reshape(rules, [-1, size])  # [V * 2 * 2, V]
    decisions = tf.reshape(decisions, [-1, 2])
    place = tf.range(most + 1)

    def ended(draws: _Draws) -> tf.Tensor:  # [n]
        return tf.reduce_all(draws.done | (draws.texts == PAD), axis=-1)

    def too_long(draws: _Draws) -> tf.Tensor:  # [n]
        return draws.texts[:, -1] != PAD

    def begun(seed: tf.Tensor) -> _Draws:
        first = tf.random.stateless_categorical(
            tf.broadcast_to(root, [n, size]), 1, seed, dtype=tf.int32
        )
        return _Draws(
            tf.pad(first, [[0, 0], [0, most]], constant_values=PAD),
            tf.zeros([n, most + 1], tf.bool),
            tf.zeros([n], tf.int32),
            tf.zeros([n], tf.int32),
            tf.zeros([n, 2], tf.int32),
        )

    def decided(draws: _Draws, seed: tf.Tensor) -> _Draws:
        """One decision of each row's head, and the modifier that it takes if it goes on."""
        seeds = tf.random.split(seed, 2)
        word = tf.gather(draws.texts, draws.head, batch_dims=1)
        some = tf.cast(tf.gather(draws.below, draws.side, batch_dims=1) > 0, tf.int32)
        rule = (2 * word + draws.side) * 2 + some
        goes_on, modifier = (
            tf.random.stateless_categorical(tf.gather(table, rule), 1, own, dtype=tf.int32)[:, 0]
            for table, own in zip((decisions, rules), tf.unstack(seeds), strict=True)
        )
        active = ~ended(draws) & ~too_long(draws)
        takes, stops = active & (goes_on == 1), active & (goes_on == 0)
        # Behind those it has already: its own modifiers are at work only when it is done.
        right = draws.side == 1
        at = tf.where(right, draws.head + draws.below[:, 1] + 1, draws.head - draws.below[:, 0])
        inserted = [
            _with_insertion(part, at, value)
            for part, value in ((draws.texts, modifier), (draws.done, tf.zeros_like(takes)))
        ]
        texts, done = (
            tf.where(takes[:, tf.newaxis], new, old)
            for new, old in zip(inserted, (draws.texts, draws.done), strict=True)
        )
        taken = tf.one_hot(draws.side, 2, dtype=tf.int32) * tf.cast(takes, tf.int32)[:, tf.newaxis]
        head = draws.head + tf.cast(takes & ~right, tf.int32)
        finished = stops & right
        done |= finished[:, tf.newaxis] & (place == head[:, tf.newaxis])
        waiting = tf.argmax(~done & (texts != PAD), axis=-1, output_type=tf.int32)
        return _Draws(
            texts,
            done,
            tf.where(finished, waiting, head),
            tf.where(finished, 0, tf.where(stops, 1, draws.side)),
            tf.where(finished[:, tf.newaxis], 0, draws.below + taken),
        )

    def grown(seed: tf.Tensor) -> tf.Tensor:
        """[n, L + 1]; nothing in the last place but where a text is too long."""
        # Of each word two stops and what it was taken by.
        _, draws = tf.while_loop(
            lambda step, draws: tf.reduce_any(~ended(draws) & ~too_long(draws)),
            lambda step, draws: (step + 1, decided(draws, tf.random.fold_in(seed, step))),
            (tf.constant(1), begun(tf.random.fold_in(seed, 0))),
            maximum_iterations=3 * (most + 1),
        )
        return draws.texts

    def again(attempt: tf.Tensor, texts: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Texts that are too long give way to the first of as many new ones that are not."""
        retried = texts[:, -1] != PAD
        fresh = grown(tf.random.fold_in(seed, attempt))
        fitting_first = tf.argsort(tf.cast(fresh[:, -1] != PAD, tf.int32), stable=True)
        rank = tf.cumsum(tf.cast(retried, tf.int32), exclusive=True)
        replaced = tf.gather(fresh, tf.gather(fitting_first, rank))
        return attempt + 1, tf.where(retried[:, tf.newaxis], replaced, texts)

    _, texts = tf.while_loop(
        lambda attempt, texts: tf.reduce_any(texts[:, -1] != PAD),
        again,
        (tf.constant(1), grown(tf.random.fold_in(seed, 0))),
        maximum_iterations=_MOST_TRIES,
    )
    fits = tf.debugging.Assert(
        tf.reduce_all(texts[:, -1] == PAD),
        [f"texts of at most {most} words are drawn too seldom, after {_MOST_TRIES} tries"],
    )
    with tf.control_dependencies([fits]):
        return tf.identity(texts[:, :-1])


def _with_insertion(values: tf.Tensor, at: tf.Tensor, value: tf.Tensor) -> tf.Tensor:
    """Rows [n, L] with one value more at a place, and the last one gone."""
    place, at = tf.range(tf.shape(values)[1]), at[:, tf.newaxis]
    moved = tf.roll(values, 1, axis=1)
    return tf.where(place < at, values, tf.where(place == at, value[:, tf.newaxis], moved))
