"""What a served classifier answers to texts, as the columns of a table."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from tfp_dgm.labelling.column_prefix import prefixed, prefixed_names

PREDICTED_COLUMNS = (
    "predicted_label",
    "probability",
    "accept",
    "second_label",
    "second_probability",
    "none_probability",
    "novelty",
)
# Of a tree of classes also these.
SAFE_COLUMNS = ("safe_label", "safe_probability")
ROWS_PER_BATCH = 256
_CHARACTERS_PER_BATCH = 4_000_000

# A classifier's `serving_default`: texts, string [B] -> what `classifier_signatures` says.
Classify = Callable[[tf.Tensor], Mapping[str, tf.Tensor]]


def predicted_columns(
    classify: Classify,
    texts: Sequence[str],
    label_columns: Sequence[str | None] = (None,),
    safe: Collection[str | None] = (),
    further: Sequence[str] = (),
    *,
    rows_at_once: int = ROWS_PER_BATCH,
) -> dict[str, list[Any]]:
    """`PREDICTED_COLUMNS` of each text, `SAFE_COLUMNS`, and others.

    Args:
      classify: see `classifier_signatures`.
      texts: N texts.
      label_columns: where the classifier answers for several columns their names, which all names
        here begin with; None stands for the one.
      safe: those of them whose classes are a tree, which have `SAFE_COLUMNS`.
      further: names of outputs of text that every label column has besides; of the same columns.
      rows_at_once: the most texts that the classifier is asked about at once.
    """
    columns: dict[str, list[Any]] = {
        name: [None] * len(texts)
        for name in prefixed_names(predicted_names(label_columns, safe, further))
    }
    for rows, answer in answers(classify, texts, rows_at_once):
        for column in label_columns:
            for name, values in _columns(answer, column, column in safe, further).items():
                for row, value in zip(rows, values, strict=True):
                    columns[name][row] = value
    return columns


def predicted_names(
    label_columns: Sequence[str | None],
    safe: Collection[str | None] = (),
    further: Sequence[str] = (),
) -> dict[str | None, tuple[str, ...]]:
    """`PREDICTED_COLUMNS` of each label column, `SAFE_COLUMNS` of those that have them, others."""
    return {
        column: (*PREDICTED_COLUMNS, *(SAFE_COLUMNS if column in safe else ()), *further)
        for column in label_columns
    }


def answers(
    classify: Classify, texts: Sequence[str], rows_at_once: int = ROWS_PER_BATCH
) -> Iterator[tuple[list[int], Mapping[str, tf.Tensor]]]:
    """The signature's outputs, and the rows [b] that each batch of them is of."""
    for rows in _batches([len(text) for text in texts], rows_at_once):
        yield rows, classify(tf.constant([texts[row] for row in rows]))


def _batches(lengths: list[int], most: int) -> Iterator[list[int]]:
    """Rows of like length together, which an encoder pads to the longest; large ones are fewer."""
    batch: list[int] = []
    for row in sorted(range(len(lengths)), key=lengths.__getitem__):
        # The row is the longest so far.
        too_many = (len(batch) + 1) * lengths[row] > _CHARACTERS_PER_BATCH
        if batch and (too_many or len(batch) == most):
            yield batch
            batch = []
        batch.append(row)
    if batch:
        yield batch


def _columns(
    answer: Mapping[str, tf.Tensor], column: str | None, safe: bool, further: Sequence[str]
) -> dict[str, list[Any]]:
    def values(name: str) -> np.ndarray:
        return answer[prefixed(column, name)].numpy()

    def names(name: str) -> list[str]:
        found = values(name).tolist()
        decoded = {word: word.decode("utf-8") for word in {*found}}
        return [decoded[word] for word in found]

    def rounded(name: str) -> list[Any]:
        if prefixed(column, name) not in answer:  # A model of before it was known.
            return [None] * len(values("label"))
        # A float32 times 10^6 has a place in a float64, so that this is what `round` gives.
        return np.round(values(name).astype(np.float64), 6).tolist()

    found = [
        names("label"),
        rounded("probability"),
        values("accept").tolist(),
        names("second_label"),
        rounded("second_probability"),
        rounded("none_probability"),
        rounded("novelty"),
    ]
    if safe:
        safe_names = [name or None for name in names("safe_label")]
        probabilities = rounded("safe_probability")
        found += [
            safe_names,
            [p if name else None for name, p in zip(safe_names, probabilities, strict=True)],
        ]
    found += [names(name) for name in further]
    added = (*PREDICTED_COLUMNS, *(SAFE_COLUMNS if safe else ()), *further)
    return {prefixed(column, name): values for name, values in zip(added, found, strict=True)}
