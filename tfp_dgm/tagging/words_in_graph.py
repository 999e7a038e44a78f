"""Plain text into words within a graph, by the rule of `data.words_of`."""

from typing import NamedTuple

import tensorflow as tf
import tensorflow_text as tf_text

from tfp_dgm.data import word_patterns


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
    before = tf.strings.substr(
        tf.gather(texts, tokens.value_rowids()), tf.zeros_like(begins.values), begins.values
    )
    starts = tf.strings.length(before, unit="UTF8_CHAR")
    ends = starts + tf.strings.length(tokens.values, unit="UTF8_CHAR")

    def padded(values: tf.Tensor) -> tf.Tensor:
        made = tokens.with_values(values).to_tensor()
        return tf.pad(made, [[0, 0], [0, tf.maximum(1 - tf.shape(made)[1], 0)]])

    filled = tokens.to_tensor("")
    missing = [[0, 0], [0, tf.maximum(1 - tf.shape(filled)[1], 0)]]
    return Words(tf.pad(filled, missing, constant_values=""), padded(starts), padded(ends))
