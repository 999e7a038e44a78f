"""How a text classifier is served."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Protocol

import tensorflow as tf

from tfp_dgm.labelling.column_prefix import prefixed
from tfp_dgm.labelling.head_layers import ClassGroups
from tfp_dgm.labelling.served_texts import (
    ClassesServed,
    class_signatures,
    example_texts,
    token_specs,
    tokens,
    views,
)
from tfp_dgm.models import Signature

_TEXT = tf.TensorSpec([None], tf.string)


class Served(ClassesServed, Protocol):
    """What is asked of a classifier; `TextClassifier` has it all."""

    threshold: float | None
    levels: Sequence[ClassGroups]


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
    return {
        "serving_default": _of_texts(
            model,
            lambda **inputs: _label(model, *views(model, **inputs)),
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
    def label(**inputs: tf.Tensor) -> dict[str, tf.Tensor]:
        seen = views(first, **inputs)
        return {
            f"{name}_{number}": tensor
            for number, model in enumerate(models.values())
            for name, tensor in _label(model, *seen).items()
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
    body: Callable[..., dict[str, tf.Tensor]],
    after: Callable[..., dict[str, tf.Tensor]] | None = None,
) -> Signature:
    return Signature(
        inputs={"text": _TEXT},
        before=partial(tokens, model),
        body=body,
        after=after,
        body_inputs=token_specs(model),
        examples={"text": example_texts(model)},
    )


def _least(model: Served) -> float:
    # A probability is never above 1: without a threshold nothing is accepted.
    return 2.0 if model.threshold is None else model.threshold


def _label(model: Served, words: tf.Tensor, seen: Sequence[tf.Tensor]) -> dict[str, tf.Tensor]:
    probabilities = model.probabilities(words, seen)  # [B, K]
    best, class_ids = tf.math.top_k(probabilities, k=2)
    answer = {"class_ids": class_ids, "best": best, "probabilities": probabilities}
    if model.levels:
        answer |= _safe_level(model, best[:, 0], class_ids[:, 0], probabilities)
    return answer


def _with_names(
    model: Served,
    class_ids: tf.Tensor,
    best: tf.Tensor,
    probabilities: tf.Tensor,
    safe_id: tf.Tensor | None = None,
    safe_probability: tf.Tensor | None = None,
) -> dict[str, tf.Tensor]:
    labels = tf.gather(tf.constant(model.classes), class_ids)  # [B, 2]
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
        "accept": best[:, 0] >= _least(model),
        "second_label": labels[:, 1],
        "second_probability": best[:, 1],
        "probabilities": probabilities,
    }


def _safe_level(
    model: Served,
    best: tf.Tensor,
    class_id: tf.Tensor,
    probabilities: tf.Tensor,
) -> dict[str, tf.Tensor]:
    """The deepest answer that is accepted: its place among `_safe_names`, and its probability."""
    accepted = best >= _least(model)
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
