"""The inputs of a served predictor: texts as tokens, tokens as what its heads see."""

from __future__ import annotations

from typing import Protocol

import tensorflow as tf

from tfp_dgm.networks import TextEncoder
from tfp_dgm.text import WordCounts

# Words, unknown ones too, that the compiled twins read of a text; the plain signatures read all.
TWIN_WORDS = 512
_EXAMPLES, _EXAMPLE_WORDS = 7, 12


class TextsServed(Protocol):
    """What is asked of a predictor; `TextViews` has it all."""

    word_counts: WordCounts
    encoder: TextEncoder | None

    def views_of_counts(
        self, counts: tf.Tensor, sentence_vectors: tf.Tensor | None
    ) -> tuple[tf.Tensor, list[tf.Tensor]]:
        """TF-IDF [B, V] of counts [B, V], and the inputs [B, D] of each bag of heads."""


def tokens(model: TextsServed, text: tf.Tensor) -> dict[str, tf.Tensor]:
    """What XLA can read of strings [B]: word ids [B, T], and the encoder's tokens."""
    word_ids = tf.cast(model.word_counts.word_ids(text).to_tensor(0), tf.int32)  # [B, T]
    return {"word_ids": word_ids, **({} if model.encoder is None else model.encoder.tokens(text))}


def views(
    model: TextsServed, word_ids: tf.Tensor, **encoder_tokens: tf.Tensor
) -> tuple[tf.Tensor, list[tf.Tensor]]:
    """TF-IDF [B, V] of those, and the inputs [B, D] of each bag of heads."""
    vectors = None if model.encoder is None else model.encoder.pool(**encoder_tokens)
    return model.views_of_counts(model.word_counts.count(word_ids), vectors)


def token_specs(model: TextsServed) -> dict[str, tf.TensorSpec]:
    """The shapes of `tokens` that the compiled twins take."""
    specs = {"word_ids": tf.TensorSpec([None, TWIN_WORDS], tf.int32)}
    if model.encoder is not None:
        for name, tensor in model.encoder.tokens(tf.constant([""])).items():
            specs[name] = tf.TensorSpec([None, model.encoder.sequence_length], tensor.dtype)
    return specs


def example_texts(model: TextsServed) -> list[str]:
    """Texts of the vocabulary's own words, none of the training data, and an empty one."""
    words = model.word_counts.vocabulary
    chosen = (
        [words[(i + j * _EXAMPLES) % len(words)] for j in range(_EXAMPLE_WORDS)]
        for i in range(_EXAMPLES)
    )
    return [*(" ".join(text) for text in chosen), ""]


def texts_of_examples(serialized: tf.Tensor) -> tf.Tensor:
    """The feature `text`, string [B], of serialized tf.train.Examples [B]."""
    return tf.io.parse_example(serialized, {"text": tf.io.FixedLenFeature([], tf.string)})["text"]


def serialized_example(text: str) -> bytes:
    """A tf.train.Example with a feature `text`."""
    feature = tf.train.Feature(bytes_list=tf.train.BytesList(value=[text.encode("utf-8")]))
    example = tf.train.Example(features=tf.train.Features(feature={"text": feature}))
    return example.SerializeToString(deterministic=True)
