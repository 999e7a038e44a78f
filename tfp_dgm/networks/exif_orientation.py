"""The orientation that a camera noted in a JPEG file, in the graph."""

import tensorflow as tf

_EXIF = b"Exif\0\0"
_START, _APP1, _SCAN = 0xFFD8, 0xFFE1, 0xFFDA
_ORIENTATION = 0x0112
_ENTRY = 12  # Bytes of a directory's entry: tag 2, type 2, count 4, value 4.


def exif_orientation(content: tf.Tensor) -> tf.Tensor:
    """The orientation that the EXIF data of an encoded image note.

    Args:
      content: string []; whatever is no JPEG file with EXIF data has orientation 1, upright.
    Returns:
      int32 [], 1 to 8.
    References:
      [1] CIPA DC-008-2019. Exchangeable image file format for digital still cameras: Exif 2.32,
        sections 4.5 and 4.6.4
    """
    exif = tf.cast(tf.io.decode_raw(_exif_block(content), tf.uint8), tf.int32)
    exif = tf.pad(exif, [[0, 8]])  # Enough for the header, also where there is none.
    big = exif[0] == ord("M")  # "MM": big-endian; "II": little-endian.

    def number(digits: tf.Tensor) -> tf.Tensor:
        """Bytes [..., n] as unsigned numbers [...]."""
        powers = 256 ** tf.range(tf.shape(digits)[-1])
        return tf.reduce_sum(digits * tf.where(big, powers[::-1], powers), axis=-1)

    directory, last = number(exif[4:8]), tf.size(exif) - 2
    directory = tf.where((directory < 0) | (directory > last), last, directory)
    count = number(exif[directory : directory + 2])
    entries = exif[directory + 2 :][: count * _ENTRY]
    entries = tf.reshape(entries[: tf.size(entries) // _ENTRY * _ENTRY], [-1, _ENTRY])
    is_orientation = number(entries[:, :2]) == _ORIENTATION
    found = tf.boolean_mask(number(entries[:, 8:10]), is_orientation)
    orientation = tf.concat([found, [1]], axis=0)[0]
    return tf.where((orientation >= 1) & (orientation <= 8), orientation, 1)


def turned_upright(image: tf.Tensor, orientation: tf.Tensor) -> tf.Tensor:
    """An image [H, W, C] as its orientation says it is to be shown; [W, H, C] for 5 to 8."""
    image = tf.cond(orientation > 4, lambda: tf.transpose(image, [1, 0, 2]), lambda: image)
    columns = tf.where(_among(orientation, [2, 3, 6, 7]), -1, 1)
    rows = tf.where(_among(orientation, [3, 4, 7, 8]), -1, 1)
    return image[::rows, ::columns]


def _among(value: tf.Tensor, values: list[int]) -> tf.Tensor:
    return tf.reduce_any(value == tf.constant(values))


def _exif_block(content: tf.Tensor) -> tf.Tensor:
    """The EXIF data of a JPEG file, which are TIFF: string [], empty where there are none.

    Up to its first scan, a JPEG file is a row of segments, each a marker, its length and its data.
    """
    size = tf.strings.length(content)
    content = tf.strings.join([content, b"\0" * (4 + len(_EXIF))])

    def pair(place: tf.Tensor) -> tf.Tensor:
        digits = tf.io.decode_raw(tf.strings.substr(content, place, 2), tf.uint8)
        return tf.reduce_sum(tf.cast(digits, tf.int32) * [256, 1])

    def is_exif(place: tf.Tensor) -> tf.Tensor:
        head = tf.strings.substr(content, place + 4, len(_EXIF))
        return (pair(place) == _APP1) & (head == _EXIF)

    def is_before(place: tf.Tensor) -> tf.Tensor:
        marker = pair(place)
        return (marker > 0xFF00) & (marker != _SCAN) & ~is_exif(place)

    def following(place: tf.Tensor) -> tf.Tensor:
        fill = pair(place) == 0xFFFF  # Any number of these may stand before a marker.
        return tf.minimum(tf.where(fill, place + 1, place + 2 + pair(place + 2)), size)

    first = tf.where(pair(tf.constant(0)) == _START, tf.minimum(2, size), size)
    (place,) = tf.while_loop(is_before, lambda place: (following(place),), (first,))
    length = tf.where(is_exif(place), pair(place + 2) - 2 - len(_EXIF), 0)
    return tf.strings.substr(content, place + 4 + len(_EXIF), tf.maximum(length, 0))
