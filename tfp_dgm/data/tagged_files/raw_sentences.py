"""What readers of tagged files find, before tags are understood."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

NOT_GIVEN = ("", "_", "?")

Cell: TypeAlias = "str | tuple[str, ...]"


@dataclass(frozen=True)
class RawSentence:
    """The words of a sentence.

    Attributes:
      tokens: T words, none empty.
      cells: T tags as they are written; a tuple is a set whose tags are known to be several.
      lines: the line of each word in the file, from 1.
      pieces: the piece of the file in which each word stands; see `RawChunk`.
      offsets: begin and end of each word in `text`, in characters; None where there is no text.
      text: None where the file has words only.
      unit: what `lines` counts: "line", or "object" of an array.
    """

    tokens: list[str]
    cells: list[Cell]
    lines: list[int]
    pieces: list[int]
    offsets: list[tuple[int, int]] | None = None
    text: str | None = None
    unit: str = "line"

    def place(self, token: int) -> str:
        """Where a word stands in the file, such as "line 17", or "line 17, word 3"."""
        place = f"{self.unit} {self.lines[token]}"
        one_piece = len(self.pieces) > 1 and self.pieces[0] == self.pieces[-1]
        return f"{place}, word {token + 1}" if one_piece else place

    def add(self, token: str, cell: Cell, line: int, piece: int) -> None:
        """Adds a word of a file that has no texts."""
        self.tokens.append(token)
        self.cells.append(cell)
        self.lines.append(line)
        self.pieces.append(piece)


@dataclass
class RawChunk:
    """Consecutive sentences of a file, and all characters of the file's part.

    Attributes:
      pieces: joined, they are the part of the file; results are written at the ends of pieces.
      sentences: those of the part that have words.
      empty: piece and place of each other, where results are written nevertheless.
      warnings: what is doubtful in it, a sentence each.
    """

    pieces: list[str] = field(default_factory=list)
    sentences: list[RawSentence] = field(default_factory=list)
    empty: list[tuple[int, str]] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
