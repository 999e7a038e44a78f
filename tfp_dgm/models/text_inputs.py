"""Inputs of models that are texts: strings or token ids, of one vocabulary with the networks."""

from typing import Any

import keras
import tensorflow as tf

from tfp_dgm.distributions.decoded_text import ended_before
from tfp_dgm.layers.events import assert_valid, is_whole
from tfp_dgm.layers.over_texts import OverTexts
from tfp_dgm.networks import SequenceDecoder
from tfp_dgm.text import Vocabulary, WordVocabulary
from tfp_dgm.token_ids import END, PAD


def check_vocabulary(
    model: keras.Model,
    vocabulary: Vocabulary | None,
    part: SequenceDecoder | OverTexts,
    name: str = "decoder",
) -> None:
    """Raises a ValueError unless the vocabulary and that part of the model are of one size."""
    if vocabulary is not None and vocabulary.size != part.vocabulary_size:
        raise ValueError(
            f"{type(model).__name__}: the vocabulary has {vocabulary.size} tokens, the {name} "
            f"{part.vocabulary_size}"
        )


def require_uncut_words(model: keras.Model, vocabulary: Vocabulary) -> None:
    """Raises a ValueError unless the vocabulary is of words between spaces."""
    if not isinstance(vocabulary, WordVocabulary) or vocabulary.split_punctuation:
        raise ValueError(
            f"{type(model).__name__}: `vocabulary` must be a WordVocabulary with "
            f"split_punctuation=False; received {vocabulary!r}"
        )


def check_source_vocabulary(
    model: keras.Model, vocabulary: Vocabulary, encoder: keras.Layer | None
) -> None:
    """Raises a ValueError unless source vocabulary and encoder are of one size."""
    size = getattr(encoder, "vocabulary_size", None)
    if size != vocabulary.size:
        raise ValueError(
            f"{type(model).__name__}: the source vocabulary has {vocabulary.size} tokens, the "
            f"encoder {size}"
        )


def token_ids_of(model: object, vocabulary: Vocabulary | None, inputs: tf.Tensor) -> tf.Tensor:
    """Strings [B] or token ids [B, T] as token ids int32 [B, T], for the model's messages."""
    inputs = tf.convert_to_tensor(inputs)
    if inputs.dtype != tf.string:
        if inputs.shape.rank not in (2, None):
            raise ValueError(
                f"{type(model).__name__}: token ids must be [B, T]; received {inputs.shape}"
            )
        if inputs.dtype.is_floating:  # The type alone is no fault: Keras saves with such a trace.
            message = f"{type(model).__name__}: token ids must be integers"
            assert_valid(is_whole(inputs), inputs, message)
        return tf.cast(inputs, tf.int32)
    if vocabulary is None:
        raise ValueError(f"{type(model).__name__}: takes strings only with a `vocabulary`")
    return vocabulary(tf.reshape(inputs, [-1]))


def check_token_ids(model: Any, inputs: tf.Tensor) -> None:
    """Raises unless token ids are texts of the model's likelihood; a vocabulary gives no others."""
    inputs = tf.convert_to_tensor(inputs)
    if inputs.dtype != tf.string:
        model.likelihood.check_events(inputs, f"{type(model).__name__}: `x`")


def words_alone(token_ids: tf.Tensor) -> tf.Tensor:
    """Token ids [B, T] without END."""
    return tf.where(token_ids == END, PAD, token_ids)


def closed(token_ids: tf.Tensor) -> tf.Tensor:
    """Token ids [B, T] without END -> [B, T + 1], closed by it."""
    wider = tf.pad(token_ids, [[0, 0], [0, 1]], constant_values=PAD)
    return tf.where((wider == PAD) & ~ended_before(wider), END, wider)
