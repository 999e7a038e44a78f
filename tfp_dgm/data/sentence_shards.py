"""Sentences in one file or in many: the files of a folder or a pattern, read a text at a time."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterator
from pathlib import Path

from tfp_dgm.data.column_names import check_columns
from tfp_dgm.data.data_error import DataError, listing, shorten
from tfp_dgm.data.file_patterns import files_of_pattern
from tfp_dgm.data.frame_chunk import is_null
from tfp_dgm.data.input_file import check_input_file
from tfp_dgm.data.sentences import iter_lines
from tfp_dgm.data.table_reader import open_table
from tfp_dgm.data.visible_text import is_blank

TABLES = (".parquet", ".jsonl", ".ndjson", ".csv", ".tsv")
RECORDS = (".tfrecord", ".tfrecords")
_ROWS_AT_ONCE = 4096

# Where a text stands ("line 7"), the text, and why it is no sentence, or None.
PlacedText = tuple[str, str, str | None]


def find_shards(path: str | os.PathLike[str]) -> list[Path]:
    """The files of sentences that a path stands for, in the order of their names.

    Args:
      path: a file; a folder, all of whose files are shards, but for those whose names begin with
        "." or "_"; or a pattern with *, ? or [...], in which ** stands for folders.
    Raises:
      DataError: if there is none; if the folder holds another folder, or files of several kinds;
        for what `files_of_pattern` refuses.
    """
    path = Path(path)
    if not path.exists() and glob.has_magic(str(path)):
        named = files_of_pattern(str(path), lambda folder: bool(shard_kind(folder)))
        files = sorted(map(Path, named))
    elif path.is_dir():
        files = sorted(file for file in path.iterdir() if not file.name.startswith((".", "_")))
        inner = next((file for file in files if not file.is_file()), None)
        if inner is not None:
            raise DataError.at(
                path,
                f"expected files of sentences alone; received the folder {inner.name!r}; give a "
                f"pattern, such as '{path}/**/*.txt'",
            )
    else:
        check_input_file(path, folder=True)
        return [path]
    if not files:
        raise DataError.at(path, "expected files of sentences there; found none")
    other = next((file for file in files if shard_kind(file) != shard_kind(files[0])), None)
    if other is not None:
        raise DataError.at(
            path,
            f"expected files of one kind; {files[0].name!r} is of {_named(files[0])}, "
            f"{other.name!r} of {_named(other)}; give a pattern that names one kind",
        )
    return files


def shard_kind(path: Path) -> str:
    """The ending that tells a shard's format, in lower case and without ".gz"; "" where none is."""
    suffixes = [suffix.lower() for suffix in path.suffixes]
    if suffixes[-1:] == [".gz"]:
        suffixes.pop()
    return suffixes[-1] if suffixes else ""


def iter_shard(path: Path, column: str) -> Iterator[PlacedText]:
    """The texts of one shard, in order; of text the lines, of a table one column.

    Raises:
      DataError: if it cannot be read or is damaged, lacks the column, holds something else than
        texts in it, or holds no sentence at all; names the line or row where it can.
    """
    texts = _of_table(path, column) if shard_kind(path) in TABLES else _of_lines(path)
    yield from with_some_sentence(path, texts)


def with_some_sentence(path: Path, texts: Iterator[PlacedText]) -> Iterator[PlacedText]:
    """The same texts.

    Raises:
      DataError: at their end, if none was a sentence.
    """
    sentences = 0
    faults: list[str] = []
    for place, text, fault in texts:
        if fault is None:
            sentences += 1
        elif not sentences and len(faults) < 3:
            faults.append(f"{place}, {fault}")
        yield place, text, fault
    if not sentences:
        rest = f"; received {listing(faults)}" if faults else "; the file is empty"
        raise DataError.at(path, f"expected at least one sentence{rest}")


def _of_lines(path: Path) -> Iterator[PlacedText]:
    for number, text, fault in iter_lines(path):
        yield f"line {number}", text, fault


def _of_table(path: Path, column: str) -> Iterator[PlacedText]:
    for chunk in open_table(path).chunks(_ROWS_AT_ONCE):
        check_columns(path, list(chunk.frame.columns), [column])
        for row, value in enumerate(chunk.frame[column].tolist()):
            if is_null(value):
                yield chunk.place(row), "", "empty"
                continue
            if not isinstance(value, str):
                raise DataError.at(
                    path,
                    f"expected a text; received {shorten(value)}",
                    place=chunk.place(row),
                    column=column,
                )
            text = value.strip()
            yield chunk.place(row), text, "empty" if is_blank(text) else None


def _named(path: Path) -> str:
    return shard_kind(path) or "no ending"
