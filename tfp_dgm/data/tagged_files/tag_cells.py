"""Cells of tags into what they allow: nothing known, a tag, or one of several."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from tfp_dgm.data.data_error import listing, shorten
from tfp_dgm.data.tag_scheme import OUTSIDE, SPAN_LETTERS, split_tag
from tfp_dgm.data.tagged_files.raw_sentences import NOT_GIVEN, Cell


class TagCells:
    """How the cells of a file are read.

    A cell with the separator is a set where all its parts are tags by themselves elsewhere, or look
    like tags of spans; else it is a name, as tags of some treebanks have it (`N|soort|ev`).

    Args:
      cells: of the whole file.
      separator: stands between the tags of a set; "" where there are no sets.
    """

    def __init__(self, cells: Iterable[Sequence[Cell]], separator: str) -> None:
        self._separator = separator
        counts = Counter(cell for sentence in cells for cell in sentence)
        self._counts = {cell: n for cell, n in counts.items() if cell not in NOT_GIVEN}
        alone = {
            cell for cell in self._counts if isinstance(cell, str) and not self._may_be_set(cell)
        }
        self._meaning: dict[Cell, tuple[str, ...]] = dict.fromkeys(NOT_GIVEN, ())
        self._names: list[str] = []
        for cell in self._counts:
            self._meaning[cell] = self._read(cell, alone)

    def tags_of(self, cells: Sequence[Cell]) -> list[tuple[str, ...]]:
        """The tags that each cell of a sentence allows; () where nothing is known."""
        return [self._meaning[cell] for cell in cells]

    def warnings(self) -> list[str]:
        """What is doubtful about sets, a sentence each."""
        if not self._names:
            return []
        examples = listing([shorten(name) for name in self._names], 3)
        return [
            f"tags that hold {self._separator!r} without naming other tags are taken for tags "
            f"themselves: {examples}"
        ]

    def _may_be_set(self, cell: str) -> bool:
        return bool(self._separator) and self._separator in cell

    def _read(self, cell: Cell, alone: set[str]) -> tuple[str, ...]:
        if isinstance(cell, str):
            if not self._may_be_set(cell):
                return (cell,)
            parts = [part.strip() for part in cell.split(self._separator)]
            if not all(part in alone or part in ("_", "?") or _is_of_span(part) for part in parts):
                self._names.append(cell)
                return (cell,)
            cell = tuple(parts)
        return () if any(part in NOT_GIVEN for part in cell) else tuple(dict.fromkeys(cell))


def _is_of_span(tag: str) -> bool:
    """Whether a part looks like a tag of a span with a type, or of no span."""
    letter, name = split_tag(tag, lower=tag[:1].islower())
    return letter == OUTSIDE if not name else letter in SPAN_LETTERS
