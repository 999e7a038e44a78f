"""Words -> features of their form, inside the graph."""

from collections.abc import Iterator, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfp_dgm.saved_arguments import SavesArguments
from tfp_dgm.text.letter_case import lowered
from tfp_dgm.text.vocabulary import text_batches

NO_FORM = 0
OWN_FORM = 1  # The column of the word itself, whatever its case and digits.
_PREFIXES, _SUFFIXES = 4, 5
# In this order: what one has put there, no later one finds.
_SHAPE = (
    (r"\p{M}+", ""),
    (r"\p{Ll}+", "x"),
    (r"[\p{Lu}\p{Lt}]", "X"),
    (r"XX+", "XX"),
    (r"[\p{Lo}\p{Lm}]+", "c"),
    (r"\p{N}", "0"),
    (r"00000+", "00000"),
)


def forms_of_words(words: tf.Tensor) -> tf.Tensor:
    """Strings [N] -> the features of their form, strings [N, M], "" where a word has no such one.

    The word; the same in lower case with 0 for each digit; the first one to four and the last one
    to five letters of that, where the word is longer; and its shape, runs of small letters made
    one. A feature begins with the name of its kind. Bytes that are not UTF-8 count as U+FFFD.
    """
    words = tf.strings.unicode_transcode(words, "UTF-8", "UTF-8", errors="replace")
    lower = _lowered(words)
    size = tf.strings.length(lower, unit="UTF8_CHAR")
    shape = words
    for pattern, mark in _SHAPE:
        shape = tf.strings.regex_replace(shape, pattern, mark)
    columns = ["w " + words, "l " + lower]
    for letters in range(1, _PREFIXES + 1):
        start = tf.strings.substr(lower, 0, letters, unit="UTF8_CHAR")
        columns.append(tf.where(size > letters, f"p{letters} " + start, ""))
    for letters in range(1, _SUFFIXES + 1):
        place = tf.maximum(size - letters, 0)
        end = tf.strings.substr(lower, place, tf.fill(tf.shape(size), letters), unit="UTF8_CHAR")
        columns.append(tf.where(size > letters, f"s{letters} " + end, ""))
    columns.append("f " + shape)
    columns.append("i " + tf.strings.substr(shape, 0, 1, unit="UTF8_CHAR"))
    return tf.stack(columns, axis=1)


def own_forms(words: tf.Tensor) -> tf.Tensor:
    """Column `OWN_FORM` of `forms_of_words`, strings [N]."""
    words = tf.strings.unicode_transcode(words, "UTF-8", "UTF-8", errors="replace")
    return "l " + _lowered(words)


def _lowered(words: tf.Tensor) -> tf.Tensor:
    return tf.strings.regex_replace(lowered(words), r"\p{N}", "0")


@keras.saving.register_keras_serializable(package="tfp_dgm")
class WordForms(SavesArguments, keras.layers.Layer):
    """Looks up the features of words: strings [N] -> int32 [N, M], `NO_FORM` where one is unknown.

    Only operations that a stock TF Serving links.

    Args:
      features: F distinct features, as `forms_of_words` writes them; they have the numbers 1 to F.
    """

    def __init__(self, features: Sequence[str], **kwargs: Any) -> None:
        kwargs["dtype"] = "float32"
        super().__init__(**kwargs)
        if not len(features):
            raise ValueError("WordForms: `features` is empty; expected at least one feature")
        self.features = tuple(features)
        self.lookup = keras.layers.StringLookup(vocabulary=list(features), num_oov_indices=1)
        self.built = True

    def call(self, words: tf.Tensor) -> tf.Tensor:
        return tf.cast(self.lookup(forms_of_words(words)), tf.int32)

    def compute_output_shape(self, input_shape: Sequence[int | None]) -> tuple[int | None, int]:
        return (input_shape[0], 2 + _PREFIXES + _SUFFIXES + 2)

    def compute_output_spec(self, words: Any) -> keras.KerasTensor:
        return keras.KerasTensor(self.compute_output_shape(words.shape), dtype="int32")


def forms_of_all(words: Sequence[str]) -> np.ndarray:
    """`forms_of_words` of many, as str [N, M]."""
    return np.concatenate(list(_batches_of_forms(words)))


def _batches_of_forms(words: Sequence[str]) -> Iterator[np.ndarray]:
    for batch in text_batches(words):
        found = forms_of_words(batch).numpy()
        yield np.array([[cell.decode("utf-8") for cell in row] for row in found], object)
