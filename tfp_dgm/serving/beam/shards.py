"""The files of a large table, each a shard: which there are, and what they have in common."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import numpy as np

from tfp_dgm.data import DataError, digest, open_table
from tfp_dgm.data.column_names import check_columns
from tfp_dgm.data.data_error import NoRowsError
from tfp_dgm.data.file_patterns import files_of_pattern
from tfp_dgm.data.frame_chunk import FrameChunk
from tfp_dgm.data.lines_reader import LinesReader
from tfp_dgm.data.table_reader import TableReader, table_suffix

_TEXT = ".txt"
# A file's name has at most 255 bytes; a letter of Chinese alone is nine here.
_LONGEST_KEY = 180


@dataclass(frozen=True)
class Shard:
    """A file of rows, and the file of their answers.

    Attributes:
      source: the file.
      name: of its answers, below the folder of all: the source's own below the folder that all
        sources share, with the ending .jsonl where the source is plain text.
    """

    source: str
    name: str

    @property
    def key(self) -> str:
        """The name without folders, for files that are told about this shard."""
        quoted = quote(self.name, safe="")
        if len(quoted) <= _LONGEST_KEY:
            return quoted
        return f"{quoted[:_LONGEST_KEY]}~{digest(self.name)}"

    def state(self) -> list[int | str]:
        """What changes when the source is another, or written anew: its place, size and time."""
        found = os.stat(self.source)
        return [os.path.abspath(self.source), found.st_size, found.st_mtime_ns]


# The names of a table's columns and, where the format has them, their types.
Schema = Sequence[tuple[str, str]]


def shards_of(
    pattern: str | os.PathLike[str], *, output: str | os.PathLike[str] | None = None
) -> list[Shard]:
    """The shards that a pattern names, in the order of their names.

    Args:
      pattern: a file, a folder, whose files are taken, or a pattern with *, ?, [...] and ** (any
        folders). CSV, TSV, JSON Lines, plain text (.txt), each also .gz, or Parquet; all of one
        format. Names of files and folders that begin with a dot or an underscore are left out,
        unless the pattern has them, as engines of tables do.
      output: a folder whose files are left out: a pattern with ** may find what a run has written.
    Raises:
      DataError: if there is none; of another format, or several formats; if a name is no UTF-8, a
        link leads nowhere, or a folder is named like a table and its files are not among those.
    """
    sources = [Path(name) for name in _matches(os.fspath(pattern))]
    if output is not None:
        own = os.path.realpath(output)
        sources = [source for source in sources if Path(own) not in source.resolve().parents]
    if not sources:
        raise DataError.at(pattern, "no such file; expected a file, a folder, or a pattern of them")
    shared = Path(os.path.commonpath([source.parent for source in sources]))
    shards = [
        Shard(str(source), str(_answers_name(source.relative_to(shared)))) for source in sources
    ]
    first: Shard | None = None
    by_name: dict[str, Shard] = {}
    for shard in shards:
        first = first or shard
        if _format(shard) != _format(first):
            raise DataError.at(
                shard.source,
                f"expected shards of one format; received {_format(shard)}, and {_format(first)} "
                f"in {first.source}",
            )
        if shard.name in by_name:
            raise DataError.at(
                shard.source,
                f"its answers would be {shard.name}, as those of {by_name[shard.name].source}",
            )
        by_name[shard.name] = shard
    return shards


def open_shard(source: str, *, quoting: bool = True) -> TableReader:
    """The reader of a shard; plain text is a table of the column `text`.

    Raises:
      DataError: if there is no such file.
    """
    if is_text(Path(source)):
        return LinesReader(Path(source))
    return open_table(source, quoting=quoting)


def chunks_of(reader: TableReader, rows: int) -> Iterator[FrameChunk]:
    """The chunks of a shard; of columns without a row one of none, which is a shard like others.

    Raises:
      DataError: as `TableReader.chunks`.
    """
    try:
        yield from reader.chunks(rows)
    except NoRowsError as nothing:
        yield FrameChunk(nothing.frame, np.zeros(0, np.int64), "row")


def schema_of(chunk: FrameChunk, source: str) -> Schema | None:
    """What all shards have in common with this one; None of JSON Lines, whose rows may differ."""
    if "json" in _format_of(Path(source)):
        return None
    typed = _format_of(Path(source)) == ".parquet"
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
            chunk = next(chunks_of(open_shard(shard.source, quoting=quoting), 1))
        except DataError as error:
            problem = problem or error
            continue
        check_columns(Path(shard.source), list(chunk.frame.columns), columns)
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


def _matches(pattern: str) -> list[str]:
    if os.path.isfile(pattern):
        return [pattern]
    if os.path.isdir(pattern):
        asked = os.path.join(glob.escape(pattern), "*")
        return files_of_pattern(asked, _is_table)
    return files_of_pattern(pattern, _is_table)


def _is_table(path: Path) -> bool:
    try:
        return bool(_format_of(path))
    except DataError:
        return False


def is_text(path: Path) -> bool:
    """Whether a file's name says that it is plain text."""
    suffixes = [suffix.lower() for suffix in path.suffixes]
    return suffixes[-1:] == [_TEXT] or suffixes[-2:] == [_TEXT, ".gz"]


def _answers_name(source: Path) -> Path:
    """The path of a shard's answers: plain text has no columns to add to."""
    if not is_text(source):
        return source
    packed = source.suffix.lower() == ".gz"
    bare = source.with_suffix("").with_suffix("") if packed else source.with_suffix("")
    return bare.with_name(f"{bare.name}.jsonl{'.gz' if packed else ''}")


def _format(shard: Shard) -> str:
    return _format_of(Path(shard.source))


def _format_of(source: Path) -> str:
    return _TEXT if is_text(source) else table_suffix(source)
