"""Treebanks in the CoNLL-U format: sentences whose words are annotated."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from tfp_dgm.data.data_error import DataError, shorten
from tfp_dgm.data.limits import MAX_CELL_CHARACTERS
from tfp_dgm.data.text_file import open_text

_COLUMNS = 10
_NOTHING = "_"


@dataclass(frozen=True)
class AnnotatedSentence:
    """The words of a sentence, with what is written of each.

    Attributes:
      words: T of them.
      upos: universal tags, "_" where there is none.
      xpos: tags of the language's own.
      heads: 1 .. T, 0 for the root; None where no head is written for a word.
    """

    words: list[str]
    upos: list[str]
    xpos: list[str]
    heads: list[int | None]


def read_conllu(path: str | os.PathLike[str]) -> list[AnnotatedSentence]:
    """Reads a plain or gzipped (.gz) file in the CoNLL-U format.

    Syntactic words are read; surface tokens that span several (1-2) and empty nodes (1.1) are not.

    Raises:
      DataError: if the file cannot be read, or is of another format; names the line.
    """
    path = Path(path)
    sentences: list[AnnotatedSentence] = []
    rows: list[list[str]] = []
    with open_text(path, None, longest=MAX_CELL_CHARACTERS) as lines:
        for number, line in enumerate(lines, start=1):
            line = line.rstrip("\r\n")
            if not line.strip():
                sentences += _sentence(path, number - 1, rows)
                rows = []
            elif not line.startswith("#"):
                cells = line.split("\t")
                check_word_line(path, number, cells, len(rows) + 1)
                if cells[0].isdecimal():
                    rows.append(cells)
        sentences += _sentence(path, number if rows else 0, rows)
    if not sentences:
        raise DataError.at(path, "expected at least one sentence in the CoNLL-U format; none")
    return sentences


def write_conllu(
    file: IO[str],
    words: Sequence[str],
    *,
    xpos: Sequence[str] | None = None,
    heads: Sequence[int] | None = None,
) -> None:
    """Writes one sentence; what is not given is "_".

    Args:
      file: open for writing, as UTF-8.
      words: T of them, without tabs and ends of lines.
      xpos: tags of no universal meaning.
      heads: 1 .. T, 0 for the root.
    """
    file.write(f"# text = {' '.join(words)}\n")
    for place, word in enumerate(words):
        cells = [str(place + 1), word, *[_NOTHING] * (_COLUMNS - 2)]
        if xpos is not None:
            cells[4] = xpos[place]
        if heads is not None:
            cells[6] = str(heads[place])
        file.write("\t".join(cells) + "\n")
    file.write("\n")


def check_word_line(path: Path, number: int, cells: list[str], expected: int) -> None:
    """Checks the line of a word in the CoNLL-U format.

    Args:
      path: the file, for messages.
      number: the line.
      cells: what stands between its tabs.
      expected: the number that the word must have, if it is a word of its own.
    Raises:
      DataError: if there are not ten columns, or one is empty; if the word has another number.
    """
    place = f"line {number}"
    if len(cells) != _COLUMNS:
        raise DataError.at(
            path, f"expected {_COLUMNS} columns between tabs; received {len(cells)}", place=place
        )
    identity = cells[0]
    if identity.isdecimal() and int(identity) != expected:
        raise DataError.at(path, f"expected the word {expected}; received {identity}", place=place)
    if not identity.replace("-", "", 1).replace(".", "", 1).isdecimal():
        raise DataError.at(
            path, f"expected the number of a word; received {shorten(identity)}", place=place
        )
    if "" in cells:
        raise DataError.at(
            path,
            f"expected {_NOTHING} where there is nothing; received an empty column "
            f"{cells.index('') + 1}",
            place=place,
        )


def _sentence(path: Path, last: int, rows: list[list[str]]) -> Iterator[AnnotatedSentence]:
    """The sentence whose last line this was, if there is one."""
    if not rows:
        return
    heads: list[int | None] = []
    for cells in rows:
        head = cells[6]
        if head != _NOTHING and not (head.isdecimal() and int(head) <= len(rows)):
            raise DataError.at(
                path,
                f"expected heads from 0 to {len(rows)}; received {shorten(head)} of the word "
                f"{cells[0]}",
                place=f"sentence to line {last}",
            )
        heads.append(None if head == _NOTHING else int(head))
    if word := _in_circle(heads):
        raise DataError.at(
            path,
            "expected heads that lead to the root; received a circle of heads through the word "
            f"{word}",
            place=f"sentence to line {last}",
        )
    yield AnnotatedSentence(
        [cells[1] for cells in rows],
        [cells[3] for cells in rows],
        [cells[4] for cells in rows],
        heads,
    )


def _in_circle(heads: Sequence[int | None]) -> int | None:
    """A word that is above itself; None where there is none."""
    ending: set[int] = set()
    for word in range(1, len(heads) + 1):
        path: set[int] = set()
        above: int | None = word
        while above and above not in ending:
            if above in path:
                return above
            path.add(above)
            above = heads[above - 1]
        ending |= path
    return None
