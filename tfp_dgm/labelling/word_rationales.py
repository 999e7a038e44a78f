"""Rationales: the words from which alone a text's label can be read."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from tfp_dgm.labelling.classifier import TextClassifier
from tfp_dgm.labelling.rationale_tokens import kept_of, known_of
from tfp_dgm.models import RationaleClassifier
from tfp_dgm.text import WordCounts
from tfp_dgm.token_ids import NUM_SPECIAL

RATIONALE = "rationale"  # The column.

_ROWS_AT_ONCE = 256


class WordRationales:
    """The words of texts that a classifier's `rationales` keep.

    Args:
      rationales: trained, or loaded again.
      word_counts: of the classifier, whose vocabulary the rationales share.
    """

    def __init__(self, rationales: RationaleClassifier, word_counts: WordCounts) -> None:
        self._vocabulary = rationales.vocabulary.tokens

        def read(texts: tf.Tensor) -> tuple[tf.Tensor, ...]:
            token_ids = known_of(word_counts, texts)
            return token_ids, *kept_of(rationales, token_ids)

        traced = tf.function(
            read, input_signature=[tf.TensorSpec([None], tf.string)], autograph=False
        )
        self._traced = traced  # What is concrete keeps no variables alive.
        # Of some label columns TensorFlow would warn that one function is traced again and again.
        self._read = traced.get_concrete_function()

    def __call__(
        self,
        texts: Sequence[str],
        answers: np.ndarray,
        progress: Callable[[int], None] = lambda done: None,
    ) -> list[list[str]]:
        """The words kept of each text in their order, none where they tell another class.

        Args:
          texts: N texts.
          answers: int [N]; the class of each, -1 for none.
          progress: called with the number of texts that are done.
        """
        kept, class_ids, _ = self.read(texts, progress)
        return [
            words if told == answer else []
            for words, told, answer in zip(kept, class_ids, answers, strict=True)
        ]

    def read(
        self, texts: Sequence[str], progress: Callable[[int], None] = lambda done: None
    ) -> tuple[list[list[str]], np.ndarray, np.ndarray]:
        """The words kept of N texts, the class [N] that they tell, and how many were known [N]."""
        kept: list[list[str]] = [[]] * len(texts)
        class_ids, known = np.zeros((2, len(texts)), int)
        order = sorted(range(len(texts)), key=lambda row: len(texts[row]))
        for start in range(0, len(order), _ROWS_AT_ONCE):
            rows = order[start : start + _ROWS_AT_ONCE]
            batch = tf.constant([texts[row].encode("utf-8", "replace") for row in rows])
            token_ids, of_rows, told = (tensor.numpy() for tensor in self._read(batch))
            class_ids[rows], known[rows] = told, (token_ids > 0).sum(axis=1)
            for row, ids in zip(rows, of_rows, strict=True):
                kept[row] = [self._vocabulary[k - NUM_SPECIAL] for k in ids[ids > 0].tolist()]
            progress(start + len(rows))
        return kept, class_ids, known


def rationales_of(classifier: TextClassifier) -> WordRationales | None:
    """Those of a classifier; None where it was trained without."""
    if classifier.rationales is None:
        return None
    return WordRationales(classifier.rationales, classifier.word_counts)


def rationale_column(
    classifier: TextClassifier,
    texts: Sequence[str],
    columns: Mapping[str, Sequence[Any]],
    progress: Callable[[int], None],
) -> list[str]:
    """Rationales as cells of a table: the words, with spaces between them.

    Args:
      classifier: with rationales.
      texts: N texts.
      columns: `predicted_label`, N names, and maybe others.
      progress: called with the number of texts that are done.
    """
    place = {name: k for k, name in enumerate(classifier.classes)}
    answers = np.array([place.get(name, -1) for name in columns["predicted_label"]], int)
    read = rationales_of(classifier)
    assert read is not None
    return [" ".join(words) for words in read(texts, answers, progress)]
