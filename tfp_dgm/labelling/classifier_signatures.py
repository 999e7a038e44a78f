"""How a text classifier is served."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Protocol

import numpy as np
import tensorflow as tf

from tfp_dgm.labelling.column_prefix import prefixed
from tfp_dgm.labelling.head_layers import ClassGroups
from tfp_dgm.labelling.no_class import NONE, label_names
from tfp_dgm.labelling.novelty_layers import TextNovelty
from tfp_dgm.labelling.rationale_tokens import MOST_WORDS, kept_of, known_of
from tfp_dgm.labelling.served_texts import (
    ClassesServed,
    Read,
    class_signatures,
    example_texts,
    read_texts,
    read_tokens,
    token_specs,
    tokens,
)
from tfp_dgm.labelling.text_views import ENCODER, Counts, meaning
from tfp_dgm.models import RationaleClassifier, Signature
from tfp_dgm.token_ids import PAD

_TEXT = tf.TensorSpec([None], tf.string)


class Served(ClassesServed, Protocol):
    """What is asked of a classifier; `TextClassifier` has it all."""

    threshold: float | None
    levels: Sequence[ClassGroups]
    novelty: TextNovelty | None
    rationales: RationaleClassifier | None

    def answer(self, words: Counts, views: Sequence[tf.Tensor]) -> tf.Tensor:
        """Class probabilities [B, K] before calibration."""

    def calibrated(self, answer: tf.Tensor) -> tf.Tensor:
        """Answers [B, K], calibrated."""

    def none_probability(self, views: Sequence[tf.Tensor], answer: tf.Tensor) -> tf.Tensor:
        """The probability [B] that texts are of no class."""

    def unexplained(self, projected: tf.Tensor, known: tf.Tensor, unknown: tf.Tensor) -> tf.Tensor:
        """The part [B] of texts that their words leave unexplained."""


def classifier_signatures(model: Served) -> Mapping[str, Signature]:
    """The four tasks of a text classifier.

    serving_default  text -> label, probability, accept, the second choice, probabilities [K] of a
                     text that is of one of the classes, none_probability, and, where it is known,
                     novelty; a text of no class has the label "(none)"; of a
                     tree of classes also safe_label, the deepest one that is accepted ("" where
                     none is), and safe_probability;
                     with rationales also rationale, the words kept ("" where they alone would tell
                     another label)
    classify         the feature `text` of tf.train.Examples -> classes and scores [K]
    encode           text -> encoding, all that a bag of heads sees [D]
    score            text, label -> log_likelihood, log p(label | text) in nats; -inf where the
                     label is none of the classes
    """
    return {
        "serving_default": _of_texts(
            model,
            partial(_label, model),
            partial(_with_names, model),
        ),
        **class_signatures(model),
    }


def column_signatures(models: Mapping[str, Served]) -> Mapping[str, Signature]:
    """The tasks of classifiers that share their features, by label column.

    serving_default  text -> of each column what `classifier_signatures` has, as `topic_label`
    encode           text -> encoding, all that a bag of heads sees [D]
    """
    first = next(iter(models.values()))

    # Between body and names an output's name holds a number: it becomes an input's, in which
    # TensorFlow allows less than a column's name may hold.
    def label(
        read: Read, unknown: tf.Tensor, known_words: tf.Tensor | None = None
    ) -> dict[str, tf.Tensor]:
        return {
            f"{name}_{number}": tensor
            for number, model in enumerate(models.values())
            for name, tensor in _label(model, read, unknown, known_words).items()
        }

    def with_names(**outputs: tf.Tensor) -> dict[str, tf.Tensor]:
        answers = {}
        for number, (column, model) in enumerate(models.items()):
            ending = f"_{number}"
            own = {
                name.removesuffix(ending): tensor
                for name, tensor in outputs.items()
                if name.endswith(ending)
            }
            for name, tensor in _with_names(model, **own).items():
                answers[prefixed(column, name)] = tensor
        return answers

    return {
        "serving_default": _of_texts(first, label, with_names),
        "encode": class_signatures(first)["encode"],
    }


def _of_texts(
    model: Served,
    label: Callable[..., dict[str, tf.Tensor]],
    after: Callable[..., dict[str, tf.Tensor]],
) -> Signature:
    def body(
        unknown_words: tf.Tensor, known_words: tf.Tensor | None = None, **inputs: tf.Tensor
    ) -> dict[str, tf.Tensor]:
        return label(read_tokens(model, **inputs), unknown_words, known_words)

    specs = {**token_specs(model), "unknown_words": tf.TensorSpec([None], tf.float32)}
    if model.rationales is not None:
        specs["known_words"] = tf.TensorSpec([None, MOST_WORDS], tf.int32)
    return Signature(
        inputs={"text": _TEXT},
        before=partial(_tokens, model),
        body=body,
        plain_body=lambda text: label(*read_texts(model, text), **_known_words(model, text)),
        after=after,
        body_inputs=specs,
        examples={"text": example_texts(model)},
    )


def _least(model: Served) -> float:
    # A probability is never above 1: without a threshold nothing is accepted.
    return 2.0 if model.threshold is None else model.threshold


def _tokens(model: Served, text: tf.Tensor) -> dict[str, tf.Tensor]:
    """Tokens, and how many words [B] the vocabulary lacks, which padding hides."""
    unknown = tf.equal(model.word_counts.word_ids(text), 0)
    unknown_words = tf.reduce_sum(tf.cast(unknown, tf.float32), axis=-1)
    return {**tokens(model, text), "unknown_words": unknown_words, **_known_words(model, text)}


def _known_words(model: Served, text: tf.Tensor) -> dict[str, tf.Tensor]:
    """What rationales are told of; nothing without any."""
    if model.rationales is None:
        return {}
    return {"known_words": known_of(model.word_counts, text)}


def _label(
    model: Served, read: Read, unknown: tf.Tensor, known_words: tf.Tensor | None = None
) -> dict[str, tf.Tensor]:
    """The answer to texts, of whose words [B] are `unknown`, and others `known_words` [B, T]."""
    raw = model.answer(read.words, read.views)
    probabilities = model.calibrated(raw)  # [B, K]
    none = model.none_probability(read.views, raw)[:, tf.newaxis]
    of_classes = (1 - none) * probabilities
    names = label_names(model.classes)
    # A class of the user's with that name is the rows of no class.
    place = np.eye(len(names), dtype=np.float32)[[*range(len(model.classes)), names.index(NONE)]]
    labels = tf.matmul(tf.concat([of_classes, none], axis=-1), place)  # [B, K], or K + 1
    best, label_ids = tf.math.top_k(labels, k=2)
    sure = tf.reduce_max(of_classes, axis=-1)
    class_id = tf.argmax(of_classes, axis=-1, output_type=tf.int32)
    near = tf.ones_like(sure, tf.bool)
    answer = {"label_ids": label_ids, "best": best, "probabilities": probabilities}
    answer["none_probability"] = labels[:, names.index(NONE)]
    if model.novelty is not None:
        unexplained = model.unexplained(read.projected, read.known, unknown)
        encoded = None
        if model.encoder is not None:
            encoded = meaning(model.encoder, read.views[ENCODER])
        distance = model.novelty.distance(unexplained, encoded)
        near = distance <= model.novelty.limit
        answer["novelty"] = model.novelty(distance)
    accept = near & (sure >= _least(model)) & tf.equal(label_ids[:, 0], class_id)
    answer["accept"] = accept
    if model.levels:
        answer |= _safe_level(model, near, accept, sure, class_id, of_classes)
    if model.rationales is not None:
        kept, told = kept_of(model.rationales, known_words)
        answer["kept_words"] = tf.where(tf.equal(told, label_ids[:, 0])[:, tf.newaxis], kept, PAD)
    return answer


def _with_names(
    model: Served,
    label_ids: tf.Tensor,
    best: tf.Tensor,
    safe_id: tf.Tensor | None = None,
    kept_words: tf.Tensor | None = None,
    **found: tf.Tensor,
) -> dict[str, tf.Tensor]:
    labels = tf.gather(tf.constant(label_names(model.classes)), label_ids)  # [B, 2]
    if safe_id is not None:
        found["safe_label"] = tf.gather(_safe_names(model), safe_id)
    if model.rationales is not None:
        found["rationale"] = model.rationales.vocabulary.detokenize(kept_words)
    return {
        **found,
        "label": labels[:, 0],
        "probability": best[:, 0],
        "second_label": labels[:, 1],
        "second_probability": best[:, 1],
    }


def _safe_level(
    model: Served,
    near: tf.Tensor,
    accepted: tf.Tensor,
    best: tf.Tensor,
    class_id: tf.Tensor,
    probabilities: tf.Tensor,
) -> dict[str, tf.Tensor]:
    """The deepest answer that is accepted: its place among `_safe_names`, and its probability."""
    safe_id = tf.where(accepted, 1 + class_id, 0)
    safe_probability = tf.where(accepted, best, 0.0)
    start = 1 + len(model.classes)
    of_a_class = tf.reduce_sum(probabilities, axis=-1, keepdims=True)
    for level in model.levels:
        groups = level(probabilities / of_a_class) * of_a_class  # [B, G]
        confidence = tf.reduce_max(groups, axis=-1)
        group_id = start + tf.argmax(groups, axis=-1, output_type=tf.int32)
        least = 2.0 if level.threshold is None else level.threshold
        sure = (confidence >= least) & (confidence > 1 - of_a_class[:, 0])
        accepted = near & (safe_id == 0) & sure
        safe_id = tf.where(accepted, group_id, safe_id)
        safe_probability = tf.where(accepted, confidence, safe_probability)
        start += len(level.names)
    return {"safe_id": safe_id, "safe_probability": safe_probability}


def _safe_names(model: Served) -> tf.Tensor:
    """What may be safe: nothing, each class, and the groups of each level."""
    groups = [name for level in model.levels for name in level.names]
    return tf.constant(["", *model.classes, *groups])
