"""Tables in files, read in chunks with every value as it stands and every row's line known.

CSV and TSV cells stay the strings they are in the file; JSON Lines keeps each value's JSON
type, a key that a row lacks is NaN; Parquet keeps its types as Arrow-backed columns.
"""

from __future__ import annotations

import csv
import json
import math
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, Protocol

import numpy as np
from numpy.typing import NDArray

from tfp_dgm.data.data_error import DataError, did_you_mean, listing, shorten
from tfp_dgm.data.text_file import open_text

if TYPE_CHECKING:  # pandas takes a third of a second to import: `dgm --help` does not wait.
    import pandas as pd

_DELIMITERS = {".csv": ",", ".tsv": "\t"}
_JSON_LINES = (".jsonl", ".ndjson")
_SUPPORTED = ".csv, .tsv, .jsonl, .ndjson (each also with .gz), .parquet"
_BYTES_PER_CELL = 2**31 - 1  # The most that the csv module takes on every platform.


@dataclass(frozen=True)
class FrameChunk:
    """Consecutive rows of a table.

    Attributes:
      frame: the rows [n], every column of the file.
      lines: int64 [n], the 1-based line on which each row starts; its row in Parquet.
      unit: what `lines` counts, "line" or "row".
    """

    frame: pd.DataFrame
    lines: NDArray[np.int64]
    unit: str

    def place(self, row: int) -> str:
        """Returns where a row stands in the file, such as "line 12"."""
        return f"{self.unit} {self.lines[row]}"

    def places(self, rows: Sequence[int]) -> str:
        """Returns where some rows stand in the file, such as "lines 3, 12 and 7 more"."""
        plural = self.unit if len(rows) == 1 else f"{self.unit}s"
        return f"{plural} {listing([str(self.lines[row]) for row in rows])}"


class TableReader(Protocol):
    """One file format: how to cut a file into chunks of rows."""

    @property
    def path(self) -> Path:
        """The file."""

    def chunks(self, rows: int) -> Iterator[FrameChunk]:
        """Yields the table in order, at least one chunk, none empty, of at most `rows` rows.

        Raises:
          DataError: if the file is empty or damaged; names the line.
        """


def open_table(path: str | PathLike[str]) -> TableReader:
    """Returns the reader for a file, chosen by its extension.

    Raises:
      DataError: if there is no such file or no reader for its extension.
    """
    path = Path(path)
    if path.is_dir():
        raise DataError.at(path, "expected a file, got a folder")
    if not path.exists():
        raise DataError.at(path, "no such file")
    suffix = table_suffix(path)
    if suffix in _DELIMITERS:
        return CsvReader(path, _DELIMITERS[suffix])
    if suffix in _JSON_LINES:
        return JsonLinesReader(path)
    return ParquetReader(path)


def table_suffix(path: Path) -> str:
    """Returns the extension that tells a table's format, in lower case and without ".gz".

    Raises:
      DataError: if the extension is not one of a table.
    """
    suffixes = [suffix.lower() for suffix in path.suffixes]
    if suffixes[-1:] == [".gz"] and suffixes[-2:-1] != [".parquet"]:
        suffixes.pop()
    suffix = suffixes[-1] if suffixes else ""
    if suffix not in (*_DELIMITERS, *_JSON_LINES, ".parquet"):
        raise DataError.at(
            path, f"unsupported extension {path.suffix!r}; expected one of {_SUPPORTED}"
        )
    return suffix


def check_columns(path: Path, available: Sequence[str], wanted: Iterable[str]) -> None:
    """Raises a DataError that lists the columns if one of `wanted` is not among them."""
    for name in wanted:
        if name in available:
            continue
        hint = did_you_mean(name, available)
        if not hint and len(available) == 1 and any(mark in available[0] for mark in ",;\t|"):
            hint = (
                "; the header looks like several columns with another delimiter: "
                ".csv is read with commas, .tsv with tabs"
            )
        columns = listing([repr(column) for column in available], limit=30)
        raise DataError.at(path, f"no such column {name!r}; the columns are {columns}{hint}")


def is_null(value: Any) -> bool:
    """Returns whether a frame's cell holds no value: None, NaN, pandas' NA or NaT."""
    import pandas as pd

    if value is None or value is pd.NA or value is pd.NaT:
        return True
    return isinstance(value, float | np.floating) and bool(np.isnan(value))


@dataclass(frozen=True)
class CsvReader:
    """Delimited text with one header row, quoted as in RFC 4180.

    Blank lines are skipped; after the header of a single column, each is an empty cell.
    """

    path: Path
    delimiter: str

    def chunks(self, rows: int) -> Iterator[FrameChunk]:
        """See `TableReader.chunks`."""
        num_rows = num_ragged = 0
        examples: list[str] = []
        with open_text(self.path, newline="") as lines:
            records = csv.reader(lines, delimiter=self.delimiter, strict=True)
            header = self._header(records)
            while block := self._take(records, rows, blank_is_cell=len(header) == 1):
                num_rows += len(block)
                ragged = [
                    f"line {line} has {len(fields)}"
                    for line, fields in block
                    if len(fields) != len(header)
                ]
                num_ragged += len(ragged)
                examples = (examples + ragged)[:5]
                if not num_ragged:  # Otherwise reads on, only to count the rest of them.
                    yield _frame_chunk(header, block)
        if num_ragged:
            lines_have = "line has" if num_ragged == 1 else "lines have"
            raise DataError.at(
                self.path,
                f"{num_ragged} {lines_have} another number of fields than the header: expected "
                f"{len(header)}, but {', '.join(examples)}{', ...' * (num_ragged > 5)}",
            )
        if not num_rows:
            raise DataError.at(self.path, "there is a header but no row")

    def _header(self, records: _CsvRecords) -> list[str]:
        first = self._take(records, 1, blank_is_cell=False)
        if not first:
            raise DataError.at(self.path, "the file is empty; expected a header row")
        line, header = first[0]
        _check_unique(self.path, header, f"line {line}")
        return header

    def _take(
        self, records: _CsvRecords, count: int, *, blank_is_cell: bool
    ) -> list[tuple[int, list[str]]]:
        """Returns up to `count` records, each with the line on which it starts."""
        taken: list[tuple[int, list[str]]] = []
        # The limit is the process's: it is widened only while records are taken.
        limit = csv.field_size_limit(_BYTES_PER_CELL)
        try:
            while len(taken) < count:
                line = records.line_num + 1
                fields = next(records, None)
                if fields is None:
                    break
                if fields or blank_is_cell:
                    taken.append((line, fields or [""]))
        except csv.Error as error:
            unclosed = "unexpected end" in str(error)
            problem = "a quote is opened and never closed" if unclosed else str(error)
            raise DataError.at(
                self.path,
                f"{problem}; a cell that starts with a quote must end with one, with each "
                f'quote inside it doubled (""), as spreadsheets write them',
                place=f"line {line}",
            ) from error
        finally:
            csv.field_size_limit(limit)
        return taken


class _CsvRecords(Protocol):
    """What `csv.reader` returns."""

    line_num: int

    def __next__(self) -> list[str]: ...


@dataclass(frozen=True)
class JsonLinesReader:
    """One JSON object a line, blank lines skipped; rows may have different keys."""

    path: Path

    def chunks(self, rows: int) -> Iterator[FrameChunk]:
        """See `TableReader.chunks`."""
        with open_text(self.path, newline="\n") as lines:
            records = (
                (number, self._parse(line, number))
                for number, line in enumerate(lines, start=1)
                if not line.isspace()
            )
            block = list(islice(records, rows))
            if not block:
                raise DataError.at(self.path, "the file is empty; expected a JSON object a line")
            while block:
                names = list(dict.fromkeys(name for _, record in block for name in record))
                cells = [[record.get(name, np.nan) for name in names] for _, record in block]
                yield _frame_chunk(
                    names, [(line, row) for (line, _), row in zip(block, cells, strict=True)]
                )
                block = list(islice(records, rows))

    def _parse(self, line: str, number: int) -> dict[str, Any]:
        place = f"line {number}"
        try:
            record = json.loads(
                line,
                parse_float=_finite_float,
                parse_constant=_refuse_constant,
                object_pairs_hook=object_of_pairs,
            )
        except (ValueError, RecursionError) as error:
            reason = str(error)
            if isinstance(error, json.JSONDecodeError):  # Its own text counts lines from here.
                reason = f"{error.msg} at character {error.pos + 1}"
            raise DataError.at(
                self.path, f"expected a JSON object, got {shorten(line)} ({reason})", place=place
            ) from error
        if not isinstance(record, dict):
            raise DataError.at(
                self.path, f"expected a JSON object, got {shorten(record)}", place=place
            )
        return record


@dataclass(frozen=True)
class ParquetReader:
    """Apache Parquet."""

    path: Path

    def chunks(self, rows: int) -> Iterator[FrameChunk]:
        """See `TableReader.chunks`."""
        import pandas as pd
        import pyarrow as pa
        import pyarrow.parquet as pq

        start = 1
        try:
            with pq.ParquetFile(self.path) as file:
                _check_unique(self.path, file.schema_arrow.names, place=None)
                for batch in file.iter_batches(batch_size=rows):
                    # Without the pandas metadata, which would turn a column into the index.
                    frame = batch.to_pandas(types_mapper=pd.ArrowDtype, ignore_metadata=True)
                    yield FrameChunk(frame, np.arange(start, start + len(frame)), "row")
                    start += len(frame)
        except (pa.ArrowException, OSError) as error:
            raise DataError.at(self.path, f"cannot be read as Parquet: {error}") from error
        if start == 1:
            raise DataError.at(self.path, "there are columns but no row")


def _frame_chunk(names: list[str], records: list[tuple[int, list[Any]]]) -> FrameChunk:
    import pandas as pd

    lines, rows = zip(*records, strict=True)
    columns = zip(*rows, strict=True) if names else ()
    # dtype=object, or pandas would turn 1 and None into 1.0 and NaN.
    frame = pd.DataFrame(
        {
            name: pd.Series(list(values), dtype=object)
            for name, values in zip(names, columns, strict=True)
        },
        index=range(len(lines)),
    )
    return FrameChunk(frame, np.asarray(lines, dtype=np.int64), "line")


def _check_unique(path: Path, names: Sequence[str], place: str | None) -> None:
    duplicates = [repr(name) for name, count in Counter(names).items() if count > 1]
    if duplicates:
        raise DataError.at(
            path,
            f"expected distinct column names, got more than one {listing(duplicates)}",
            place=place,
        )


def object_of_pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object, as `json.loads` builds it; ValueError where a key comes twice."""
    record = dict(pairs)
    if len(record) < len(pairs):
        counts = Counter(name for name, _ in pairs)
        raise ValueError(f"duplicate key {counts.most_common(1)[0][0]!r}")
    return record


def _finite_float(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        raise ValueError(f"{text} is too large for a number; write it as a string")
    return value


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON; write null where there is no value")
