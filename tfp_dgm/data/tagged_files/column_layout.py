"""What the columns of a file in a CoNLL format are, told by its first lines."""

from __future__ import annotations

import itertools
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from tfp_dgm.data.data_error import DataError
from tfp_dgm.data.limits import MAX_CELL_CHARACTERS
from tfp_dgm.data.text_file import open_text

_LOOKED_AT = 5000
_BLANKS = re.compile(r"[ \t]+")
_NAMED = re.compile(r"# ?[\w.:]+ = ")  # A comment such as `# text = ...`.
DOCUMENT_START = "-DOCSTART-"


@dataclass(frozen=True)
class ColumnLayout:
    """The columns of a file.

    Attributes:
      tabs: whether they stand between tabs; else between any blanks.
      count: how many there are.
      token: the column of words, from 0.
      tag: the column of tags; None where there is none.
      tags: what was seen in it.
    """

    tabs: bool
    count: int
    token: int
    tag: int | None
    tags: frozenset[str] = frozenset()

    def cells(self, line: str) -> list[str]:
        """The cells of a line, without the blanks around them."""
        return _cells(line, self.tabs)

    def is_comment(self, line: str, cells: list[str], *, at_start: bool) -> bool:
        """Whether a line is a comment, not a word such as "#tag".

        Args:
          line: of the file.
          cells: what stands in it.
          at_start: whether no word of a sentence went before.
        """
        if not line.startswith("#"):
            return False
        if _NAMED.match(line):
            return True
        if len(cells) != self.count:
            # A hashtag without a tag is a word.
            word = len(cells) == 1 and self.count == 2 and " " not in line
            return line.startswith(("# ", "#\t")) or (at_start and not word)
        # `# newdoc` in a file of two columns between blanks.
        return (
            not self.tabs
            and at_start
            and self.tag is not None
            and cells[0] == "#"
            and cells[self.tag] not in self.tags
        )


def find_layout(
    path: Path,
    token_column: int | str | None,
    tag_column: int | str | None,
    *,
    added: int = 0,
) -> ColumnLayout:
    """Finds the columns of a file.

    Args:
      path: the file.
      token_column: of the words, from 1, or a name that a line `# global.columns =` has; None for
        the first.
      tag_column: of the tags; None for the last but that of the words, if there is one.
      added: how many columns of results stand behind the others, and are none of the layout's.
    Raises:
      DataError: if there are no such columns; if the first numbers words.
    """
    names, lines = _first_lines(path)
    if not lines:
        raise DataError.at(path, "expected words in columns; the file has none")
    tabs, count = _separator(lines)
    rows = [cells for cells in (_cells(line, tabs) for line in lines) if len(cells) == count]
    count -= added
    if count < 1:
        raise DataError.at(
            path, f"expected words and {added} columns of results; received {count + added} columns"
        )
    token = _column(path, "token_column", token_column, names, count)
    tag = _column(path, "tag_column", tag_column, names, count)
    if token is None:
        token = 0
        if count > 2 and _numbers([row[0] for row in rows]):
            raise DataError.at(
                path, "the first column numbers the words; name that of the words as `token_column`"
            )
    if tag is None and count > 1:
        tag = count - 2 if token == count - 1 else count - 1
    if tag == token:
        raise DataError.at(
            path, f"expected words and tags in two columns; received the column {token + 1} as both"
        )
    seen = frozenset(row[tag] for row in rows if row[0] != "#") if tag is not None else frozenset()
    return ColumnLayout(tabs, count, token, tag, seen)


def _numbers(cells: list[str]) -> bool:
    """Whether cells number the words of sentences: nearly each is one more than that before."""
    if not all(cell.isdecimal() for cell in cells):
        return False
    steps = [int(b) - int(a) for a, b in itertools.pairwise(cells)]
    return int(cells[0]) < 2 and 2 * steps.count(1) > len(steps)


def counts_of_columns(lines: list[str], *, tabs: bool) -> Counter[int]:
    """How many lines have how many columns."""
    return Counter(len(_cells(line, tabs)) for line in lines)


def _first_lines(path: Path) -> tuple[list[str], list[str]]:
    """The names of columns, if a comment has them, and the first lines that hold words."""
    names: list[str] = []
    found = []
    with open_text(path, None, longest=MAX_CELL_CHARACTERS) as lines:
        for line in itertools.islice(lines, _LOOKED_AT):
            line = line.rstrip("\n")
            if line.startswith("# global.columns ="):
                names = line.partition("=")[2].split()
            elif line.strip() and not line.startswith(("# ", DOCUMENT_START)):
                found.append(line)
    return names, found


def _separator(lines: list[str]) -> tuple[bool, int]:
    """Whether columns stand between tabs, and how many there are."""
    tabs, blanks = (counts_of_columns(lines, tabs=tabs) for tabs in (True, False))
    with_tabs = sum(n for count, n in tabs.items() if count > 1)
    by_tabs = with_tabs > 0 and (len(tabs) == 1 or len(blanks) > 1)
    counts = tabs if by_tabs else blanks
    # A line of a word without a tag has one column in a file of two.
    if set(counts) == {1, 2}:
        return by_tabs, 2
    return by_tabs, counts.most_common(1)[0][0]


def _column(
    path: Path, argument: str, column: int | str | None, names: list[str], count: int
) -> int | None:
    """The place of a column, from 0; None where none is named."""
    if column is None:
        return None
    if isinstance(column, str) and column.upper() in [name.upper() for name in names]:
        return [name.upper() for name in names].index(column.upper())
    if isinstance(column, str) and not column.isdecimal():
        known = f", or one of {', '.join(names)}" if names else ""
        raise DataError.at(
            path, f"{argument}: expected the number of a column{known}; received {column!r}"
        )
    if not 1 <= int(column) <= count:
        raise DataError.at(
            path, f"{argument}: expected a column from 1 to {count}; received {column}"
        )
    return int(column) - 1


def _cells(line: str, tabs: bool) -> list[str]:
    if tabs:
        return [cell.strip(" ") for cell in line.split("\t")]
    return _BLANKS.split(line.strip(" \t"))
