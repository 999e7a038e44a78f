"""Batches of images whose pixels are drawn anew each time."""

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from tfp_dgm.data.image_sets import check_probabilities
from tfp_dgm.training.batch_streams import batch_stream


def binarised_batches(
    images: NDArray[np.generic],
    batch_size: int,
    *,
    binarise: bool = True,
    seed: int = 0,
    first_batch: int = 0,
) -> tf.data.Dataset:
    """Shuffled batches without end, each pixel 1 with its value as probability [1].

    Pixels that are 0 or 1 already stay as they are. Order and noise are functions of the seed and
    the batch's number, so that training can be resumed at any batch. What is left over at the end
    of a pass, less than a batch, waits for another pass.

    Args:
      images: [N, ...]; floats from 0 to 1, or bytes from 0 to 255.
      batch_size: B.
      binarise: draw pixels; otherwise batches hold the values themselves.
      seed: of order and noise.
      first_batch: how many batches to leave out.
    Returns:
      A dataset of float32 [B, ...]; `len(images) // batch_size` of them are one pass.
    Raises:
      ValueError: if there are fewer images than one batch takes, or pixels that are no
        probabilities.
    References:
      [1] Salakhutdinov and Murray. On the Quantitative Analysis of Deep Belief Networks. ICML 2008.
    """
    count = len(images) // batch_size
    if count < 1:
        raise ValueError(
            f"binarised_batches: `batch_size` must be at most the number of images, {len(images)}; "
            f"received {batch_size}"
        )
    pixels = tf.constant(images)
    scale = 255.0 if pixels.dtype == tf.uint8 else 1.0
    if pixels.dtype != tf.uint8:
        check_probabilities(images, "binarised_batches: `images`")

    @tf.autograph.experimental.do_not_convert
    def make_pass(number: tf.Tensor) -> tf.data.Dataset:
        first, second = tf.unstack(tf.random.fold_in((seed, 0), tf.cast(number, tf.int32)))
        order = tf.random.experimental.stateless_shuffle(
            tf.range(len(images)), seed=tf.stack([first, second])
        )
        rows = tf.reshape(order[: count * batch_size], [count, batch_size])

        @tf.autograph.experimental.do_not_convert
        def make_batch(index: tf.Tensor, row: tf.Tensor) -> tf.Tensor:
            values = tf.cast(tf.gather(pixels, row), tf.float32) / scale
            if not binarise:
                return values
            noise_seed = tf.stack([first, second + 1 + tf.cast(index, tf.int32)])
            noise = tf.random.stateless_uniform(tf.shape(values), noise_seed)
            return tf.cast(noise < values, tf.float32)

        batches = tf.data.Dataset.from_tensor_slices(rows).enumerate()
        return batches.map(make_batch, num_parallel_calls=tf.data.AUTOTUNE)

    return batch_stream(make_pass, count, first_batch=first_batch)
