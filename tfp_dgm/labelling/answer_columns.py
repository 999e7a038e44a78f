"""What a served classifier answers to texts, as the columns of a table."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import tensorflow as tf

PREDICTED_COLUMNS = (
    "predicted_label",
    "probability",
    "accept",
    "second_label",
    "second_probability",
)
_ROWS_PER_BATCH = 256
_CHARACTERS_PER_BATCH = 4_000_000

# A classifier's `serving_default`: texts, string [B] -> what `classifier_signatures` says.
Classify = Callable[[tf.Tensor], Mapping[str, tf.Tensor]]


def predicted_columns(
    classify: Classify,
    texts: Sequence[str],
    progress: Callable[[int], None] = lambda done: None,
) -> dict[str, list[Any]]:
    """`PREDICTED_COLUMNS` of each text.

    Args:
      classify: see `classifier_signatures`.
      texts: N texts.
      progress: called with the number of texts that are done.
    """
    columns: dict[str, list[Any]] = {name: [None] * len(texts) for name in PREDICTED_COLUMNS}
    done = 0
    for rows, answer in answers(classify, texts):
        for name, values in _columns(answer).items():
            for row, value in zip(rows, values, strict=True):
                columns[name][row] = value
        done += len(rows)
        progress(done)
    return columns


def answers(
    classify: Classify, texts: Sequence[str]
) -> Iterator[tuple[list[int], Mapping[str, tf.Tensor]]]:
    """The signature's outputs, and the rows [b] that each batch of them is of."""
    for rows in _batches([len(text) for text in texts]):
        yield rows, classify(tf.constant([texts[row] for row in rows]))


def _batches(lengths: list[int]) -> Iterator[list[int]]:
    """Rows of like length together, which an encoder pads to the longest; large ones are fewer."""
    batch: list[int] = []
    for row in sorted(range(len(lengths)), key=lengths.__getitem__):
        # The row is the longest so far.
        too_many = (len(batch) + 1) * lengths[row] > _CHARACTERS_PER_BATCH
        if batch and (too_many or len(batch) == _ROWS_PER_BATCH):
            yield batch
            batch = []
        batch.append(row)
    if batch:
        yield batch


def _columns(answer: Mapping[str, tf.Tensor]) -> dict[str, list[Any]]:
    values = (
        [name.decode("utf-8") for name in answer["label"].numpy()],
        [round(float(value), 6) for value in answer["probability"].numpy()],
        answer["accept"].numpy().tolist(),
        [name.decode("utf-8") for name in answer["second_label"].numpy()],
        [round(float(value), 6) for value in answer["second_probability"].numpy()],
    )
    return dict(zip(PREDICTED_COLUMNS, values, strict=True))
