"""Large files in parts, each a shard of its own: where one may be cut."""

from __future__ import annotations

import dataclasses
import math
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from tfp_dgm.data import DataError
from tfp_dgm.data.foreign_content import refuse_foreign_content
from tfp_dgm.data.object_storage import open_stored, state_of
from tfp_dgm.data.table_reader import table_suffix
from tfp_dgm.progress import Progress, no_progress
from tfp_dgm.serving.beam.shards import Part, Shard, is_text

if TYPE_CHECKING:
    import pyarrow.parquet as pq

# A minute and more of a model's work: what a lost worker costs, and what all wait for at the end.
_BYTES_PER_PART = 128 * 2**20
_ROWS_PER_CHUNK = 8192
_LONGEST_LINE = 64 * 2**20
_LONGEST_NAME = 240  # Bytes; a file's may have 255, and what is unfinished has a longer one.
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class _WholeError(Exception):
    """A file has no place where it may be cut."""


def in_parts(
    shards: Sequence[Shard], *, quoting: bool = True, progress: Progress = no_progress
) -> list[Shard]:
    """The shards, large ones in parts, whose answers are named like a-00002-of-00007.csv.

    Parquet is cut between groups of rows. Text, JSON Lines, CSV and TSV are gone through once for
    where rows begin, and cut where one of the whole file's chunks does: the same texts are asked
    about together. What is gzipped, or has lines that end in a carriage return alone, stays one.

    Args:
      shards: whole files.
      quoting: see `open_shard`.
      progress: called with a step's name, the files done, and all.
    Raises:
      DataError: if a file has the name of a part of another.
    """
    found: dict[str, Shard] = {}
    for number, shard in enumerate(shards):
        progress("Looking where large files may be cut", number, len(shards))
        for part in _parts(shard, quoting):
            other = found.setdefault(part.name, part)
            if other is not part:
                raise DataError.at(
                    part.source,
                    f"its answers would be {part.name}, as those of {other.source}; rename one",
                )
    return [*found.values()]


def _parts(shard: Shard, quoting: bool) -> list[Shard]:
    path = Path(shard.source)
    if path.suffix.lower() == ".gz":
        return [shard]
    try:
        state = size, _ = state_of(shard.source)
        many = round(size / _BYTES_PER_PART)
        if many < 2:
            return [shard]
        with open_stored(shard.source) as file:
            if path.suffix.lower() == ".parquet":
                parts = _of_groups(file, size)
            else:
                refuse_foreign_content(file, path)
                kind = "" if is_text(path) else table_suffix(path)
                parts = _of_lines(file, math.ceil(size / many), kind, quoting)
    except (_WholeError, DataError, OSError):  # What is wrong with it is told where it is read.
        return [shard]
    if len(os.path.basename(_name(shard.name, 1, len(parts))).encode()) > _LONGEST_NAME:
        return [shard]
    return [
        dataclasses.replace(
            shard,
            name=_name(shard.name, number, len(parts)),
            part=dataclasses.replace(part, number=number, count=len(parts), cut=state),
        )
        for number, part in enumerate(parts, start=1)
    ]


def _name(whole: str, number: int, count: int) -> str:
    stem, ending = os.path.splitext(whole)
    return f"{stem}-{number:05d}-of-{count:05d}{ending}"


def _of_groups(file: BinaryIO, size: int) -> list[Part]:
    """Parts of Parquet: groups of rows one after the other, until they are large when unpacked."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(file) as table:
            metadata = table.metadata
            file.seek(size - 8)
            footer = (size - 8 - int.from_bytes(file.read(4), "little"), size)
    except pa.ArrowException as error:
        raise _WholeError from error
    groups = [metadata.row_group(number) for number in range(metadata.num_row_groups)]
    parts, first, row, start, unpacked = [], 0, 1, 1, 0
    for number, group in enumerate(groups, start=1):
        row += group.num_rows
        unpacked += group.total_byte_size
        if unpacked >= _BYTES_PER_PART or number == len(groups):
            spans = [(0, 4), *_joined(map(_span, groups[first:number])), footer]
            parts.append(Part(start, spans, (first, number)))
            first, start, unpacked = number, row, 0
    return _several(parts)


def _joined(spans: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Spans of which one begins where another ends as one: of a stored file each is a request."""
    found: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if found and start <= found[-1][1]:
            found[-1] = found[-1][0], max(end, found[-1][1])
        else:
            found.append((start, end))
    return found


def _span(group: pq.RowGroupMetaData) -> tuple[int, int]:
    """The bytes of a group of rows."""
    columns = [group.column(index) for index in range(group.num_columns)]
    starts = [
        min(column.dictionary_page_offset or column.data_page_offset, column.data_page_offset)
        for column in columns
    ]
    ends = [start + one.total_compressed_size for start, one in zip(starts, columns, strict=True)]
    return min(starts), max(ends)


def _of_lines(file: BinaryIO, target: int, kind: str, quoting: bool) -> list[Part]:
    """Parts of text.

    Args:
      file: at its start.
      target: bytes of a part, at least.
      kind: the ending of a table; "" of plain text.
      quoting: whether cells may be quoted.
    """
    has_header = kind in (".csv", ".tsv")
    delimiter = b"\t" if kind == ".tsv" else b","
    blank_is_row = kind == ""
    parts: list[Part] = []
    header: list[tuple[int, int]] = []
    header_lines = 0
    begun, first = 0, 1  # The byte and the line that the part begins with.
    rows = offset = 0
    number = 1
    in_record = begins_with_mark = False
    for line in _whole_lines(file):
        if offset == 0 and line.startswith(_BYTE_ORDER_MARK):
            begins_with_mark = True
        cut = not in_record and rows and rows % _ROWS_PER_CHUNK == 0
        if cut and offset - begun >= target:
            parts.append(_part(header, header_lines, begun, offset, first))
            begun, first = offset, number
        if has_header and quoting and b'"' in line:
            told = line.removeprefix(_BYTE_ORDER_MARK) if offset == 0 else line
            in_record = _ends_quoted(told, delimiter, in_record)
        offset += len(line)
        number += 1
        blank = not line.strip(b"\r\n" if has_header else None)
        if in_record or (blank and not blank_is_row):
            continue
        if has_header and not header:
            mark = len(_BYTE_ORDER_MARK) if begins_with_mark else 0
            header, header_lines = [(mark, offset)], number - 1
            blank_is_row = delimiter not in line  # Of one column, an empty cell.
            continue
        rows += 1
    parts.append(_part(header, header_lines, begun, offset, first))
    return _several(parts)


def _part(
    header: Sequence[tuple[int, int]], header_lines: int, begun: int, end: int, first: int
) -> Part:
    if begun == 0:
        return Part(1, [(0, end)])
    return Part(first - header_lines, [*header, (begun, end)])


def _whole_lines(file: BinaryIO) -> Iterator[bytes]:
    """The lines, none of which ends in a carriage return alone, or is larger than memory."""
    while line := file.readline(_LONGEST_LINE):
        if b"\r" in line and (line.count(b"\r") > 1 or not line.endswith(b"\r\n")):
            raise _WholeError
        if len(line) == _LONGEST_LINE and not line.endswith(b"\n"):
            raise _WholeError
        yield line


def _ends_quoted(line: bytes, delimiter: bytes, quoted: bool) -> bool:
    """Whether a line of CSV ends within a cell that is quoted.

    Args:
      quoted: whether it begins within one.
    """
    at = 0
    if not quoted and line.startswith(b'"'):
        quoted, at = True, 1
    while True:
        if quoted:
            at = line.find(b'"', at)
            if at < 0:
                return True
            if line[at + 1 : at + 2] == b'"':  # A quote inside the cell.
                at += 2
                continue
            quoted = False
        at = line.find(delimiter + b'"', at)
        if at < 0:
            return False
        quoted, at = True, at + 2


def _several(parts: list[Part]) -> list[Part]:
    if len(parts) < 2:
        raise _WholeError
    return parts
