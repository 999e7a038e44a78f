"""Tables of texts whose topics are asked for, with classes and dates where there are some."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from os import PathLike
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from tfp_dgm.data.data_error import DataError
from tfp_dgm.data.date_cells import read_dates
from tfp_dgm.data.frame_chunk import FrameChunk, is_null
from tfp_dgm.data.label_column import AnnotationColumn
from tfp_dgm.data.label_sets import OTHERS_UNKNOWN
from tfp_dgm.data.table_reader import TableReader
from tfp_dgm.data.table_texts import read_annotated_texts, truncate
from tfp_dgm.data.table_warnings import odd_texts

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class TopicTable:
    """A table of N texts.

    Attributes:
      frame: [N] rows, every column of the file with its values as they stand there.
      texts: [N], the text columns joined by newlines, as in `LabelledTable`.
      labels: [N], the class of each row, None where there is none; None without a label column.
      seeds: [N], the topic that a person gave each row, None where none; None without a column.
      dates: datetime64[s] [N], NaT where a cell is empty; None without a date column.
      warnings: what a person should look at, a sentence each.
      places: [N], where each row stands in the file, such as "line 12".
    """

    frame: pd.DataFrame
    texts: list[str]
    labels: list[str | None] | None
    seeds: list[str | None] | None
    dates: NDArray[np.datetime64] | None
    warnings: list[str]
    places: list[str]


def read_topic_table(
    path: str | PathLike[str],
    *,
    text_columns: Sequence[str],
    label_column: str | None = None,
    seed_column: str | None = None,
    date_column: str | None = None,
    quoting: bool = True,
) -> TopicTable:
    """Reads a table of texts.

    A cell of classes or of topics that is empty, blank, null or "?" is none.

    Args:
      path, text_columns, quoting: as for `read_labelled_table`.
      label_column: holds a class of each row, to be compared with topics.
      seed_column: holds the topic that a row is of, where a person says so.
      date_column: holds dates, such as 2024-05-31, or times.
    Raises:
      DataError: if the file is not such a table; names the file, line, column, what was expected
        and what came.
    """
    named = [name for name in (label_column, seed_column, date_column) if name is not None]
    reader, chunk, texts = read_annotated_texts(
        path, text_columns, list(dict.fromkeys(named)), quoting
    )
    return TopicTable(
        frame=chunk.frame,
        texts=truncate(texts),
        labels=_classes(reader, chunk, label_column),
        seeds=_classes(reader, chunk, seed_column),
        dates=None if date_column is None else _dates(reader, chunk, date_column),
        warnings=[*odd_texts(texts, chunk), *chunk.warnings],
        places=[chunk.place(row) for row in range(len(texts))],
    )


def _classes(reader: TableReader, chunk: FrameChunk, column: str | None) -> list[str | None] | None:
    if column is None:
        return None
    sets = AnnotationColumn(reader.path, column, chunk, "").sets()
    found = [labels[0] if labels and labels[0] != OTHERS_UNKNOWN else None for labels in sets]
    if not any(found):
        raise DataError.at(reader.path, "expected a value in some rows", column=column)
    return found


def _dates(reader: TableReader, chunk: FrameChunk, column: str) -> NDArray[np.datetime64]:
    cells = [
        None if is_null(value) or (isinstance(value, str) and not value.strip()) else value
        for value in chunk.frame[column].tolist()
    ]
    found = read_dates(
        cells,
        lambda row, said: DataError.at(reader.path, said, place=chunk.place(row), column=column),
    )
    if np.isnat(found).all():
        raise DataError.at(reader.path, "expected dates in some rows", column=column)
    return found
