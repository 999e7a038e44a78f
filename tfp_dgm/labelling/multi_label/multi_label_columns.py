"""What a classifier of several labels answers to texts, as the columns of a table."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf

from tfp_dgm.data import NOT, label_cell, label_list, quoted_class
from tfp_dgm.labelling.answer_columns import ROWS_PER_BATCH, Classify, answers
from tfp_dgm.labelling.multi_label.multi_label_outcome import MultiLabelOutcome

PREDICTED_COLUMNS = (
    "predicted_labels",
    "probabilities",
    "accepted_labels",
    "row_probability",
    "accept",
)
NEW_COLUMNS = (*PREDICTED_COLUMNS, "suspect_labels")
_SHOWN, _LEAST_SHOWN = 10, 0.01  # Of the probabilities in a cell.


@dataclass(frozen=True)
class LabelWriter:
    """How classes and their probabilities stand in a column.

    Attributes:
      classes: K names.
      separator: stands between the classes of a cell.
      lists: whether labels are lists, and probabilities objects, rather than cells.
      objects: whether probabilities are objects, which JSON Lines and Parquet hold.
    """

    classes: Sequence[str]
    separator: str
    lists: bool
    objects: bool

    def labels(self, chosen: np.ndarray) -> str | list[str]:
        """Of the classes that are chosen, bool [K]."""
        names = self._names(chosen)
        return label_list(names) if self.lists else label_cell(names, self.separator)

    def accepted(self, chosen: np.ndarray) -> str | list[str]:
        """The same, where no class is no statement."""
        names = self._names(chosen)
        if self.lists:
            return label_list(names)
        return label_cell(names, self.separator, otherwise="")

    def suspects(self, marks: np.ndarray, wrong: np.ndarray) -> str | list[str]:
        """What should be there instead of wrong marks [K]: `!a` where a is marked."""
        named = [
            f"{NOT}{quoted_class(name)}" if mark == 1 else quoted_class(name)
            for name, mark, here in zip(self.classes, marks, wrong, strict=True)
            if here
        ]
        return named if self.lists else self.separator.join(named)

    def probabilities(self, values: np.ndarray) -> str | dict[str, float]:
        """Of all classes as an object, of the most probable ones as a cell."""
        if self.objects:
            return {name: round(float(p), 6) for name, p in zip(self.classes, values, strict=True)}
        best = np.argsort(-values, kind="stable")[:_SHOWN]
        kept = [k for k in best if values[k] >= _LEAST_SHOWN]
        cells = [f"{quoted_class(self.classes[k])}={float(values[k]):.2g}" for k in kept]
        return self.separator.join(cells)

    def _names(self, chosen: np.ndarray) -> list[str]:
        return [name for name, here in zip(self.classes, chosen, strict=True) if here]


def new_columns(outcome: MultiLabelOutcome, writer: LabelWriter) -> dict[str, list[Any]]:
    """`NEW_COLUMNS` of each text.

    `accepted_labels` and `accept` are empty where everything is annotated, `suspect_labels` where
    nothing is.
    """
    open_rows = ~outcome.complete
    values = (
        [writer.labels(row) for row in outcome.predicted],
        [writer.probabilities(row) for row in outcome.constrained],
        [
            writer.accepted(row) if here else None
            for row, here in zip(outcome.accepted, open_rows, strict=True)
        ],
        [round(float(value), 6) for value in outcome.row_probability],
        [
            bool(value) if here else None
            for value, here in zip(outcome.accepted_rows, open_rows, strict=True)
        ],
        [
            writer.suspects(marks, wrong) if here else None
            for marks, wrong, here in zip(
                outcome.marks, outcome.suspects, outcome.annotated, strict=True
            )
        ],
    )
    return dict(zip(NEW_COLUMNS, values, strict=True))


def predicted_columns(
    classify: Classify,
    texts: Sequence[str],
    writer: LabelWriter,
    rows_at_once: int = ROWS_PER_BATCH,
) -> dict[str, list[Any]]:
    """`PREDICTED_COLUMNS` of each text.

    Args:
      classify: a classifier's `serving_default`; see `multi_label_signatures`.
      texts: N texts.
      writer: how classes are written.
      rows_at_once: the most texts that the classifier is asked about at once.
    """
    columns: dict[str, list[Any]] = {name: [None] * len(texts) for name in PREDICTED_COLUMNS}
    for rows, answer in answers(classify, texts, rows_at_once):
        for row, values in zip(rows, _rows(answer, writer), strict=True):
            for name, value in zip(PREDICTED_COLUMNS, values, strict=True):
                columns[name][row] = value
    return columns


def _rows(answer: Mapping[str, tf.Tensor], writer: LabelWriter) -> Iterator[tuple[Any, ...]]:
    names = ("predicted", "probabilities", "accepted", "row_probability", "accept")
    for predicted, probabilities, accepted, row_probability, accept in zip(
        *(answer[name].numpy() for name in names), strict=True
    ):
        yield (
            writer.labels(predicted),
            writer.probabilities(probabilities),
            writer.accepted(accepted),
            round(float(row_probability), 6),
            bool(accept),
        )
