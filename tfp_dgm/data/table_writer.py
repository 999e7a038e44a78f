"""Tables out: the format by extension, every column kept, all of the file or nothing of it."""

from __future__ import annotations

import io
import os
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeAlias

from tfp_dgm.data.atomic_file import atomic_write, check_not_input, check_output_file
from tfp_dgm.data.cell_values import cell_values
from tfp_dgm.data.data_error import DataError, listing
from tfp_dgm.data.table_reader import table_suffix
from tfp_dgm.data.table_sinks import open_sink

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
    check_not_input(path, inputs)


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
    for (dates, decimals) as the string that JSON would hold. Parquet's types are those that hold
    every chunk's values: whole numbers and fractions are fractions, a list that is empty in the
    first rows may be of texts.

    Args:
      path: the output, its format told by the extension as in `read_labelled_table`.
      inputs: files that the output must not replace.
      guard_formulas: whether CSV and TSV are made safe for spreadsheets, which would calculate a
        cell that begins with =, +, -, @, a tab or a line end: it gets a leading apostrophe, unless
        it is a plain number, and every cell is quoted.
    Raises:
      DataError: as `check_output_path`, here; on `write`, if a column is there already, or a
        chunk of CSV or Parquet has one that the first lacks, or one of Parquet has a type that
        goes with no earlier one; if the disk is full.
    """

    def __init__(
        self, path: StrPath, *, inputs: Iterable[StrPath] = (), guard_formulas: bool = False
    ) -> None:
        check_output_path(path, inputs)
        self._path = Path(path)
        self._guard_formulas = guard_formulas

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            file = stack.enter_context(atomic_write(self._path))
            self._write = stack.enter_context(
                open_sink(self._path, file, guard_formulas=self._guard_formulas)
            )
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
    guard_formulas: bool = False,
) -> None:
    """Writes a whole table at once; what is written, and when, is as `TableWriter` has it.

    Args:
      frame: the rows [N].
      path: the output, its format told by the extension as in `read_labelled_table`.
      new_columns: name -> values [N] (lists or arrays), written after the frame's columns.
      inputs: files that the output must not replace.
      guard_formulas: as `TableWriter` has it.
    Raises:
      DataError: as `check_output_path` and `check_new_columns`; nothing is written then.
    """
    with TableWriter(path, inputs=inputs, guard_formulas=guard_formulas) as writer:
        writer.write(frame, new_columns)


def table_size(frame: pd.DataFrame, path: StrPath) -> int:
    """Writes a table nowhere, to know whether it can be written, and how many bytes it takes.

    Args:
      frame: the rows [N].
      path: tells the format by its extension.
    Raises:
      DataError: if the format lacks a type or a value of the table.
    """
    counter = _Counter()
    with io.BufferedWriter(counter) as file, open_sink(Path(path), file) as write:
        write(frame)
    return counter.size


class _Counter(io.RawIOBase):
    """A file that keeps nothing of what is written but its size."""

    def __init__(self) -> None:
        self.size = 0

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        size = memoryview(data).nbytes
        self.size += size
        return size
