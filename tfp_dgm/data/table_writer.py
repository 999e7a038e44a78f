"""Tables out: the format by extension, every column kept, all of the file or nothing of it."""

from __future__ import annotations

import csv
import gzip
import io
import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, BinaryIO, Self, TypeAlias

from tfp_dgm.data.atomic_file import atomic_write, check_output_file
from tfp_dgm.data.cell_values import cell_values
from tfp_dgm.data.data_error import DataError, listing
from tfp_dgm.data.frame_chunk import is_null
from tfp_dgm.data.table_reader import table_suffix

if TYPE_CHECKING:
    import pandas as pd

StrPath: TypeAlias = str | os.PathLike[str]


def check_output_path(output: StrPath, inputs: Iterable[StrPath] = ()) -> None:
    """Checks that a table may be written to `output`, before any work is done.

    Args:
      output: where the table is to go.
      inputs: files that it must not replace, not through a link either.
    Raises:
      DataError: as `check_output_file`; if its extension is not one of a table, or it is one of
        the inputs.
    """
    path = Path(output)
    table_suffix(path)
    check_output_file(path)
    for given in inputs:
        if path.exists() and os.path.exists(given) and os.path.samefile(path, given):
            raise DataError.at(
                path, f"is the input {str(given)!r} itself; choose another name for the output"
            )


def check_new_columns(path: StrPath, columns: Iterable[str], new_columns: Iterable[str]) -> None:
    """Checks that columns to be added have names that the table does not have yet.

    Args:
      path: the table's file, for the message.
      columns: the table's names.
      new_columns: the names to be added.
    Raises:
      DataError: if one is there already; names all that are.
    """
    existing = set(columns)
    taken = [repr(name) for name in new_columns if name in existing]
    if taken:
        raise DataError.at(
            path,
            f"the table already has {listing(taken)}, which the output would add; "
            "rename or drop that in the input (is it the output of an earlier run?)",
        )


class TableWriter:
    """Writes a table chunk by chunk; the file appears when the `with` block ends cleanly.

    An exception, Ctrl-C or a kill leaves whatever stood at `path` before. None is written as
    null, NaN as no value at all: an empty cell in CSV, an absent key in JSON Lines. Values
    that are not strings are written to CSV as their JSON text, and those that JSON has no word
    for (dates, decimals) as the string that JSON would hold.

    Args:
      path: the output, its format told by the extension as in `read_labelled_table`.
      inputs: files that the output must not replace.
    Raises:
      DataError: as `check_output_path`, here; on `write`, if a column is there already, or a
        chunk has other columns (CSV) or types (Parquet) than the first.
    """

    def __init__(self, path: StrPath, *, inputs: Iterable[StrPath] = ()) -> None:
        check_output_path(path, inputs)
        self._path = Path(path)

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            file = stack.enter_context(atomic_write(self._path))
            self._write = stack.enter_context(_open_sink(self._path, file))
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool | None:
        return self._stack.__exit__(kind, error, trace)

    def write(
        self, frame: pd.DataFrame, new_columns: Mapping[str, Iterable[Any]] | None = None
    ) -> None:
        """Appends rows.

        Args:
          frame: the rows [n].
          new_columns: name -> values [n] (lists or arrays), written after the frame's columns.
        """
        import pandas as pd

        new_columns = new_columns or {}
        check_new_columns(self._path, frame.columns, new_columns)
        # dtype=object, or pandas would turn 1 and None into 1.0 and NaN.
        added = {
            name: pd.Series(cell_values(values), index=frame.index, dtype=object)
            for name, values in new_columns.items()
        }
        self._write(frame.assign(**added))


def write_table(
    frame: pd.DataFrame,
    path: StrPath,
    new_columns: Mapping[str, Iterable[Any]] | None = None,
    *,
    inputs: Iterable[StrPath] = (),
) -> None:
    """Writes a whole table at once; what is written, and when, is as `TableWriter` has it.

    Args:
      frame: the rows [N].
      path: the output, its format told by the extension as in `read_labelled_table`.
      new_columns: name -> values [N] (lists or arrays), written after the frame's columns.
      inputs: files that the output must not replace.
    Raises:
      DataError: as `check_output_path` and `check_new_columns`; nothing is written then.
    """
    with TableWriter(path, inputs=inputs) as writer:
        writer.write(frame, new_columns)


_Sink = Callable[["pd.DataFrame"], None]


@contextmanager
def _open_sink(path: Path, file: BinaryIO) -> Iterator[_Sink]:
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
            yield _json_lines_sink(text) if "json" in suffix else _csv_sink(path, suffix, text)
        finally:
            text.detach()  # Closing it would close the file under atomic_write's hands.


def _csv_sink(path: Path, suffix: str, text: io.TextIOWrapper) -> _Sink:
    delimiter = "\t" if suffix == ".tsv" else ","
    plain = csv.writer(text, delimiter=delimiter, lineterminator="\n")
    # Python before 3.13 leaves a lone carriage return unquoted, which reads as a line's end; and
    # U+FEFF, were it the file's first character, would read as a byte order mark.
    quoted = csv.writer(text, delimiter=delimiter, lineterminator="\n", quoting=csv.QUOTE_ALL)
    header: list[str] = []

    def write_row(row: Sequence[str]) -> None:
        (quoted if any("\r" in cell or "\ufeff" in cell for cell in row) else plain).writerow(row)

    def write(frame: pd.DataFrame) -> None:
        if not header:
            header.extend(frame.columns)
            write_row(header)
        for row in _rows(_with_columns(path, frame, header)):
            write_row([_csv_cell(value) for value in row])

    return write


def _json_lines_sink(text: io.TextIOWrapper) -> _Sink:
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
def _parquet_sink(path: Path, file: BinaryIO) -> Iterator[_Sink]:
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
            except (pa.ArrowException, UnicodeEncodeError) as error:
                raise DataError.at(
                    path, f"a column cannot be written as Parquet ({error}); write .jsonl instead"
                ) from error

        yield write
        if writer is None:
            raise DataError.at(path, "nothing to write: Parquet needs at least one chunk")


def _with_columns(path: Path, frame: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
    """Missing columns are empty; a new one comes too late for the header."""
    late = [name for name in frame.columns if name not in names]
    if late:
        raise DataError.at(
            path,
            f"expected the columns {list(names)} of the first rows, got also {late} in later "
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
