"""Tables in files, read in chunks with every value as it stands and every row's line known.

CSV and TSV cells stay the strings they are in the file; JSON Lines keeps each value's JSON
type, a key that a row lacks is NaN; Parquet keeps its types as Arrow-backed columns.
"""

from __future__ import annotations

from collections.abc import Iterator
from os import PathLike
from pathlib import Path
from typing import Protocol

from tfp_dgm.data.csv_reader import CsvReader
from tfp_dgm.data.data_error import DataError
from tfp_dgm.data.frame_chunk import FrameChunk
from tfp_dgm.data.input_file import check_input_file
from tfp_dgm.data.json_lines_reader import JsonLinesReader
from tfp_dgm.data.parquet_reader import ParquetReader

_DELIMITERS = {".csv": ",", ".tsv": "\t"}
_JSON_LINES = (".jsonl", ".ndjson")
_SUPPORTED = ".csv, .tsv, .jsonl, .ndjson (each also with .gz), .parquet"


class TableReader(Protocol):
    """One file format: how to cut a file into chunks of rows."""

    @property
    def path(self) -> Path:
        """The file."""

    def chunks(self, rows: int) -> Iterator[FrameChunk]:
        """Yields the table in order, at least one chunk, none empty, of at most `rows` rows.

        A chunk ends early where it holds more than `limits.CHUNK_CHARACTERS`.

        Raises:
          NoRowsError: if there are columns and no row.
          DataError: if the file is empty or damaged, or a cell or row is larger than `limits`
            allow; names the line.
        """


def open_table(path: str | PathLike[str], *, quoting: bool = True) -> TableReader:
    """Returns the reader for a file, chosen by its extension.

    Args:
      path: the file.
      quoting: whether cells of CSV and TSV may be quoted; where not, a quote is a letter.
    Raises:
      DataError: if there is no such file or no reader for its extension.
    """
    path = Path(path)
    check_input_file(path)
    suffix = table_suffix(path)
    if suffix in _DELIMITERS:
        return CsvReader(path, _DELIMITERS[suffix], quoting)
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
