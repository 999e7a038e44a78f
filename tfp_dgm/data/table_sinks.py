"""What a table's rows become in a file, one format at a time."""

from __future__ import annotations

import csv
import gzip
import io
import json
import math
import os
import re
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from tfp_dgm.data.cell_values import cell_values
from tfp_dgm.data.data_error import DataError
from tfp_dgm.data.frame_chunk import is_null
from tfp_dgm.data.parquet_writer import ParquetWriter
from tfp_dgm.data.table_reader import table_suffix

if TYPE_CHECKING:
    import pandas as pd

Sink = Callable[["pd.DataFrame"], None]


# A spreadsheet takes a cell for a formula that begins so; a plain number is harmless, and stays.
_FORMULA = re.compile(r"[=+\-@\t\r\n\0\uff1d\uff0b\uff0d\uff20]")
_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_ROWS_AT_ONCE = 1024  # So many are text before they are bytes.


@contextmanager
def open_sink(path: Path, file: BinaryIO, *, guard_formulas: bool = False) -> Iterator[Sink]:
    """Opens what writes chunks of rows to a binary file, in the format of a path's extension.

    Args:
      path: tells the format, and is named in messages.
      file: to be written to; it stays open.
      guard_formulas: whether CSV and TSV are made safe for spreadsheets; see `TableWriter`.
    Raises:
      DataError: from the sink, or of Parquet when the block ends, if a chunk has columns that the
        first lacks (CSV, Parquet), types that do not go together (Parquet), or values that the
        format lacks.
    """
    suffix = table_suffix(path)
    if suffix == ".parquet":
        with _parquet_sink(path, file) as write:
            yield write
        return
    with (
        # No name and no time inside, so that equal tables are equal files.
        gzip.GzipFile(filename="", mode="wb", fileobj=file, mtime=0)
        if path.suffix.lower() == ".gz"
        else nullcontext(file)
    ) as binary:
        # A lone surrogate, which JSON can hold and UTF-8 cannot, is written as \udXXX again.
        text = io.TextIOWrapper(
            binary, encoding="utf-8", newline="", errors="backslashreplace", write_through=True
        )
        try:
            yield (
                _json_lines_sink(text)
                if "json" in suffix
                else _csv_sink(path, suffix, text, guard_formulas)
            )
        finally:
            text.detach()  # Closing it would close the file under atomic_write's hands.


def _csv_sink(path: Path, suffix: str, text: io.TextIOWrapper, guard_formulas: bool) -> Sink:
    delimiter = "\t" if suffix == ".tsv" else ","
    buffer = io.StringIO(newline="")
    plain = csv.writer(buffer, delimiter=delimiter, lineterminator="\n")
    # Python before 3.13 leaves a lone carriage return unquoted, which reads as a line's end; and
    # U+FEFF, were it the file's first character, would read as a byte order mark.
    quoted = csv.writer(buffer, delimiter=delimiter, lineterminator="\n", quoting=csv.QUOTE_ALL)
    header: list[str] = []

    def write_columns(columns: Sequence[Sequence[str]]) -> None:
        rows = zip(*columns, strict=True)
        marked = any("\r" in cell or "\ufeff" in cell for column in columns for cell in column)
        while block := list(islice(rows, _ROWS_AT_ONCE)):
            if guard_formulas:  # Quoted, or a spreadsheet with another delimiter would cut anew.
                quoted.writerows([_guarded(cell) for cell in row] for row in block)
            elif marked:
                for row in block:
                    is_marked = any("\r" in cell or "\ufeff" in cell for cell in row)
                    (quoted if is_marked else plain).writerow(row)
            else:
                plain.writerows(block)
            text.write(buffer.getvalue())
            buffer.seek(0)
            buffer.truncate()

    def write(frame: pd.DataFrame) -> None:
        if not header:
            header.extend(frame.columns)
            write_columns([[name] for name in header])
        _check_columns(path, frame, header)
        lacking = [""] * len(frame)
        write_columns(
            [_csv_cells(cell_values(frame[name])) if name in frame else lacking for name in header]
        )

    return write


def _guarded(cell: str) -> str:
    """A cell as OWASP's page on CSV injection has it: an apostrophe before what would calculate."""
    return f"'{cell}" if _FORMULA.match(cell) and not _NUMBER.fullmatch(cell) else cell


def _json_lines_sink(text: io.TextIOWrapper) -> Sink:
    def write(frame: pd.DataFrame) -> None:
        names = list(frame.columns)
        rows = zip(*(cell_values(frame[name]) for name in names), strict=True)
        while block := list(islice(rows, _ROWS_AT_ONCE)):
            lines = []
            for row in block:
                record = {
                    name: value
                    for name, value in zip(names, row, strict=True)
                    if value is None or not is_null(value)
                }
                lines.append(f"{_json(record)}\n")
            text.write("".join(lines))

    return write


@contextmanager
def _parquet_sink(path: Path, file: BinaryIO) -> Iterator[Sink]:
    header: list[str] = []
    # What waits is on the output's disk, in a file without a name that a kill could leave.
    folder = Path(os.path.realpath(path)).parent
    with ExitStack() as stack:
        writer = ParquetWriter(
            path, file, lambda: stack.enter_context(tempfile.TemporaryFile(dir=folder))
        )

        def write(frame: pd.DataFrame) -> None:
            header.extend(() if header else frame.columns)
            _check_columns(path, frame, header)
            writer.write(frame)

        yield write
        writer.finish()


def _check_columns(path: Path, frame: pd.DataFrame, names: Sequence[str]) -> None:
    """Raises a DataError if there is a column that came too late for the header."""
    late = [name for name in frame.columns if name not in names]
    if late:
        raise DataError.at(
            path,
            f"expected the columns {list(names)} of the first rows; received also {late} in later "
            "ones; write .jsonl instead",
        )


def _csv_cells(values: list[Any]) -> list[str]:
    """A column's cells as text; most columns hold values of one type."""
    kinds = {*map(type, values)}
    if kinds == {str}:
        return values
    if kinds == {float} and all(map(math.isfinite, values)):
        return list(map(repr, values))
    if kinds == {bool}:
        return ["true" if value else "false" for value in values]
    return [_csv_cell(value) for value in values]


def _csv_cell(value: Any) -> str:
    if isinstance(value, str):
        return value
    if is_null(value):
        return ""
    if type(value) is float and math.isfinite(value):  # As JSON has it, at once.
        return repr(value)
    text = _json(value)
    return str(json.loads(text)) if text.startswith('"') else text


def _plain(value: Any) -> Any:
    """Turns what JSON has no word for (a NumPy number, a date, a decimal) into what it has."""
    return value.tolist() if hasattr(value, "tolist") else str(value)


_encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False, default=_plain).encode


def _json(value: Any) -> str:
    try:
        return _encode(value)
    except ValueError:
        return _encode(_finite(value))


def _finite(value: Any) -> Any:
    """Puts what JSON has in place of numbers that it has not.

    That is null for none at all, as where a cell is missing, and "Infinity" and "-Infinity", as in
    the JSON of protocol buffers.
    """
    if isinstance(value, float) and not math.isfinite(value):
        return None if math.isnan(value) else f"{'-' * (value < 0)}Infinity"
    if isinstance(value, dict):
        return {name: _finite(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(one) for one in value]
    return _finite(value.tolist()) if hasattr(value, "tolist") else value
