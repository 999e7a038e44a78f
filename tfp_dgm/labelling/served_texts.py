"""How predictors of texts are served: texts as tokens, as what heads see, and common tasks."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import NamedTuple, Protocol

import tensorflow as tf

from tfp_dgm.labelling.text_views import WITH_ENCODER, Counts
from tfp_dgm.labelling.word_order import WordOrder
from tfp_dgm.models import Signature
from tfp_dgm.networks import TextEncoder
from tfp_dgm.text import WordCounts

# Words, unknown ones too, that the compiled twins read of a text; the plain signatures read all.
TWIN_WORDS = 512
_EXAMPLES, _EXAMPLE_WORDS = 7, 12


class TextsServed(Protocol):
    """What is asked of a predictor; `TextViews` has it all."""

    word_counts: WordCounts
    encoder: TextEncoder | None
    word_order: WordOrder | None

    def read_counts(
        self, counts: Counts, sentence_vectors: tf.Tensor | None, order: tf.Tensor | None
    ) -> tuple[Counts, list[tf.Tensor], tf.Tensor]:
        """TF-IDF [B, V] of counts [B, V], the inputs [B, D] of each bag of heads, LSA [B, L]."""


class ClassesServed(TextsServed, Protocol):
    """What is asked of a predictor of classes."""

    classes: tuple[str, ...]

    def probabilities(self, words: Counts, views: Sequence[tf.Tensor]) -> tf.Tensor:
        """Calibrated probabilities of the classes [B, K] of those."""


def tokens(model: TextsServed, text: tf.Tensor) -> dict[str, tf.Tensor]:
    """What XLA can read of strings [B]: word ids [B, T], and the encoder's tokens."""
    word_ids = tf.cast(model.word_counts.word_ids(text).to_tensor(0), tf.int32)  # [B, T]
    return {"word_ids": word_ids, **({} if model.encoder is None else model.encoder.tokens(text))}


class Read(NamedTuple):
    """Texts as they are read.

    Attributes:
      words: TF-IDF [B, V], sparse where XLA is not to compile what follows.
      views: the inputs [B, D] of each bag of heads.
      projected: LSA [B, L] of the words.
      known: float32 [B]; the number of words that the vocabulary has.
    """

    words: Counts
    views: list[tf.Tensor]
    projected: tf.Tensor
    known: tf.Tensor


def read_tokens(model: TextsServed, word_ids: tf.Tensor, **encoder_tokens: tf.Tensor) -> Read:
    """What is read of `tokens`."""
    vectors = None if model.encoder is None else model.encoder.pool(**encoder_tokens)
    order = None if model.word_order is None else model.word_order(word_ids)
    known = tf.reduce_sum(tf.cast(word_ids > 0, tf.float32), axis=-1)
    return Read(*model.read_counts(model.word_counts.count(word_ids), vectors, order), known)


def read_texts(model: TextsServed, text: tf.Tensor) -> tuple[Read, tf.Tensor]:
    """The same of strings [B], sparse; and how many words [B] the vocabulary lacks.

    A text has few of the vocabulary's words, so that this takes a fraction of the time.
    """
    word_ids = model.word_counts.word_ids(text)
    counts, unknown = model.word_counts.sparse_count_of(word_ids)
    order = None if model.word_order is None else model.word_order.of_ragged(word_ids)
    vectors = None
    if model.encoder is not None:
        vectors = model.encoder.pool(**model.encoder.tokens(text))
    known = tf.math.unsorted_segment_sum(counts.values, counts.indices[:, 0], tf.shape(text)[0])
    return Read(*model.read_counts(counts, vectors, order), known), unknown


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


def class_signatures(model: ClassesServed) -> dict[str, Signature]:
    """The tasks that every predictor of classes has, beside its own `serving_default`.

    classify  the feature `text` of tf.train.Examples -> classes and scores [K]
    encode    text -> encoding, all that a bag of heads sees [D]
    score     text, label -> log_likelihood, log p(label | text) in nats; -inf where the label is
              none of the classes
    """
    names = tf.constant(model.classes)

    def classify(inputs: tf.Tensor) -> dict[str, tf.Tensor]:
        read, _ = read_texts(model, _texts_of_examples(inputs))
        scores = model.probabilities(read.words, read.views)  # [B, K]
        classes = tf.broadcast_to(names, tf.shape(scores))
        return {"classes": tf.ensure_shape(classes, scores.shape), "scores": scores}

    def encode(**inputs: tf.Tensor) -> dict[str, tf.Tensor]:
        return widest(read_tokens(model, **inputs))

    def widest(read: Read) -> dict[str, tf.Tensor]:
        return {"encoding": read.views[0 if model.encoder is None else WITH_ENCODER]}  # [B, D]

    def class_of(label: tf.Tensor) -> tf.Tensor:
        matches = tf.cast(label[:, tf.newaxis] == names, tf.int32)  # [B, K]
        known = tf.reduce_max(matches, axis=-1)
        return tf.where(known > 0, tf.argmax(matches, axis=-1, output_type=tf.int32), -1)

    def tokens_and_class(text: tf.Tensor, label: tf.Tensor) -> dict[str, tf.Tensor]:
        return {**tokens(model, text), "class_id": class_of(label)}

    def score(class_id: tf.Tensor, **inputs: tf.Tensor) -> dict[str, tf.Tensor]:
        return score_of(read_tokens(model, **inputs), class_id)

    def score_of(read: Read, class_id: tf.Tensor) -> dict[str, tf.Tensor]:
        probabilities = model.probabilities(read.words, read.views)
        chosen = tf.one_hot(class_id, len(model.classes))
        return {"log_likelihood": tf.math.log(tf.reduce_sum(chosen * probabilities, axis=-1))}

    text_spec = tf.TensorSpec([None], tf.string)
    texts = example_texts(model)
    specs = token_specs(model)
    return {
        "classify": Signature(
            inputs={"inputs": text_spec},
            body=classify,
            examples={"inputs": [_serialized_example(text) for text in texts]},
            xla=False,
            method="classify",
        ),
        "encode": Signature(
            inputs={"text": text_spec},
            before=partial(tokens, model),
            body=encode,
            plain_body=lambda text: widest(read_texts(model, text)[0]),
            body_inputs=specs,
            examples={"text": texts},
        ),
        "score": Signature(
            inputs={"text": text_spec, "label": text_spec},
            before=tokens_and_class,
            body=score,
            plain_body=lambda text, label: score_of(read_texts(model, text)[0], class_of(label)),
            body_inputs={**specs, "class_id": tf.TensorSpec([None], tf.int32)},
            examples={
                "text": texts,
                "label": [model.classes[i % len(model.classes)] for i in range(len(texts))],
            },
        ),
    }


def _texts_of_examples(serialized: tf.Tensor) -> tf.Tensor:
    """The feature `text`, string [B], of serialized tf.train.Examples [B]."""
    return tf.io.parse_example(serialized, {"text": tf.io.FixedLenFeature([], tf.string)})["text"]


def _serialized_example(text: str) -> bytes:
    """A tf.train.Example with a feature `text`."""
    feature = tf.train.Feature(bytes_list=tf.train.BytesList(value=[text.encode("utf-8")]))
    example = tf.train.Example(features=tf.train.Features(feature={"text": feature}))
    return example.SerializeToString(deterministic=True)
