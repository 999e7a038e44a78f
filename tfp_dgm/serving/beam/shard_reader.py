"""The rows of a shard, and what shards have in common."""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tfp_dgm.data import DataError, open_table
from tfp_dgm.data.column_names import check_columns
from tfp_dgm.data.data_error import NoRowsError
from tfp_dgm.data.frame_chunk import FrameChunk
from tfp_dgm.data.lines_reader import LinesReader
from tfp_dgm.data.object_storage import read_spans, state_of
from tfp_dgm.data.storage_urls import is_url
from tfp_dgm.data.table_reader import TableReader
from tfp_dgm.data.write_errors import writing
from tfp_dgm.serving.beam.shards import Part, Shard, format_of, is_text

# The names of a table's columns and, where the format has them, their types.
Schema = Sequence[tuple[str, str]]


class NoRoomError(DataError):
    """What is stored elsewhere has no room here; which is no fault of the shard."""


@dataclass(frozen=True)
class ShardReader:
    """The rows of a shard, be they stored elsewhere, or in the middle of a file.

    Attributes:
      shard: whose.
      table: the reader of what is here of it.
    """

    shard: Shard
    table: TableReader

    def chunks(self, rows: int) -> Iterator[FrameChunk]:
        """The chunks of the shard; of columns without a row one of none.

        Raises:
          DataError: as `TableReader.chunks`.
        """
        try:
            yield from self.table.chunks(rows)
        except NoRowsError as nothing:
            yield FrameChunk(nothing.frame, np.zeros(0, np.int64), "row")
        except DataError as error:
            raise DataError(self.named(error)) from error

    def named(self, error: DataError) -> str:
        """What an error says, of the file that people know."""
        return str(error).replace(str(self.table.path), self.shard.source)


@contextmanager
def open_shard(
    shard: Shard, *, quoting: bool = True, scratch: str | None = None
) -> Iterator[ShardReader]:
    """Opens a shard; plain text is a table of the column `text`.

    Args:
      shard: which; stored elsewhere, or a part of text, it is copied as long as it is open.
      quoting: whether cells of CSV and TSV may be quoted; where not, a quote is a letter.
      scratch: the folder of the copy; None for the system's.
    Raises:
      NoRoomError: if there is no room for a copy.
      DataError: if there is no such file.
    """
    part = shard.part
    if not is_url(shard.source) and (part is None or part.groups is not None):
        yield ShardReader(shard, _table(Path(shard.source), part, quoting))
        return
    with tempfile.TemporaryDirectory(prefix=".part-", dir=scratch) as folder:
        path = Path(folder, "rows" + "".join(Path(shard.source).suffixes[-2:]))
        _copy(shard, path)
        yield ShardReader(shard, _table(path, part, quoting))


def _copy(shard: Shard, path: Path) -> None:
    """Writes a shard's bytes: of Parquet each at its own place, where the footer says it is."""
    part = shard.part
    spans = [(0, state_of(shard.source)[0])] if part is None else part.spans
    with path.open("wb") as file:
        for span in spans:
            if part is not None and part.groups is not None:
                file.seek(span[0])
            for piece in read_spans(shard.source, [span]):
                try:
                    with writing(path):
                        file.write(piece)
                except DataError as error:
                    raise NoRoomError(str(error)) from error


def _table(path: Path, part: Part | None, quoting: bool) -> TableReader:
    first = 1 if part is None else part.first
    if is_text(path):
        return LinesReader(path, first=first)
    table = open_table(path, quoting=quoting)
    if part is None:
        return table
    changed = {"first": first} if part.groups is None else {"groups": part.groups}
    return dataclasses.replace(table, **changed)  # type: ignore[type-var]


def schema_of(chunk: FrameChunk, source: str) -> Schema | None:
    """What all shards have in common with this one; None of JSON Lines, whose rows may differ."""
    if "json" in format_of(Path(source)):
        return None
    typed = format_of(Path(source)) == ".parquet"
    return [
        (str(name), str(chunk.frame[name].dtype) if typed else "") for name in chunk.frame.columns
    ]


def common_schema(
    shards: Sequence[Shard], columns: Sequence[str], *, quoting: bool = True
) -> Schema | None:
    """The schema of the first shard that can be read.

    Raises:
      DataError: if it lacks one of `columns`, or no shard can be read: what is wrong with the
        first.
    """
    problem: DataError | None = None
    for shard in shards:
        try:
            with open_shard(shard, quoting=quoting) as reader:
                chunk = next(reader.chunks(1))
        except DataError as error:
            problem = problem or error
            continue
        check_columns(shard.source, list(chunk.frame.columns), columns)
        return schema_of(chunk, shard.source)
    assert problem is not None
    raise problem


def check_schema(source: str, expected: Schema | None, received: Schema | None) -> None:
    """Raises a DataError where a shard has other columns or types than the others."""
    if expected is None or received is None or list(expected) == list(received):
        return
    before, now = dict(expected), dict(received)
    for name, kind in expected:
        if name in now and now[name] != kind:
            raise DataError.at(
                source,
                f"expected {kind}, as in the first shard; received {now[name]}",
                column=name,
            )
    raise DataError.at(
        source,
        f"expected the columns {list(before)} of the first shard; received {list(now)}",
    )
