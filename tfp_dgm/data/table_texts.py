"""The texts of a table, beside the columns of its annotations."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from os import PathLike

import numpy as np

from tfp_dgm.data.column_names import check_columns, check_name_list
from tfp_dgm.data.data_error import DataError, shorten
from tfp_dgm.data.frame_chunk import FrameChunk, is_null
from tfp_dgm.data.table_reader import TableReader, open_table
from tfp_dgm.data.table_warnings import MAX_TEXT_CHARACTERS

_ROWS_PER_CHUNK = 65_536


def read_annotated_texts(
    path: str | PathLike[str],
    text_columns: Sequence[str],
    label_columns: Sequence[str],
    quoting: bool,
) -> tuple[TableReader, FrameChunk, list[str]]:
    """Reads a table of N rows that has columns of text and columns of annotations.

    Args:
      path, text_columns, quoting: as for `read_labelled_table`.
      label_columns: the columns of annotations, and of who made them.
    Returns:
      The reader, the table, and its texts [N].
    Raises:
      DataError: if there is no such table, it lacks a column, a column of annotations is given
        twice or is one of text, or `text_columns` is a string.
    """
    check_name_list("text_columns", text_columns)
    reader = open_table(path, quoting=quoting)
    for column, count in Counter(label_columns).items():
        if column in text_columns:
            raise DataError.at(
                path, "the label column is a text column, too: labels would leak", column=column
            )
        if count > 1:
            raise DataError.at(path, "expected each column of labels once", column=column)
    chunk = read_whole(reader)
    check_columns(reader.path, list(chunk.frame.columns), [*text_columns, *label_columns])
    return reader, chunk, join_texts(reader, chunk, text_columns)


def join_texts(reader: TableReader, chunk: FrameChunk, text_columns: Sequence[str]) -> list[str]:
    """The text of each row: its text columns, joined by newlines."""
    if not text_columns:
        raise DataError.at(reader.path, "text_columns: expected at least one column; received none")
    columns = []
    for name in text_columns:
        if name not in chunk.frame.columns:
            columns.append([""] * len(chunk.frame))
            continue
        texts = []
        for row, value in enumerate(chunk.frame[name].tolist()):
            if not isinstance(value, str) and not is_null(value):
                raise DataError.at(
                    reader.path,
                    f"expected a string; received {shorten(value)} ({type(value).__name__})",
                    place=chunk.place(row),
                    column=name,
                )
            texts.append(_encodable(value) if isinstance(value, str) else "")
        columns.append(texts)
    return ["\n".join(parts) for parts in zip(*columns, strict=True)]


def _encodable(text: str) -> str:
    """Replaces lone surrogates, which JSON can hold but UTF-8 tensors cannot."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")


def truncate(texts: list[str]) -> list[str]:
    """What of each text the model reads."""
    return [text[:MAX_TEXT_CHARACTERS] for text in texts]


def read_whole(reader: TableReader) -> FrameChunk:
    """All rows of a table as one chunk."""
    import pandas as pd

    chunks = list(reader.chunks(_ROWS_PER_CHUNK))
    # As objects: pandas' own union of names holds no lone surrogate.
    names = pd.Index(dict.fromkeys(name for c in chunks for name in c.frame.columns), dtype=object)
    return FrameChunk(
        frame=pd.concat([c.frame.reindex(columns=names) for c in chunks], ignore_index=True),
        lines=np.concatenate([chunk.lines for chunk in chunks]),
        unit=chunks[0].unit,
        warnings=chunks[-1].warnings,
    )
