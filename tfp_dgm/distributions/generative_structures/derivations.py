"""Derivations of a grammar, drawn from the root down and from left to right."""

from typing import Any

import tensorflow as tf


def draw_preterminals(
    root: tf.Tensor, rules: tf.Tensor, n: tf.Tensor, longest: int, seed: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    """The preterminals of n trees, of which those of more than `longest` words are given up.

    Args:
      root: [R, A], log-probabilities; draw i is of row i % R.
      rules: [R, A, S, S], log-probabilities of a left and a right symbol together.
      n: int32 [].
      longest: words.
      seed: int32 [2].
    Returns:
      preterminals: int32 [n, longest], as symbols A .. S - 1; 0 behind the last.
      whole: bool [n], whether the tree ended within so many words.
    """
    rows, count, symbols = tf.shape(rules)[0], tf.shape(rules)[1], tf.shape(rules)[2]
    # A left symbol, and then a right one: S logits each, and not S^2.
    of_left = tf.reduce_logsumexp(rules, axis=-1)  # [R, A, S]
    of_right = tf.reshape(rules, [-1, symbols])  # [R A S, S]
    of_left = tf.reshape(of_left, [-1, symbols])  # [R A, S]
    row = tf.range(n) % rows
    room = tf.range(longest)

    def draw(logits: tf.Tensor, salt: Any) -> tf.Tensor:
        fold = tf.random.fold_in(seed, salt)
        return tf.random.stateless_categorical(logits, 1, fold, dtype=tf.int32)[:, 0]

    def put(values: tf.Tensor, place: tf.Tensor, symbol: tf.Tensor, where: tf.Tensor) -> tf.Tensor:
        at = (room == place[:, tf.newaxis]) & where[:, tf.newaxis]
        return tf.where(at, symbol[:, tf.newaxis], values)

    def step(
        time: tf.Tensor,
        stack: tf.Tensor,  # [n, longest], of symbols to be expanded, the next one last.
        depth: tf.Tensor,  # [n], how many there are.
        written: tf.Tensor,
        number: tf.Tensor,  # [n], of what is written.
    ) -> Any:
        top = tf.reduce_sum(tf.where(room == depth[:, tf.newaxis] - 1, stack, 0), axis=1)
        going = (depth > 0) & (number + depth <= longest)
        expand, write = going & (top < count), going & (top >= count)
        written = put(written, number, top, write)
        parent = row * count + tf.where(expand, top, 0)
        left = draw(tf.gather(of_left, parent), 2 * time + 1)
        right = draw(tf.gather(of_right, parent * symbols + left), 2 * time + 2)
        stack = put(put(stack, depth - 1, right, expand), depth, left, expand)
        depth += tf.cast(expand, tf.int32) - tf.cast(write, tf.int32)
        return time + 1, stack, depth, written, number + tf.cast(write, tf.int32)

    first = draw(tf.gather(root, row), 0)
    empty = tf.zeros([n, longest], tf.int32)
    stack = put(empty, tf.zeros_like(first), first, tf.ones_like(first, tf.bool))
    steps = 2 * longest - 1  # A tree of so many words has so many nodes.
    _, _, depth, written, _ = tf.while_loop(
        lambda time, *_: time < steps,
        step,
        (tf.constant(0), stack, tf.ones_like(first), empty, tf.zeros_like(first)),
        maximum_iterations=steps,
    )
    return written, depth == 0
