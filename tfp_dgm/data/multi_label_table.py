"""Tables in which any of several classes may apply to a row."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from os import PathLike
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from tfp_dgm.data.class_definitions import ClassDefinitions
from tfp_dgm.data.column_names import check_name_list
from tfp_dgm.data.data_error import DataError, listing, shorten
from tfp_dgm.data.frame_chunk import FrameChunk
from tfp_dgm.data.label_column import AnnotationColumn
from tfp_dgm.data.label_sets import refuse_marks_in
from tfp_dgm.data.multi_label_columns import (
    UNKNOWN,
    LabelSetColumn,
    check_marks,
    parse_indicators,
)
from tfp_dgm.data.table_texts import read_annotated_texts, truncate
from tfp_dgm.data.table_warnings import odd_texts, similar_labels
from tfp_dgm.data.visible_text import is_blank, spelling

if TYPE_CHECKING:
    import pandas as pd

_NUM_EXAMPLES = 3


@dataclass(frozen=True)
class MultiLabelTable:
    """A table of N texts, each of which any of K classes may apply to.

    Attributes:
      frame: [N] rows, every column of the file with its values as they stand there.
      texts: [N], the text columns joined by newlines, as in `LabelledTable`.
      classes: [K] class names, sorted.
      marks: int8 [N, K]; 1 = the class applies, 0 = it does not, -1 = unknown.
      holds_lists: whether labels are lists rather than cells to be split.
      warnings: what a person should look at, a sentence each.
      places: [N], where each row stands in the file, such as "line 12".
    """

    frame: pd.DataFrame
    texts: list[str]
    classes: tuple[str, ...]
    marks: NDArray[np.int8]
    holds_lists: bool
    warnings: list[str]
    places: list[str]


def read_multi_label_table(
    path: str | PathLike[str],
    *,
    text_columns: Sequence[str],
    label_columns: Sequence[str],
    separator: str = ";",
    classes: Sequence[str] | None = None,
    definitions: ClassDefinitions | None = None,
    quoting: bool = True,
) -> MultiLabelTable:
    r"""Reads a table in which any of several classes may apply to a row.

    One label column names the classes: "a;b" or, in JSON Lines and Parquet, a list. Nothing else
    applies, unless the cell says less:

        a;b      a and b, and no other           a;?   at least a; the others are unknown
        (none)   none of the classes ([])        !a    not a; the others are unknown
                                                 a;!b  a, and not b; the others are unknown
        nothing  not annotated                   \!a   a class whose name is "!a"

    Several label columns are a class each, and hold 1 or true, 0 or false, or nothing: unknown.

    Args:
      path, text_columns, quoting: as for `read_labelled_table`.
      label_columns: the column of labels, or a column for each class.
      separator: stands between the classes of a cell.
      classes: all class names, where some occur nowhere; None takes those that do.
      definitions: of the classes, in place of `classes`. There need be no labels then, nor a column
        of them.
    Returns:
      The table.
    Raises:
      DataError: if the file is not such a table; names the file, line, column, what was
        expected and what came.
    """
    check_separator(separator)
    check_name_list("label_columns", label_columns)
    if not label_columns and definitions is None:
        raise DataError("label_columns: expected one or more; received none")
    if definitions is not None:
        if classes is not None:
            raise DataError("classes: expected none beside `definitions`, which name them all")
        classes = definitions.classes
        if len(label_columns) > 1:
            _check_defined(label_columns, definitions)
            classes = None
    if len(label_columns) > 1 and classes is not None:
        raise DataError(
            "classes: expected none beside several label columns, which are the classes; received "
            f"{shorten(list(classes))}"
        )
    reader, chunk, texts = read_annotated_texts(path, text_columns, label_columns, quoting)
    holds_lists = False
    if not label_columns:
        names = tuple(classes or ())
        marks = np.full((len(texts), len(names)), UNKNOWN, np.int8)
    elif len(label_columns) > 1:
        names, marks = parse_indicators(reader.path, label_columns, chunk)
    else:
        cells = LabelSetColumn(AnnotationColumn(reader.path, label_columns[0], chunk, separator))
        names, marks = cells.parse(classes)
        holds_lists = cells.holds_lists
    if label_columns:
        annotations = AnnotationColumn(reader.path, label_columns[0], chunk, "")
        if definitions is None:
            check_marks(annotations, names, marks)
        if len(label_columns) == 1:
            _check_indicators_are_several(annotations, names)
    counts = dict(zip(names, (marks == 1).sum(axis=0).tolist(), strict=True))
    return MultiLabelTable(
        frame=chunk.frame,
        texts=truncate(texts),
        classes=names,
        marks=marks,
        holds_lists=holds_lists,
        warnings=[
            *similar_labels(counts),
            *_conflicts(texts, names, marks, chunk),
            *odd_texts(texts, chunk),
            *chunk.warnings,
        ],
        places=[chunk.place(row) for row in range(len(texts))],
    )


def check_separator(separator: str, classes: Sequence[str] = ()) -> None:
    """Refuses what cannot stand between classes.

    Args:
      separator: to be looked at.
      classes: names that it is to stand between.
    Raises:
      DataError: if it is empty, one of the marks of `read_multi_label_table`, or part of a name.
    """
    if not separator:
        raise DataError("separator: expected something to stand between labels; received ''")
    refuse_marks_in(separator)
    for name in classes:
        if separator in name:
            raise DataError(
                f"separator: expected one that no class name holds, since the output puts it "
                f"between them; received {separator!r}, which {name!r} holds"
            )


def _check_defined(columns: Sequence[str], definitions: ClassDefinitions) -> None:
    """Refuses columns of 0 and 1, each a class, that are not the classes that are defined."""
    if differing := sorted({*columns} ^ {*definitions.classes}):
        raise DataError(
            "definitions: expected the classes that the label columns are, "
            f"{listing([spelling(name) for name in sorted(columns)], limit=30)}; received "
            f"{listing([spelling(name) for name in definitions.classes], limit=30)}, of which "
            f"{spelling(differing[0])} is only on one side"
        )


def _check_indicators_are_several(column: AnnotationColumn, names: Sequence[str]) -> None:
    if set(names) <= {"0", "1", "true", "false"}:
        raise column.error(
            "expected the names of classes; received 0 and 1 alone: several columns of these are "
            "a class each, but one such column is two classes of which one applies, which needs "
            "no `multi_label`"
        )


def _conflicts(
    texts: Sequence[str], classes: Sequence[str], marks: NDArray[np.int8], chunk: FrameChunk
) -> Iterator[str]:
    rows_of: defaultdict[str, list[int]] = defaultdict(list)
    for row in np.flatnonzero((marks >= 0).any(axis=1)).tolist():
        if not is_blank(texts[row]):
            rows_of[texts[row]].append(row)
    conflicting = []
    for rows in rows_of.values():
        both = (marks[rows] == 1).any(axis=0) & (marks[rows] == 0).any(axis=0)
        if both.any():
            conflicting.append((rows, classes[int(both.argmax())]))
    if conflicting:
        examples = "; ".join(
            f"{shorten(texts[rows[0]])} has {name!r} and has it not: {chunk.places(rows)}"
            for rows, name in conflicting[:_NUM_EXAMPLES]
        )
        many = "1 text" if len(conflicting) == 1 else f"{len(conflicting)} texts"
        yield f"{many} with conflicting labels on identical copies, such as {examples}."
