"""How a text classifier is served."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Protocol

import tensorflow as tf

from tfp_dgm.labelling.head_layers import ClassGroups
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
    levels: Sequence[ClassGroups]

    def probabilities(self, words: tf.Tensor, views: Sequence[tf.Tensor]) -> tf.Tensor:
        """Calibrated class probabilities [B, K] of those."""


def classifier_signatures(model: Served) -> Mapping[str, Signature]:
    """The four tasks of a text classifier.

    serving_default  text -> label, probability, accept, the second choice, probabilities [K]; of a
                     tree of classes also safe_label, the deepest one that is accepted ("" where
                     none is), and safe_probability
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
        answer = {"class_ids": class_ids, "best": best, "probabilities": probabilities}
        if model.levels:
            answer |= _safe_level(model, best[:, 0], class_ids[:, 0], threshold, probabilities)
        return answer

    def with_names(
        class_ids: tf.Tensor,
        best: tf.Tensor,
        probabilities: tf.Tensor,
        safe_id: tf.Tensor | None = None,
        safe_probability: tf.Tensor | None = None,
    ) -> dict[str, tf.Tensor]:
        labels = tf.gather(names, class_ids)  # [B, 2]
        safe = {}
        if safe_id is not None:
            safe = {
                "safe_label": tf.gather(_safe_names(model), safe_id),
                "safe_probability": safe_probability,
            }
        return {
            **safe,
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


def _safe_level(
    model: Served,
    best: tf.Tensor,
    class_id: tf.Tensor,
    threshold: float,
    probabilities: tf.Tensor,
) -> dict[str, tf.Tensor]:
    """The deepest answer that is accepted: its place among `_safe_names`, and its probability."""
    accepted = best >= threshold
    safe_id = tf.where(accepted, 1 + class_id, 0)
    safe_probability = tf.where(accepted, best, 0.0)
    start = 1 + len(model.classes)
    for level in model.levels:
        groups = level(probabilities)  # [B, G]
        confidence = tf.reduce_max(groups, axis=-1)
        group_id = start + tf.argmax(groups, axis=-1, output_type=tf.int32)
        least = 2.0 if level.threshold is None else level.threshold
        accepted = (safe_id == 0) & (confidence >= least)
        safe_id = tf.where(accepted, group_id, safe_id)
        safe_probability = tf.where(accepted, confidence, safe_probability)
        start += len(level.names)
    return {"safe_id": safe_id, "safe_probability": safe_probability}


def _safe_names(model: Served) -> tf.Tensor:
    """What may be safe: nothing, each class, and the groups of each level."""
    groups = [name for level in model.levels for name in level.names]
    return tf.constant(["", *model.classes, *groups])
