"""From an encoded image to pixels, in the graph."""

import tensorflow as tf


def decode_image(content: tf.Tensor, height: int, width: int) -> tf.Tensor:
    """Decodes a JPEG, PNG, BMP or GIF (its first frame) and brings it to one size.

    The image is stretched to the size where its shape is another one; shrinking averages, so that
    fine patterns leave no moire.

    Args:
      content: string []; the encoded image.
      height: H.
      width: W.
    Returns:
      uint8 [H, W, 3].
    Raises:
      tf.errors.InvalidArgumentError: when it runs, if the bytes are no image.
    """
    image = tf.io.decode_image(content, channels=3, expand_animations=False)
    image.set_shape([None, None, 3])
    image = tf.image.resize(image, [height, width], antialias=True)
    return tf.cast(tf.clip_by_value(tf.round(image), 0.0, 255.0), tf.uint8)
