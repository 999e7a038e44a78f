"""Random numbers that depend on a row's own seed and a counter, and on nothing else."""

import math
from collections.abc import Sequence

import tensorflow as tf

_ROTATIONS = ((13, 15, 26, 6), (17, 29, 16, 24))
_PARITY = 0x1BD11BDA
# Giles's erfinv(x) / x, highest power first.
_CENTRE = (
    *(2.81022636e-08, 3.43273939e-07, -3.5233877e-06, -4.39150654e-06, 0.00021858087),
    *(-0.00125372503, -0.00417768164, 0.246640727, 1.50140941),
)
_TAIL = (
    *(-0.000200214257, 0.000100950558, 0.00134934322, -0.00367342844, 0.00573950773),
    *(-0.0076224613, 0.00943887047, 1.00167406, 2.83297682),
)


def uniform(seeds: tf.Tensor, counter: int | tf.Tensor, shape: Sequence[int]) -> tf.Tensor:
    """Uniform numbers in the open interval (0, 1): a pure function of seed, counter and place.

    The same seed gives the same numbers in whatever batch the row stands, and bit for bit the same
    eagerly, in a graph and under XLA, which no sampler of TensorFlow or TFP promises. The bits are
    those of Threefry-2x32 with 20 rounds [1]; the upper 23 of a word give the odd multiple

        u = (2 (word >> 9) + 1) / 2^24

    which is exact in float32 and never 0 or 1. A number's place in `shape` alone tells which word
    it takes: a longer row begins with the numbers of a shorter one.

    Args:
      seeds: int32 [B, 2]; one seed a row.
      counter: int or int32, scalar or [B]; tells one draw of a row from its next, such as the step
        of a decoder.
      shape: static sizes of one row's draw.
    Returns:
      float32 [B, *shape].
    Raises:
      ValueError: if `seeds` is not int32 [B, 2].
    References:
      [1] Salmon et al. Parallel Random Numbers: As Easy as 1, 2, 3. SC 2011.
    """
    bits = random_bits(seeds, counter, shape)
    mantissa = tf.bitwise.bitwise_or(
        tf.bitwise.right_shift(bits, tf.constant(9, tf.uint32)),
        tf.constant(0x3F800000, tf.uint32),
    )
    return tf.bitcast(mantissa, tf.float32) - (1 - 2**-24)  # [1, 2) -> (0, 1), without rounding.


def gumbel(seeds: tf.Tensor, counter: int | tf.Tensor, shape: Sequence[int]) -> tf.Tensor:
    """Standard Gumbel numbers -log(-log(u)); the largest of logits + gumbel is a categorical draw.

    Arguments and result as for `uniform`. The logarithm's last bit may differ between eager, graph
    and XLA (relative difference below 1e-6).
    """
    return -tf.math.log(-tf.math.log(uniform(seeds, counter, shape)))


def normal(seeds: tf.Tensor, counter: int | tf.Tensor, shape: Sequence[int]) -> tf.Tensor:
    """Standard normal numbers, the inverse distribution function of u.

        sqrt(2) erfinv(x),    x = 2 u - 1,    w = -log(1 - x^2) = -log(4 u (1 - u))

    with the two polynomials in w of [1]: `tf.math.ndtri` is another formula in a graph than under
    XLA. Arguments and result as for `uniform`. The last bits may differ between eager, graph and
    XLA (absolute difference below 3e-6); none is beyond 5.5 in absolute value.

    References:
      [1] Giles. Approximating the erfinv function. GPU Computing Gems, 2011, table 5.
    """
    u = uniform(seeds, counter, shape)
    w = -tf.math.log(4 * u * (1 - u))
    centre, tail = _polynomial(_CENTRE, w - 2.5), _polynomial(_TAIL, tf.sqrt(w) - 3)
    return math.sqrt(2) * (2 * u - 1) * tf.where(w < 5, centre, tail)


def _polynomial(coefficients: Sequence[float], x: tf.Tensor) -> tf.Tensor:
    value = tf.fill(tf.shape(x), tf.constant(coefficients[0], x.dtype))
    for coefficient in coefficients[1:]:
        value = coefficient + value * x
    return value


def random_bits(seeds: tf.Tensor, counter: int | tf.Tensor, shape: Sequence[int]) -> tf.Tensor:
    """Words of Threefry-2x32: uint32 [B, *shape]; arguments as for `uniform`.

    Words 2 j and 2 j + 1 of a row are the two that come of the counter (j, `counter`) under the
    row's seed as the key.
    """
    seeds = tf.convert_to_tensor(seeds)
    if seeds.dtype != tf.int32 or seeds.shape.rank != 2 or seeds.shape[1] != 2:
        raise ValueError(f"seeds: expected int32 [B, 2]; received {seeds.dtype.name} {seeds.shape}")
    size = 1
    for length in shape:
        size *= length
    keys = tf.bitcast(seeds, tf.uint32)
    rows = tf.shape(seeds)[0]
    pairs = (size + 1) // 2
    places = tf.range(pairs, dtype=tf.int32)[tf.newaxis]  # [1, pairs]
    counter = tf.reshape(tf.convert_to_tensor(counter, tf.int32), [-1, 1])  # [B or 1, 1]
    first, second = threefry_2x32(
        (keys[:, :1], keys[:, 1:]),
        (
            tf.bitcast(tf.broadcast_to(places, [rows, pairs]), tf.uint32),
            tf.bitcast(tf.broadcast_to(counter, [rows, pairs]), tf.uint32),
        ),
    )  # [B, pairs] each
    words = tf.reshape(tf.stack([first, second], axis=-1), [rows, 2 * pairs])
    return tf.reshape(words[:, :size], [rows, *shape])


def threefry_2x32(
    key: tuple[tf.Tensor, tf.Tensor], counter: tuple[tf.Tensor, tf.Tensor]
) -> tuple[tf.Tensor, tf.Tensor]:
    """Threefry-2x32 with 20 rounds: uint32 tensors that broadcast; two words a counter."""
    third = tf.bitwise.bitwise_xor(
        tf.bitwise.bitwise_xor(key[0], key[1]), tf.constant(_PARITY, tf.uint32)
    )
    keys = (key[0], key[1], third)
    x, y = counter[0] + keys[0], counter[1] + keys[1]
    for group in range(5):
        for rotation in _ROTATIONS[group % 2]:
            x = x + y
            y = tf.bitwise.bitwise_xor(_rotate_left(y, rotation), x)
        x = x + keys[(group + 1) % 3]
        y = y + keys[(group + 2) % 3] + tf.constant(group + 1, tf.uint32)
    return x, y


def _rotate_left(words: tf.Tensor, distance: int) -> tf.Tensor:
    return tf.bitwise.bitwise_or(
        tf.bitwise.left_shift(words, tf.constant(distance, tf.uint32)),
        tf.bitwise.right_shift(words, tf.constant(32 - distance, tf.uint32)),
    )
