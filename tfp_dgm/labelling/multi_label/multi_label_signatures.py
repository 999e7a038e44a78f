"""How a classifier of several labels is served."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Protocol

import numpy as np
import tensorflow as tf

from tfp_dgm.data import NO_CLASSES, quoted_class
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
from tfp_dgm.labelling.text_views import Counts
from tfp_dgm.models import Signature

_LONGEST = 2**31 - 1


class Served(ClassesServed, Protocol):
    """What is asked of a classifier; `MultiLabelClassifier` has it all."""

    separator: str
    acceptance: np.ndarray
    row_threshold: float

    def answers(
        self, words: Counts, views: Sequence[tf.Tensor]
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """Probabilities [B, K], predicted classes bool [B, K], probability of the row [B]."""


def multi_label_signatures(model: Served) -> Mapping[str, Signature]:
    """The four tasks of a classifier of several labels.

    serving_default  text -> predicted_labels and accepted_labels, the classes' names with the
                     separator between them ("(none)" where none is predicted, nothing where none
                     is accepted); predicted and accepted, bool [K]; row_probability, that the
                     predicted ones are right and all; accept, of the whole row; probabilities [K]
    classify         the feature `text` of tf.train.Examples -> classes and scores [K]
    encode           text -> encoding, all that the heads see of the latent spaces [D]
    score            text, label -> log_likelihood, log p(label applies | text) in nats; -inf where
                     the label is none of the classes
    """
    cells = tf.constant([quoted_class(name) for name in model.classes])

    def label(read: Read) -> dict[str, tf.Tensor]:
        probabilities, predicted, row_probability = model.answers(read.words, read.views)
        return {
            "probabilities": probabilities,
            "predicted": predicted,
            "accepted": probabilities >= model.acceptance,
            "row_probability": row_probability,
            "accept": row_probability >= model.row_threshold,
        }

    def with_names(**answers: tf.Tensor) -> dict[str, tf.Tensor]:
        return {
            "predicted_labels": joined(answers["predicted"], NO_CLASSES),
            "accepted_labels": joined(answers["accepted"], ""),
            **answers,
        }

    def joined(chosen: tf.Tensor, otherwise: str) -> tf.Tensor:
        """The names [B] of chosen classes, bool [B, K], with the separator between them."""
        parts = tf.where(chosen, tf.strings.join([model.separator, cells]), "")
        whole = tf.strings.reduce_join(parts, axis=1)
        start = len(model.separator.encode())
        some = tf.reduce_any(chosen, axis=1)
        padded = tf.where(some, whole, model.separator)
        return tf.where(some, tf.strings.substr(padded, start, _LONGEST), otherwise)

    return {
        "serving_default": Signature(
            inputs={"text": tf.TensorSpec([None], tf.string)},
            before=partial(tokens, model),
            body=lambda **inputs: label(read_tokens(model, **inputs)),
            plain_body=lambda text: label(read_texts(model, text)[0]),
            after=with_names,
            body_inputs=token_specs(model),
            examples={"text": example_texts(model)},
        ),
        **class_signatures(model),
    }
