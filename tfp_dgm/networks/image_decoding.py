"""From an encoded image to pixels, in the graph."""

import tensorflow as tf

from tfp_dgm.networks.exif_orientation import exif_orientation, turned_upright

_PNG = b"\x89PNG\r\n\x1a\n"
_BIT_DEPTH = 24  # The place of its byte in a PNG file.


def decode_image(content: tf.Tensor, height: int, width: int) -> tf.Tensor:
    """Decodes a JPEG, PNG, BMP or GIF (its first frame) and brings it to one size.

    A JPEG is turned as the orientation in its EXIF data says; a PNG is put on white where it is
    transparent (TensorFlow decodes the transparent pixels of a GIF as black). The image is
    stretched to the size where its shape is another one; shrinking averages, so that fine patterns
    leave no moire.

    Args:
      content: string []; the encoded image.
      height: H.
      width: W.
    Returns:
      uint8 [H, W, 3].
    Raises:
      tf.errors.InvalidArgumentError: when it runs, if the bytes are no image.
    """
    is_png = tf.strings.substr(content, 0, len(_PNG)) == _PNG
    image = tf.cond(is_png, lambda: _png_on_white(content), lambda: _opaque(content))
    image = turned_upright(image, exif_orientation(content))
    image.set_shape([None, None, 3])
    image = tf.image.resize(image, [height, width], antialias=True)
    return tf.cast(tf.clip_by_value(tf.round(image), 0.0, 255.0), tf.uint8)


def _opaque(content: tf.Tensor) -> tf.Tensor:
    """Float [H, W, 3]."""
    return tf.cast(tf.io.decode_image(content, channels=3, expand_animations=False), tf.float32)


def _png_on_white(content: tf.Tensor) -> tf.Tensor:
    """Float [H, W, 3]."""
    image = tf.cast(tf.io.decode_png(content, channels=4), tf.float32)
    colours, alpha = image[..., :3], image[..., 3:]
    # To an opaque image, TensorFlow adds an alpha of 1, 3 or 15 where a pixel has so few bits.
    depth = tf.io.decode_raw(tf.strings.substr(content, _BIT_DEPTH, 1), tf.uint8)[0]
    filler = tf.cast(2 ** tf.cast(depth, tf.int32) - 1, tf.float32)
    opacity = tf.where(tf.reduce_all(alpha == filler), 1.0, alpha / 255.0)
    return colours * opacity + 255.0 * (1.0 - opacity)
