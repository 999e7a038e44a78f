"""Plain text into words within a graph, by the rule of `data.words_of`."""

from typing import NamedTuple

import tensorflow as tf
import tensorflow_text as tf_text

from tfp_dgm.data import word_patterns
from tfp_dgm.text.ragged_rows import rows_of_values


class Words(NamedTuple):
    """The words of B texts, T at most.

    Attributes:
      tokens: strings [B, T], filled with "".
      starts, ends: int32 [B, T]; the characters of each, `text[start:end]`; 0 in the padding.
    """

    tokens: tf.Tensor
    starts: tf.Tensor
    ends: tf.Tensor


def split_words(texts: tf.Tensor) -> Words:
    """Splits texts, strings [B], in UTF-8; what is none becomes the replacement character."""
    texts = tf.strings.unicode_transcode(texts, "UTF-8", "UTF-8", errors="replace")
    patterns = word_patterns()
    words, begins, _ = tf_text.regex_split_with_offsets(
        texts, f"{patterns.word}|{patterns.blank}", patterns.word
    )
    # A word's ending is a word of its own.
    parts, within, _ = tf_text.regex_split_with_offsets(words, patterns.ending, patterns.ending)
    begins = (begins[..., tf.newaxis] + within).merge_dims(1, 2)  # Bytes.
    tokens = parts.merge_dims(1, 2)
    rows = tf.cast(rows_of_values(tokens), tf.int32)
    stops = begins.values + tf.cast(tf.strings.length(tokens.values), begins.dtype)
    starts = _characters_before(texts, rows, begins.values)
    ends = _characters_before(texts, rows, stops)

    def padded(values: tf.Tensor) -> tf.Tensor:
        made = tokens.with_values(values).to_tensor()
        return tf.pad(made, [[0, 0], [0, tf.maximum(1 - tf.shape(made)[1], 0)]])

    filled = tokens.to_tensor("")
    missing = [[0, 0], [0, tf.maximum(1 - tf.shape(filled)[1], 0)]]
    return Words(tf.pad(filled, missing, constant_values=""), padded(starts), padded(ends))


def _characters_before(texts: tf.Tensor, rows: tf.Tensor, places: tf.Tensor) -> tf.Tensor:
    """How many characters of texts[rows[n]] begin before its byte places[n], int32 [N].

    All are looked up in one table, so that long texts take no more than their share.
    """
    offsets = tf.strings.unicode_decode_with_offsets(texts, "UTF-8")[1]  # [B, characters]
    sizes = tf.strings.length(texts)
    begun = tf.cast(tf.cumsum(sizes, exclusive=True), tf.int64)  # Bytes before each text, [B].
    all_offsets = offsets.values + tf.gather(begun, rows_of_values(offsets))
    wanted = tf.gather(begun, rows) + tf.cast(places, tf.int64)
    found = tf.searchsorted(all_offsets, wanted)
    return found - tf.cast(tf.gather(offsets.row_starts(), rows), tf.int32)
