"""How a text classifier is served."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Protocol

import tensorflow as tf

from tfp_dgm.labelling.served_texts import (
    TextsServed,
    example_texts,
    serialized_example,
    texts_of_examples,
    token_specs,
    tokens,
    views,
)
from tfp_dgm.models import Signature


class Served(TextsServed, Protocol):
    """What is asked of a classifier; `TextClassifier` has it all."""

    classes: tuple[str, ...]
    threshold: float | None

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

    def label(**inputs: tf.Tensor) -> dict[str, tf.Tensor]:
        probabilities = model.probabilities(*views(model, **inputs))  # [B, K]
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
        scores = model.probabilities(
            *views(model, **tokens(model, texts_of_examples(inputs)))
        )  # [B, K]
        classes = tf.broadcast_to(names, tf.shape(scores))
        return {"classes": tf.ensure_shape(classes, scores.shape), "scores": scores}

    def encode(**inputs: tf.Tensor) -> dict[str, tf.Tensor]:
        seen = views(model, **inputs)[1]
        return {"encoding": seen[0] if model.encoder is None else seen[2]}  # [B, D], the widest

    def tokens_and_class(text: tf.Tensor, label: tf.Tensor) -> dict[str, tf.Tensor]:
        matches = tf.cast(label[:, tf.newaxis] == names, tf.int32)  # [B, K]
        known = tf.reduce_max(matches, axis=-1)
        class_id = tf.where(known > 0, tf.argmax(matches, axis=-1, output_type=tf.int32), -1)
        return {**tokens(model, text), "class_id": class_id}

    def score(class_id: tf.Tensor, **inputs: tf.Tensor) -> dict[str, tf.Tensor]:
        probabilities = model.probabilities(*views(model, **inputs))
        chosen = tf.one_hot(class_id, len(model.classes))
        return {"log_likelihood": tf.math.log(tf.reduce_sum(chosen * probabilities, axis=-1))}

    text_spec = tf.TensorSpec([None], tf.string)
    texts = example_texts(model)
    examples = [serialized_example(text) for text in texts]
    labels = [model.classes[i % len(model.classes)] for i in range(len(texts))]
    specs = token_specs(model)
    class_spec = {"class_id": tf.TensorSpec([None], tf.int32)}
    return {
        "serving_default": Signature(
            inputs={"text": text_spec},
            before=partial(tokens, model),
            body=label,
            after=with_names,
            body_inputs=specs,
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
            before=partial(tokens, model),
            body=encode,
            body_inputs=specs,
            examples={"text": texts},
        ),
        "score": Signature(
            inputs={"text": text_spec, "label": text_spec},
            before=tokens_and_class,
            body=score,
            body_inputs={**specs, **class_spec},
            examples={"text": texts, "label": labels},
        ),
    }
