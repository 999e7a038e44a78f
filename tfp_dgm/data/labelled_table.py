"""Partially annotated tables: texts, the classes that each row's annotation allows, warnings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from os import PathLike
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from tfp_dgm.data.class_definitions import ClassDefinitions
from tfp_dgm.data.class_names import group_labels, torn_names
from tfp_dgm.data.column_names import check_columns, check_name_list
from tfp_dgm.data.data_error import DataError, did_you_mean, listing
from tfp_dgm.data.label_column import AnnotationColumn, observed_classes
from tfp_dgm.data.table_reader import open_table
from tfp_dgm.data.table_texts import join_texts, read_annotated_texts, truncate
from tfp_dgm.data.table_warnings import table_warnings

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class LabelledTable:
    """A table of N texts, some of them annotated with one of K classes.

    Attributes:
      frame: [N] rows, every column of the file with its values as they stand there.
      texts: [N], the text columns joined by newlines; at most MAX_TEXT_CHARACTERS each.
      classes: [K] class names, sorted.
      allowed: bool [N, K], the classes that the annotation allows: all of them where the row
        is not annotated, one for an observed label, several for "one of these".
      warnings: what a person should look at, a sentence each.
      places: [N], where each row stands in the file, such as "line 12".
    """

    frame: pd.DataFrame
    texts: list[str]
    classes: tuple[str, ...]
    allowed: NDArray[np.bool_]
    warnings: list[str]
    places: list[str]

    @property
    def observed(self) -> NDArray[np.int64]:
        """int64 [N]: the observed class, -1 where there is none or a set of several."""
        return observed_classes(self.allowed)


@dataclass(frozen=True)
class TableChunk:
    """Consecutive rows of a table to be labelled.

    Attributes:
      frame: [n] rows, every column of the file.
      texts: [n], as in `LabelledTable`.
      warnings: what is doubtful in the file from its start to this chunk's end, a sentence each.
    """

    frame: pd.DataFrame
    texts: list[str]
    warnings: tuple[str, ...] = ()


def read_labelled_table(
    path: str | PathLike[str],
    *,
    text_columns: Sequence[str],
    label_column: str | None,
    separator: str = "|",
    classes: Sequence[str] | None = None,
    definitions: ClassDefinitions | None = None,
    quoting: bool = True,
) -> LabelledTable:
    """Reads a table in which some rows are labelled.

    A label cell that is empty, blank, null or "?" is not annotated; "a|b", or a list in JSON Lines
    and Parquet, means one of a and b; "!a" any class but a, and "!a|!b" neither of them; anything
    else is an observed label, taken as it stands. So is one of `classes`, and a mark behind a
    backslash. A cell whose characters are all invisible is blank. A number is the label that JSON
    writes, without a fraction of nought.

    Args:
      path: a .csv, .tsv, .jsonl or .ndjson file, also gzipped (.gz), or .parquet; UTF-8, at most
        20 million characters in a cell.
      text_columns: the columns that hold the text, at least one.
      label_column: the column that holds the labels; None, with definitions, where there is none.
      separator: stands between the classes of a set; "" if labels are never sets.
      classes: all class names, where some may occur only inside sets, behind "!" or not at all. By
        default the observed labels.
      definitions: of the classes, in place of `classes`. A label may then name a group of them,
        and there may be no labels.
      quoting: whether cells of CSV and TSV may be quoted as in RFC 4180; where not, a quote is a
        character like any other, and each line is a row.
    Returns:
      The table.
    Raises:
      DataError: if the file is not such a table; names the file, line, column, what was
        expected and what came.
    """
    label_columns = [] if label_column is None else [label_column]
    reader, chunk, texts = read_annotated_texts(path, text_columns, label_columns, quoting)
    doubts: list[str] = []
    if label_column is None:
        names = definitions.classes if definitions is not None else tuple(classes or ())
        allowed = np.ones((len(texts), len(names)), np.bool_)
    else:
        annotations = AnnotationColumn(reader.path, label_column, chunk, separator)
        names, allowed, doubts = _parsed(annotations, classes, definitions)
    return LabelledTable(
        frame=chunk.frame,
        texts=truncate(texts),
        classes=names,
        allowed=allowed,
        warnings=[*doubts, *table_warnings(texts, names, allowed, chunk)],
        places=[chunk.place(row) for row in range(len(texts))],
    )


def read_labelled_columns(
    path: str | PathLike[str],
    *,
    text_columns: Sequence[str],
    label_columns: Sequence[str],
    separator: str = "|",
    classes: Mapping[str, Sequence[str]] | None = None,
    definitions: Mapping[str, ClassDefinitions] | None = None,
    quoting: bool = True,
) -> dict[str, LabelledTable]:
    """Reads a table once that has several columns of labels, each of classes of its own.

    Args:
      path, text_columns, separator, quoting: as for `read_labelled_table`.
      label_columns: distinct columns of labels.
      classes: all class names of those columns where some may not occur.
      definitions: in place of them, of any of those columns.
    Returns:
      The table for each label column; all have the same `frame`, `texts` and `places`.
    Raises:
      DataError: as for `read_labelled_table`; if `classes` or `definitions` name another column,
        or both the same.
    """
    classes = {} if classes is None else classes
    definitions = {} if definitions is None else definitions
    for argument, given in (("classes", classes), ("definitions", definitions)):
        for column in given:
            if column not in label_columns:
                raise DataError(
                    f"{argument}: expected the name of a label column, one of "
                    f"{listing([repr(name) for name in label_columns])}; received {column!r}"
                    f"{did_you_mean(column, label_columns)}"
                )
            if argument == "definitions" and column in classes:
                raise DataError(
                    f"classes: expected none of {column!r}, whose `definitions` name them all"
                )
    reader, chunk, texts = read_annotated_texts(path, text_columns, label_columns, quoting)
    read, places = truncate(texts), [chunk.place(row) for row in range(len(texts))]
    tables = {}
    for column in label_columns:
        annotations = AnnotationColumn(reader.path, column, chunk, separator)
        names, allowed, doubts = _parsed(annotations, classes.get(column), definitions.get(column))
        warnings = [*doubts, *table_warnings(texts, names, allowed, chunk)]
        tables[column] = LabelledTable(chunk.frame, read, names, allowed, warnings, places)
    return tables


def _parsed(
    annotations: AnnotationColumn,
    classes: Sequence[str] | None,
    definitions: ClassDefinitions | None,
) -> tuple[tuple[str, ...], NDArray[np.bool_], list[str]]:
    """Classes [K], what is allowed [N, K], and what is doubtful, a sentence each."""
    groups = None
    if definitions is not None:
        classes, groups = definitions.classes, definitions.groups
    names, allowed, doubts = annotations.parse(classes, groups)
    doubts += torn_names([*(classes or ()), *(groups or ())], annotations.separator)
    if groups:
        doubts += group_labels(annotations.sets(), groups)
    return names, allowed, doubts


def iter_table_chunks(
    path: str | PathLike[str],
    *,
    text_columns: Sequence[str],
    chunk_rows: int,
    quoting: bool = True,
) -> Iterator[TableChunk]:
    """Reads a table in chunks, at memory that does not grow with the file.

    Args:
      path: as for `read_labelled_table`.
      text_columns: the columns that hold the text, at least one.
      chunk_rows: the most rows in a chunk; large ones are fewer.
      quoting: as for `read_labelled_table`.
    Returns:
      The chunks, in order, none empty.
    Raises:
      DataError: as for `read_labelled_table`; at once if there is no such file, otherwise
        where the chunk with the error is reached.
    """
    check_name_list("text_columns", text_columns)
    reader = open_table(path, quoting=quoting)

    def chunks() -> Iterator[TableChunk]:
        for number, chunk in enumerate(reader.chunks(chunk_rows)):
            if number == 0:  # Later rows of JSON Lines may lack a key: no text, no error.
                check_columns(reader.path, list(chunk.frame.columns), text_columns)
            texts = join_texts(reader, chunk, text_columns)
            yield TableChunk(chunk.frame, truncate(texts), chunk.warnings)

    return chunks()
