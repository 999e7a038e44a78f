"""Inputs of models that are texts: strings or token ids, of one vocabulary with the networks."""

import keras
import tensorflow as tf

from tfp_dgm.layers.events import assert_valid, is_whole
from tfp_dgm.models.latent_variable_model import LatentVariableModel
from tfp_dgm.networks import SequenceDecoder
from tfp_dgm.text import Vocabulary


def check_vocabulary(
    model: keras.Model, vocabulary: Vocabulary | None, decoder: SequenceDecoder
) -> None:
    """Raises a ValueError unless vocabulary and decoder are of one size."""
    if vocabulary is not None and vocabulary.size != decoder.vocabulary_size:
        raise ValueError(
            f"{type(model).__name__}: the vocabulary has {vocabulary.size} tokens, the decoder "
            f"{decoder.vocabulary_size}"
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


def token_ids_of(model: keras.Model, vocabulary: Vocabulary | None, inputs: tf.Tensor) -> tf.Tensor:
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


def check_token_ids(model: LatentVariableModel, inputs: tf.Tensor) -> None:
    """Raises unless token ids are texts of the model's likelihood; a vocabulary gives no others."""
    inputs = tf.convert_to_tensor(inputs)
    if inputs.dtype != tf.string:
        model.likelihood.check_events(inputs, f"{type(model).__name__}: `x`")
