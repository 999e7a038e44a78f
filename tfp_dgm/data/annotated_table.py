"""Tables that several annotators have labelled: one column of labels each, or one answer a row."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from os import PathLike
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from tfp_dgm.data.class_names import given_names, torn_names
from tfp_dgm.data.column_names import check_name_list
from tfp_dgm.data.data_error import DataError, listing
from tfp_dgm.data.distinct_values import numbers_of_values
from tfp_dgm.data.label_column import AnnotationColumn
from tfp_dgm.data.label_sets import NOT, quoted_class
from tfp_dgm.data.table_texts import read_annotated_texts, truncate
from tfp_dgm.data.table_warnings import odd_texts, similar_labels
from tfp_dgm.data.visible_text import spelling

if TYPE_CHECKING:
    import pandas as pd

_Answer = tuple[AnnotationColumn, int, str, str]  # Of a column's row: who, and which class.


@dataclass(frozen=True)
class AnnotatedTable:
    """A table of N rows on I items, with n answers by A annotators.

    Attributes:
      frame: [N] rows, every column of the file with its values as they stand there.
      item: int64 [N], the item of each row: rows of one text are one where each row holds an
        answer, else every row is an item.
      texts: [I], the text columns joined by newlines, as in `LabelledTable`.
      classes: [K] class names, sorted.
      annotators: [A] names, in the order of the columns or else sorted.
      answers: int64 [n, 3]; of each answer its item, annotator and class, without repetitions.
      warnings: what a person should look at, a sentence each.
      places: [I], where each item first stands in the file, such as "line 12".
    """

    frame: pd.DataFrame
    item: NDArray[np.int64]
    texts: list[str]
    classes: tuple[str, ...]
    annotators: tuple[str, ...]
    answers: NDArray[np.int64]
    warnings: list[str]
    places: list[str]


def read_annotated_table(
    path: str | PathLike[str],
    *,
    text_columns: Sequence[str],
    label_columns: Sequence[str],
    annotator_column: str | None = None,
    separator: str = "|",
    classes: Sequence[str] | None = None,
    quoting: bool = True,
) -> AnnotatedTable:
    """Reads a table that several annotators have labelled.

    A label cell that is empty, blank, null or "?" is no answer; anything else is one class, taken
    as it stands. Marks of what a row is not are refused; see `read_labelled_table`.

    Args:
      path, text_columns, quoting: as for `read_labelled_table`.
      label_columns: the columns of labels, one for each annotator; where there is an
        `annotator_column`, the one of all answers.
      annotator_column: names who gave the answer of each row; rows of one text are one item.
      separator: stands between the classes of a set, which no annotator may answer; "" if labels
        are never sets.
      classes: all class names; None takes those that occur.
    Returns:
      The table.
    Raises:
      DataError: if the file is not such a table; names the file, line, column, what was
        expected and what came.
    """
    if annotator_column is not None and len(label_columns) != 1:
        raise DataError(
            "annotator_column: expected one label column beside it, of all annotators' answers; "
            f"received {listing([repr(name) for name in label_columns]) or 'none'}"
        )
    check_name_list("label_columns", label_columns)
    if not label_columns:
        raise DataError("label_columns: expected one or more; received none")
    named = [*label_columns, *([] if annotator_column is None else [annotator_column])]
    reader, chunk, texts = read_annotated_texts(path, text_columns, named, quoting)
    columns = [AnnotationColumn(reader.path, name, chunk, separator) for name in label_columns]
    who = None
    if annotator_column is not None:
        who = AnnotationColumn(reader.path, annotator_column, chunk, "")
    found = list(_answers(columns, who, classes or ()))
    names = _classes(columns, found, classes)

    item = np.arange(len(texts))
    annotators = tuple(label_columns)
    if annotator_column is not None:
        item = numbers_of_values(texts)
        annotators = tuple(sorted({name for _, _, name, _ in found}))
    first = np.unique(item, return_index=True)[1]
    of_name = {name: a for a, name in enumerate(annotators)}
    of_class = {label: k for k, label in enumerate(names)}
    numbered = [(item[row], of_name[name], of_class[label]) for _, row, name, label in found]
    counts = Counter(label for _, _, _, label in found)
    return AnnotatedTable(
        frame=chunk.frame,
        item=item,
        texts=truncate([texts[row] for row in first]),
        classes=names,
        annotators=annotators,
        answers=np.unique(np.array(numbered, np.int64), axis=0),
        warnings=[
            *torn_names(classes or (), separator),
            *(text for column in columns for text in _mark_warnings(column, classes)),
            *similar_labels(dict(counts)),
            *odd_texts(texts, chunk),
            *chunk.warnings,
        ],
        places=[chunk.place(row) for row in first],
    )


def _answers(
    columns: Sequence[AnnotationColumn], who: AnnotationColumn | None, classes: Sequence[str]
) -> Iterator[_Answer]:
    names = None if who is None else who.sets()
    for column in columns:
        for row, said in enumerate(column.marked_labels(classes)):
            labels = said.named
            if said.denied:
                raise column.error(
                    "expected one class, since an annotator cannot answer what a row is not; "
                    f"received {NOT + said.denied[0]!r}; if it is a class, write "
                    f"'{quoted_class(NOT + said.denied[0])}' or list it in `classes`",
                    row,
                )
            if not labels:
                continue
            if len(labels) > 1:
                raise column.error(
                    "expected one class, since an annotator cannot answer a set; received "
                    f"{listing([spelling(label) for label in labels])}; if {column.separator!r} is "
                    "part of a label, choose another separator",
                    row,
                )
            if who is None or names is None:
                yield column, row, column.column, labels[0]
            elif len(names[row]) == 1:
                yield column, row, names[row][0], labels[0]
            else:
                raise who.error(f"expected who gave the label {labels[0]!r}; received no name", row)


def _mark_warnings(column: AnnotationColumn, classes: Sequence[str] | None) -> Iterator[str]:
    return column.mark_warnings(column.marked_labels(classes or ()))


def _classes(
    columns: Sequence[AnnotationColumn], found: Sequence[_Answer], classes: Sequence[str] | None
) -> tuple[str, ...]:
    """The class names, sorted; refuses answers that are none of those given, and lone classes."""
    counts = Counter(label for _, _, _, label in found)
    if not counts:
        raise columns[0].error(
            "there are no labels at all, in any column of labels; label a few rows of each class "
            "first"
        )
    if classes is None:
        columns[0].check_shared(counts)
    known = tuple(sorted(counts)) if classes is None else given_names(classes)
    for column, row, _, label in found:
        column.check_known((label,), known, row)
    if len(counts) < 2:
        raise columns[0].error(
            f"expected labels of two or more classes; received only {spelling(min(counts))}"
        )
    return known
