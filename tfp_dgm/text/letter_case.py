"""Texts in lower case, whole."""

import tensorflow as tf


def lowered(texts: tf.Tensor) -> tf.Tensor:
    """UTF-8 strings in lower case, a blank for each NUL character.

    `tf.strings.lower` would end a text at its first NUL. No byte moves for it.
    """
    return tf.strings.lower(tf.strings.regex_replace(texts, r"\x00", " "), encoding="utf-8")
