"""How a text classifier is served."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import tensorflow as tf

from tfp_dgm.models import Signature
from tfp_dgm.networks import SentenceEncoder
from tfp_dgm.text import WordCounts

# Words, unknown ones too, that the compiled twins read of a text; the plain signatures read all.
TWIN_WORDS = 512
_EXAMPLES, _EXAMPLE_WORDS = 7, 12


class Served(Protocol):
    """What is asked of a classifier; `TextClassifier` has it all."""

    classes: tuple[str, ...]
    threshold: float | None
    word_counts: WordCounts
    encoder: SentenceEncoder | None

    def views_of_counts(
        self, counts: tf.Tensor, sentence_vectors: tf.Tensor | None
    ) -> tuple[tf.Tensor, list[tf.Tensor]]:
        """TF-IDF [B, V] of counts [B, V], and the inputs [B, D] of each bag of heads."""

    def probabilities(self, words: tf.Tensor, views: Sequence[tf.Tensor]) -> tf.Tensor:
        """Calibrated class probabilities [B, K] of those."""


def classifier_signatures(model: Served) -> Mapping[str, Signature]:
    """The four tasks of a text classifier.

    serving_default  text -> label, probability, accept, the second choice, probabilities [K]
    classify         the feature `text` of tf.train.Examples -> classes and scores [K]
    encode           text -> encoding, all that a bag of heads sees [D]
    score            text, label -> log_likelihood, log p(label | text) in nats; -inf where the
                     label is none of the classes
    """
    names = tf.constant(model.classes)
    # A probability is never above 1: without a threshold nothing is accepted.
    threshold = 2.0 if model.threshold is None else model.threshold

    def tokens(text: tf.Tensor) -> dict[str, tf.Tensor]:
        word_ids = tf.cast(model.word_counts.word_ids(text).to_tensor(0), tf.int32)  # [B, T]
        return {
            "word_ids": word_ids,
            **({} if model.encoder is None else model.encoder.tokens(text)),
        }

    def views(
        word_ids: tf.Tensor, **encoder_tokens: tf.Tensor
    ) -> tuple[tf.Tensor, list[tf.Tensor]]:
        vectors = None if model.encoder is None else model.encoder.pool(**encoder_tokens)
        return model.views_of_counts(model.word_counts.count(word_ids), vectors)

    def label(**inputs: tf.Tensor) -> dict[str, tf.Tensor]:
        probabilities = model.probabilities(*views(**inputs))  # [B, K]
        best, class_ids = tf.math.top_k(probabilities, k=2)
        return {"class_ids": class_ids, "best": best, "probabilities": probabilities}

    def with_names(
        class_ids: tf.Tensor, best: tf.Tensor, probabilities: tf.Tensor
    ) -> dict[str, tf.Tensor]:
        labels = tf.gather(names, class_ids)  # [B, 2]
        return {
            "label": labels[:, 0],
            "probability": best[:, 0],
            "accept": best[:, 0] >= threshold,
            "second_label": labels[:, 1],
            "second_probability": best[:, 1],
            "probabilities": probabilities,
        }

    def classify(inputs: tf.Tensor) -> dict[str, tf.Tensor]:
        text = tf.io.parse_example(inputs, {"text": tf.io.FixedLenFeature([], tf.string)})["text"]
        scores = model.probabilities(*views(**tokens(text)))  # [B, K]
        classes = tf.broadcast_to(names, tf.shape(scores))
        return {"classes": tf.ensure_shape(classes, scores.shape), "scores": scores}

    def encode(**inputs: tf.Tensor) -> dict[str, tf.Tensor]:
        seen = views(**inputs)[1]
        return {"encoding": seen[0] if model.encoder is None else seen[2]}  # [B, D], the widest

    def tokens_and_class(text: tf.Tensor, label: tf.Tensor) -> dict[str, tf.Tensor]:
        matches = tf.cast(label[:, tf.newaxis] == names, tf.int32)  # [B, K]
        known = tf.reduce_max(matches, axis=-1)
        class_id = tf.where(known > 0, tf.argmax(matches, axis=-1, output_type=tf.int32), -1)
        return {**tokens(text), "class_id": class_id}

    def score(class_id: tf.Tensor, **inputs: tf.Tensor) -> dict[str, tf.Tensor]:
        probabilities = model.probabilities(*views(**inputs))
        chosen = tf.one_hot(class_id, len(model.classes))
        return {"log_likelihood": tf.math.log(tf.reduce_sum(chosen * probabilities, axis=-1))}

    text_spec = tf.TensorSpec([None], tf.string)
    texts = _example_texts(model)
    examples = [_example(text) for text in texts]
    labels = [model.classes[i % len(model.classes)] for i in range(len(texts))]
    token_specs = _token_specs(model)
    class_spec = {"class_id": tf.TensorSpec([None], tf.int32)}
    return {
        "serving_default": Signature(
            inputs={"text": text_spec},
            before=tokens,
            body=label,
            after=with_names,
            body_inputs=token_specs,
            examples={"text": texts},
        ),
        "classify": Signature(
            inputs={"inputs": text_spec},
            body=classify,
            examples={"inputs": examples},
            xla=False,
            method="classify",
        ),
        "encode": Signature(
            inputs={"text": text_spec},
            before=tokens,
            body=encode,
            body_inputs=token_specs,
            examples={"text": texts},
        ),
        "score": Signature(
            inputs={"text": text_spec, "label": text_spec},
            before=tokens_and_class,
            body=score,
            body_inputs={**token_specs, **class_spec},
            examples={"text": texts, "label": labels},
        ),
    }


def _token_specs(model: Served) -> dict[str, tf.TensorSpec]:
    specs = {"word_ids": tf.TensorSpec([None, TWIN_WORDS], tf.int32)}
    if model.encoder is not None:
        for name, tensor in model.encoder.tokens(tf.constant([""])).items():
            specs[name] = tf.TensorSpec([None, model.encoder.sequence_length], tensor.dtype)
    return specs


def _example_texts(model: Served) -> list[str]:
    """Texts of the vocabulary's own words, none of the training data, and an empty one."""
    words = model.word_counts.vocabulary
    chosen = (
        [words[(i + j * _EXAMPLES) % len(words)] for j in range(_EXAMPLE_WORDS)]
        for i in range(_EXAMPLES)
    )
    return [*(" ".join(text) for text in chosen), ""]


def _example(text: str) -> bytes:
    feature = tf.train.Feature(bytes_list=tf.train.BytesList(value=[text.encode("utf-8")]))
    example = tf.train.Example(features=tf.train.Features(feature={"text": feature}))
    return example.SerializeToString(deterministic=True)
