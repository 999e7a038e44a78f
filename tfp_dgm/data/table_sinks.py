"""What a table's rows become in a file, one format at a time."""

from __future__ import annotations

import csv
import gzip
import io
import json
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from tfp_dgm.data.cell_values import cell_values
from tfp_dgm.data.data_error import DataError, listing
from tfp_dgm.data.frame_chunk import is_null
from tfp_dgm.data.table_reader import table_suffix

if TYPE_CHECKING:
    import pandas as pd

Sink = Callable[["pd.DataFrame"], None]


# A spreadsheet takes a cell for a formula that begins so; a plain number is harmless, and stays.
_FORMULA = re.compile(r"[=+\-@\t\r\n\0\uff1d\uff0b\uff0d\uff20]")
_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")


@contextmanager
def open_sink(path: Path, file: BinaryIO, *, guard_formulas: bool = False) -> Iterator[Sink]:
    """Opens what writes chunks of rows to a binary file, in the format of a path's extension.

    Args:
      path: tells the format, and is named in messages.
      file: to be written to; it stays open.
      guard_formulas: whether CSV and TSV are made safe for spreadsheets; see `TableWriter`.
    Raises:
      DataError: from the sink, if a chunk has other columns (CSV) or types (Parquet) than the
        first, or values that the format lacks.
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
    plain = csv.writer(text, delimiter=delimiter, lineterminator="\n")
    # Python before 3.13 leaves a lone carriage return unquoted, which reads as a line's end; and
    # U+FEFF, were it the file's first character, would read as a byte order mark.
    quoted = csv.writer(text, delimiter=delimiter, lineterminator="\n", quoting=csv.QUOTE_ALL)
    header: list[str] = []

    def write_row(row: Sequence[str]) -> None:
        if guard_formulas:  # Quoted, or a spreadsheet with another delimiter would cut cells anew.
            quoted.writerow([_guarded(cell) for cell in row])
            return
        (quoted if any("\r" in cell or "\ufeff" in cell for cell in row) else plain).writerow(row)

    def write(frame: pd.DataFrame) -> None:
        if not header:
            header.extend(frame.columns)
            write_row(header)
        for row in _rows(_with_columns(path, frame, header)):
            write_row([_csv_cell(value) for value in row])

    return write


def _guarded(cell: str) -> str:
    """A cell as OWASP's page on CSV injection has it: an apostrophe before what would calculate."""
    return f"'{cell}" if _FORMULA.match(cell) and not _NUMBER.fullmatch(cell) else cell


def _json_lines_sink(text: io.TextIOWrapper) -> Sink:
    def write(frame: pd.DataFrame) -> None:
        names = list(frame.columns)
        for row in _rows(frame):
            record = {
                name: value
                for name, value in zip(names, row, strict=True)
                if value is None or not is_null(value)
            }
            text.write(f"{_json(record)}\n")

    return write


@contextmanager
def _parquet_sink(path: Path, file: BinaryIO) -> Iterator[Sink]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    with ExitStack() as stack:
        writer: pq.ParquetWriter | None = None

        def write(frame: pd.DataFrame) -> None:
            nonlocal writer
            schema = writer.schema if writer else None
            if schema is not None:
                frame = _with_columns(path, frame, schema.names)
            try:
                table = pa.Table.from_pandas(frame, schema=schema, preserve_index=False)
                if writer is None:
                    writer = stack.enter_context(pq.ParquetWriter(file, table.schema))
                writer.write_table(table)
            # An integer of more than 64 bits is an OverflowError.
            except (pa.ArrowException, UnicodeEncodeError, OverflowError) as error:
                blamed = _columns_that_fail(frame, schema)
                which = f"{listing([repr(name) for name in blamed])}: " if blamed else ""
                raise DataError.at(
                    path,
                    f"a column cannot be written as Parquet ({which}{error}); write .jsonl instead",
                ) from error

        yield write
        if writer is None:
            raise DataError.at(path, "nothing to write: Parquet needs at least one chunk")


def _columns_that_fail(frame: pd.DataFrame, schema: Any) -> list[str]:
    """The columns that Arrow cannot hold, or not in the types of a schema."""
    import pyarrow as pa

    failing = []
    for name in frame.columns:
        kind = None if schema is None else schema.field(name).type
        try:
            pa.array(frame[name], type=kind, from_pandas=True)
        except (pa.ArrowException, UnicodeEncodeError, OverflowError):
            failing.append(name)
    return failing


def _with_columns(path: Path, frame: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
    """Missing columns are empty; a new one comes too late for the header."""
    late = [name for name in frame.columns if name not in names]
    if late:
        raise DataError.at(
            path,
            f"expected the columns {list(names)} of the first rows; received also {late} in later "
            "ones; write .jsonl instead",
        )
    return frame.reindex(columns=list(names))


def _rows(frame: pd.DataFrame) -> Iterator[tuple[Any, ...]]:
    return zip(*(cell_values(frame[name]) for name in frame.columns), strict=True)


def _csv_cell(value: Any) -> str:
    if isinstance(value, str):
        return value
    if is_null(value):
        return ""
    text = _json(value)
    return str(json.loads(text)) if text.startswith('"') else text


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=_plain)


def _plain(value: Any) -> Any:
    """Turns what JSON has no word for (a NumPy number, a date, a decimal) into what it has."""
    return value.tolist() if hasattr(value, "tolist") else str(value)
