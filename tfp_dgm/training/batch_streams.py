"""Batches without end, from any place in them."""

from collections.abc import Callable

import tensorflow as tf


def batch_stream(
    make_pass: Callable[[tf.Tensor], tf.data.Dataset],
    batches_per_pass: int,
    *,
    first_batch: int = 0,
) -> tf.data.Dataset:
    """One pass over the data after the other, as one endless dataset that can start anywhere.

    Shuffling in `fit` or by a `tf.data` pipeline of its own cannot be taken up in the middle: its
    order follows from how often it has been iterated. Here the order of a pass is a function of the
    pass's number, as in this one of `count` rows

        def make_pass(number):
            return rows.shuffle(count, seed=number, reshuffle_each_iteration=False).batch(32)

    An epoch of `fit` is then any number of these batches:

        resume = ResumeTraining(folder)
        data = batch_stream(make_pass, n, first_batch=resume.epoch * steps)
        model.fit(data, steps_per_epoch=steps, epochs=..., initial_epoch=resume.epoch, ...)

    Args:
      make_pass: number of the pass (int64 []) -> its batches, always as many.
      batches_per_pass: how many.
      first_batch: how many batches to leave out, those of earlier passes included.
    Raises:
      ValueError: if a number is out of its range.
    """
    if batches_per_pass < 1 or first_batch < 0:
        raise ValueError(
            "batch_stream: needs `batches_per_pass` >= 1 and `first_batch` >= 0; received "
            f"{batches_per_pass} and {first_batch}"
        )
    number, done = divmod(first_batch, batches_per_pass)
    passes = tf.data.Dataset.counter(number).flat_map(make_pass)
    return passes.skip(done).prefetch(tf.data.AUTOTUNE)
