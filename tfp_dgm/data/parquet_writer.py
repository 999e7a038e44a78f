"""Apache Parquet out: every column has the type that all its rows together tell."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, BinaryIO

from tfp_dgm.data.data_error import DataError, listing

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa


class ParquetWriter:
    """Writes a table chunk by chunk, once its last chunk has told the columns' types.

    A column that is empty in the first rows, or whole numbers there, may hold anything later. So
    all chunks but the last wait, compressed, in a file that is gone afterwards.

    Args:
      path: is named in messages.
      file: to be written to; it stays open.
      open_waiting: opens an empty file, to be written and read again; called where there is more
        than one chunk.
    """

    def __init__(self, path: Path, file: BinaryIO, open_waiting: Callable[[], IO[bytes]]) -> None:
        self._path = path
        self._file = file
        self._open_waiting = open_waiting
        self._waiting: IO[bytes] | None = None
        self._schema: pa.Schema | None = None
        self._last: pa.Table | None = None
        self._starts: list[int] = []

    def write(self, frame: pd.DataFrame) -> None:
        """Appends rows; see `table_sinks.open_sink`."""
        import pyarrow as pa

        with self._refusals(frame):
            # Without the metadata of `Table.from_pandas`: pandas cannot read back all that it says
            # there of Arrow's types, of a list none.
            table = pa.table({name: _cells(frame[name]) for name in frame.columns})
            known = [] if self._schema is None else [self._schema]
            self._schema = pa.unify_schemas([*known, table.schema], promote_options="permissive")
        if self._last is not None:
            self._keep(self._last)
        self._last = table

    def finish(self) -> None:
        """Writes the file.

        Raises:
          DataError: if there was no chunk, or a value has no place in its column's type.
        """
        import pyarrow as pa
        import pyarrow.parquet as pq

        if self._schema is None:
            raise DataError.at(self._path, "nothing to write: Parquet needs at least one chunk")
        with self._refusals(), pq.ParquetWriter(self._file, self._schema) as writer:
            for table in self._tables():
                parts = [self._schema.empty_table(), table]
                writer.write_table(pa.concat_tables(parts, promote_options="permissive"))

    def _keep(self, table: pa.Table) -> None:
        import pyarrow as pa

        if self._waiting is None:
            self._waiting = self._open_waiting()
        self._starts.append(self._waiting.tell())
        options = pa.ipc.IpcWriteOptions(compression="lz4")
        with pa.ipc.new_stream(self._waiting, table.schema, options=options) as stream:
            stream.write_table(table)

    def _tables(self) -> Iterator[pa.Table]:
        """The chunks, in order."""
        import pyarrow as pa

        if self._waiting is not None:
            for start in self._starts:
                self._waiting.seek(start)
                with pa.ipc.open_stream(self._waiting) as stream:
                    yield stream.read_all()
        yield self._last

    @contextmanager
    def _refusals(self, frame: pd.DataFrame | None = None) -> Iterator[None]:
        """Turns what Arrow says of values or types into a sentence with the file and columns."""
        import pyarrow as pa

        try:
            yield
        # An integer of more than 64 bits is an OverflowError.
        except (pa.ArrowException, UnicodeEncodeError, OverflowError) as error:
            blamed = [] if frame is None else _columns_that_fail(frame)
            which = f"{listing([repr(name) for name in blamed])}: " if blamed else ""
            raise DataError.at(
                self._path,
                f"a column cannot be written as Parquet ({which}{error}); write .jsonl instead",
            ) from error


def _columns_that_fail(frame: pd.DataFrame) -> list[str]:
    """The columns that Arrow cannot hold."""
    import pyarrow as pa

    failing = []
    for name in frame.columns:
        try:
            pa.array([name])
            _cells(frame[name])
        except (pa.ArrowException, UnicodeEncodeError, OverflowError):
            failing.append(name)
    return failing


def _cells(column: pd.Series[Any]) -> pa.Array | pa.ChunkedArray:
    """A column as Arrow has it."""
    import pyarrow as pa

    cells = pa.array(column, from_pandas=True)
    mixed = column.dtype == object and pa.types.is_floating(cells.type)
    if mixed and any(isinstance(cell, bool) for cell in column):
        raise pa.ArrowTypeError("tried to convert a truth value to double")
    return cells
