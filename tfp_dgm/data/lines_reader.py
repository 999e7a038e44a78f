"""Plain text as a table: each line a row of one column, a blank line too."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from tfp_dgm.data.data_error import DataError
from tfp_dgm.data.frame_chunk import FrameChunk, chunk_of_lines
from tfp_dgm.data.limits import CHUNK_CHARACTERS, MAX_CELL_CHARACTERS
from tfp_dgm.data.text_file import open_text

TEXT_COLUMN = "text"


@dataclass(frozen=True)
class LinesReader:
    """UTF-8 text, gzipped (.gz) or not, as a table of one column.

    Attributes:
      path: the file.
      column: the column's name.
      first: see `open_text`.
    """

    path: Path
    column: str = TEXT_COLUMN
    first: int = 1

    def chunks(self, rows: int) -> Iterator[FrameChunk]:
        """See `TableReader.chunks`."""
        with open_text(
            self.path, newline=None, longest=MAX_CELL_CHARACTERS, first=self.first
        ) as lines:
            numbered = enumerate((line.removesuffix("\n") for line in lines), start=self.first)
            found = False
            while block := _block(numbered, rows):
                found = True
                cells = {self.column: [line for _, line in block]}
                yield chunk_of_lines(cells, [number for number, _ in block])
        if not found:
            raise DataError.at(self.path, "the file is empty; expected a text a line")


def _block(numbered: Iterator[tuple[int, str]], rows: int) -> list[tuple[int, str]]:
    """Up to `rows` lines, each with its number; fewer where they are long."""
    taken: list[tuple[int, str]] = []
    characters = 0
    for number, line in islice(numbered, rows):
        taken.append((number, line))
        characters += len(line)
        if characters >= CHUNK_CHARACTERS:
            break
    return taken
