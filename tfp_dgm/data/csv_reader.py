"""Delimited text (CSV, TSV): every cell stays the string that it is in the file."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from tfp_dgm.data.column_names import check_unique, delimiter_hint
from tfp_dgm.data.data_error import DataError, NoRowsError
from tfp_dgm.data.frame_chunk import FrameChunk, chunk_of_lines
from tfp_dgm.data.limits import CHUNK_CHARACTERS, MAX_CELL_CHARACTERS, MAX_ROW_CHARACTERS
from tfp_dgm.data.text_file import open_text

_LINE_END = re.compile("\r\n|\r|\n")
_EXAMPLES = 5
_OR_UNQUOTED = "if quotes are letters like any other, read with `quoting=False`"


@dataclass(frozen=True)
class CsvReader:
    """Delimited text with one header row.

    Blank lines are skipped; after the header of a single column, each is an empty cell.

    Attributes:
      path: the file.
      delimiter: between the cells.
      quoting: whether cells may be quoted as in RFC 4180; where not, a quote is a character like
        any other, and each line is a row.
      first: see `open_text`.
    """

    path: Path
    delimiter: str
    quoting: bool = True
    first: int = 1

    def chunks(self, rows: int) -> Iterator[FrameChunk]:
        """See `TableReader.chunks`."""
        num_rows = 0
        ragged, swallowed = _Tally(), _Tally()
        with open_text(self.path, newline="", longest=MAX_ROW_CHARACTERS, first=self.first) as text:
            records = _Records(self, text)
            header = self._header(records)
            columns: list[list[str]] = []
            lines: list[int] = []

            def add(line: int, num_lines: int, fields: list[str]) -> None:
                lines.append(line)
                if len(fields) != len(header):
                    ragged.add(f"line {line} has {len(fields)}")
                    return
                if num_lines > 1 and self._reads_as_rows(fields):
                    swallowed.add(f"{line} to {line + num_lines - 1}")
                # Into columns at once: Python's garbage collector would look through lists of
                # rows, and with them through all that TensorFlow made.
                for column, cell in zip(columns, fields, strict=True):
                    column.append(cell)

            while True:
                columns, lines = [[] for _ in header], []
                records.take(rows, add, blank_is_cell=len(header) == 1)
                if not lines:
                    break
                num_rows += len(lines)
                if not ragged.count:  # Otherwise reads on, only to count the rest of them.
                    cells = dict(zip(header, columns, strict=True))
                    yield chunk_of_lines(cells, lines, _swallowed_warning(swallowed))
        if ragged.count:
            lines_have = "line has" if ragged.count == 1 else "lines have"
            raise DataError.at(
                self.path,
                f"{ragged.count} {lines_have} another number of fields than the header: expected "
                f"{len(header)}, but {', '.join(ragged.examples)}"
                f"{', ...' * (ragged.count > _EXAMPLES)}{delimiter_hint(header)}",
            )
        if not num_rows:
            error = NoRowsError.at(self.path, "there is a header but no row")
            error.frame = chunk_of_lines({name: [] for name in header}, []).frame
            raise error

    def _header(self, records: _Records) -> list[str]:
        first: list[tuple[int, list[str]]] = []
        records.take(1, lambda line, _, fields: first.append((line, fields)), blank_is_cell=False)
        if not first:
            raise DataError.at(self.path, "the file is empty; expected a header row")
        line, header = first[0]
        check_unique(self.path, header, f"line {line}")
        return header

    def _reads_as_rows(self, fields: list[str]) -> bool:
        """Whether each line of a record would be a row, if its quotes were letters.

        So it is where a cell happens to begin with a quote: it runs to the next cell that happens
        to end with one. A letter of several lines seldom has the header's number of delimiters in
        each. With one column there are no delimiters to tell.
        """
        lines = [line for line in _LINE_END.split(self.delimiter.join(fields)) if line]
        return len(fields) > 1 and all(
            line.count(self.delimiter) == len(fields) - 1 for line in lines
        )


@dataclass
class _Tally:
    """How many lines are doubtful, and the first few."""

    count: int = 0
    examples: list[str] = field(default_factory=list)

    def add(self, example: str) -> None:
        self.count += 1
        if self.count <= _EXAMPLES:
            self.examples.append(example)


def _swallowed_warning(swallowed: _Tally) -> tuple[str, ...]:
    if not swallowed.count:
        return ()
    more = swallowed.count - len(swallowed.examples)
    examples = ", ".join(swallowed.examples) + (f" and {more} more" if more else "")
    many = f"{swallowed.count} quoted cells hold" if swallowed.count > 1 else "A quoted cell holds"
    return (
        f"{many} line ends and delimiters, so that lines which look like rows are read as one row: "
        f"lines {examples}; {_OR_UNQUOTED}.",
    )


# Is given a row: the line on which it starts, how many lines it takes, its cells.
_Add = Callable[[int, int, list[str]], None]


class _Records:
    """The records of a file; none may take more than MAX_ROW_CHARACTERS."""

    def __init__(self, table: CsvReader, lines: Iterator[str]) -> None:
        self._table = table
        self._lines = lines
        self._characters = self._start = 0
        self._reader: _CsvReader = csv.reader(
            self._counted(),
            delimiter=table.delimiter,
            strict=True,
            quoting=csv.QUOTE_MINIMAL if table.quoting else csv.QUOTE_NONE,
        )

    def take(self, count: int, add: _Add, *, blank_is_cell: bool) -> None:
        """Reads up to `count` records, fewer where they are large, none at the end."""
        taken = 0
        first = self._characters
        # The limit is the process's: it is changed only while records are taken.
        limit = csv.field_size_limit(MAX_CELL_CHARACTERS)
        try:
            while taken < count and self._characters - first < CHUNK_CHARACTERS:
                before = self._table.first - 1 + self._reader.line_num
                self._start = self._characters
                fields = next(self._reader, None)
                if fields is None:
                    break
                if fields or blank_is_cell:
                    after = self._table.first - 1 + self._reader.line_num
                    add(before + 1, after - before, fields or [""])
                    taken += 1
        except csv.Error as error:
            raise self._explained(error, before + 1) from error
        finally:
            csv.field_size_limit(limit)

    def _counted(self) -> Iterator[str]:
        for line in self._lines:
            self._characters += len(line)
            if self._characters - self._start > MAX_ROW_CHARACTERS:
                raise csv.Error(f"expected at most {MAX_ROW_CHARACTERS:,} characters in a row")
            yield line

    def _explained(self, error: csv.Error, line: int) -> DataError:
        if "field limit" in str(error):
            problem = f"expected at most {MAX_CELL_CHARACTERS:,} characters in a cell"
        elif "unexpected end" in str(error):
            problem = "a quote is opened and never closed"
        else:
            problem = str(error)
        if self._table.quoting:
            problem += (
                "; a cell that starts with a quote must end with one, with each quote inside it "
                f'doubled (""), as spreadsheets write them; {_OR_UNQUOTED}'
            )
        return DataError.at(self._table.path, problem, place=f"line {line}")


class _CsvReader(Protocol):
    """What `csv.reader` returns."""

    line_num: int

    def __next__(self) -> list[str]: ...
