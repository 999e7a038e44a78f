"""Columns of several labels a row into marks: which classes apply, which do not, which are open."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tfp_dgm.data.cell_values import cell_values
from tfp_dgm.data.class_names import given_names
from tfp_dgm.data.data_error import shorten
from tfp_dgm.data.frame_chunk import FrameChunk, is_null
from tfp_dgm.data.label_column import AnnotationColumn
from tfp_dgm.data.label_sets import ESCAPE, NO_CLASSES, NOT, MarkedLabels
from tfp_dgm.data.visible_text import is_blank, spelling

Marks = NDArray[np.int8]
YES, NO, UNKNOWN = 1, 0, -1
_TRUE, _FALSE = {"1", "true"}, {"0", "false"}


@dataclass(frozen=True)
class _Cell:
    """What a cell says: classes that apply, that do not, and whether it says no more."""

    applies: tuple[str, ...]
    absent: tuple[str, ...]
    partial: bool


@dataclass(frozen=True)
class LabelSetColumn:
    """A column whose cells name the classes of a row.

    Attributes:
      column: the cells, and what stands between the classes of one.
    """

    column: AnnotationColumn

    def parse(self, classes: Sequence[str] | None) -> tuple[tuple[str, ...], Marks]:
        """Turns the cells into classes and marks.

        Args:
          classes: all the class names; None to take those that cells name.
        Returns:
          classes: [K], sorted.
          marks: int8 [N, K]; 1 = the class applies, 0 = it does not, -1 = unknown.
        Raises:
          DataError: if a cell is of a wrong type, contradicts itself or names an unknown class; if
            there are too many classes to be classes.
        """
        cells = [self._parse_cell(cell, row) for row, cell in enumerate(self._cells())]
        counts = Counter(name for cell in cells if cell for name in cell.applies)
        if classes is None:
            self.column.check_shared(counts)
            denied = {name for cell in cells if cell for name in cell.absent}
            names = tuple(sorted({*counts, *denied}))
        else:
            names = given_names(classes)
        index = {name: k for k, name in enumerate(names)}
        marks = np.full((len(cells), len(names)), UNKNOWN, np.int8)
        for row, cell in enumerate(cells):
            if cell is None:
                continue
            for name in (*cell.applies, *cell.absent):
                self.column.check_known((name,), index, row)
            if not cell.partial:
                marks[row] = NO
            marks[row, [index[name] for name in cell.absent]] = NO
            marks[row, [index[name] for name in cell.applies]] = YES
        return names, marks

    @property
    def holds_lists(self) -> bool:
        """Whether cells are lists, as JSON Lines and Parquet have them."""
        return any(isinstance(cell, list) for cell in self._cells())

    def _cells(self) -> list[Any]:
        return cell_values(self.column.chunk.frame[self.column.column])

    def _parse_cell(self, cell: Any, row: int) -> _Cell | None:
        """What a cell says; None where it says nothing."""
        if isinstance(cell, list):
            labels = [self.column.class_name(item, cell, row) for item in cell]
            if not labels:
                return _Cell((), (), partial=False)
        else:
            label = self.column.class_name(cell, cell, row)
            if is_blank(label):
                return None
            separator = self.column.separator
            labels = [part.strip() for part in label.split(separator)] if separator else [label]
        if any(is_blank(label) for label in labels):
            raise self.column.error(
                f"expected class names; received an empty one in {shorten(cell)}", row
            )
        return self._read(labels, cell, row)

    def _read(self, labels: Sequence[str], cell: Any, row: int) -> _Cell | None:
        if NO_CLASSES in labels:
            if set(labels) != {NO_CLASSES}:
                raise self.column.error(
                    f"expected {NO_CLASSES!r}, which says that no class applies, by itself; "
                    f"received {shorten(cell)}; write {ESCAPE + NO_CLASSES!r} if it is a class",
                    row,
                )
            return _Cell((), (), partial=False)
        said = MarkedLabels.of(labels)
        if any(is_blank(name) for name in said.denied):
            raise self.column.error(
                f"expected a class name behind {NOT!r}; received {shorten(cell)}", row
            )
        if both := sorted(set(said.named) & set(said.denied)):
            raise self.column.error(
                f"expected a class to apply or not; received both of {both[0]!r} in "
                f"{shorten(cell)}",
                row,
            )
        if not said.named and not said.denied:
            return None
        return _Cell(said.named, said.denied, said.leaves_open or bool(said.denied))


def parse_indicators(
    path: Path, columns: Sequence[str], chunk: FrameChunk
) -> tuple[tuple[str, ...], Marks]:
    """Turns columns of 0 and 1, each a class, into classes and marks, as `LabelSetColumn.parse`.

    Args:
      path: the file, for messages.
      columns: their names, which are the classes'.
      chunk: the table [N].
    """
    names = tuple(sorted(columns))
    marks = np.full((len(chunk.frame), len(names)), UNKNOWN, np.int8)
    for k, name in enumerate(names):
        column = AnnotationColumn(path, name, chunk, "")
        for row, cell in enumerate(cell_values(chunk.frame[name])):
            marks[row, k] = _indicator(column, cell, row)
    return names, marks


def check_marks(column: AnnotationColumn, names: Sequence[str], marks: Marks) -> None:
    """Raises a DataError if nothing can be learned from marks [N, K] of classes."""
    if not (marks != UNKNOWN).any():
        raise column.error("there are no labels at all; label a few rows of each class first")
    if len(names) < 2:
        only = spelling(names[0]) if names else "none"
        raise column.error(f"expected labels of two or more classes; received only {only}")
    if not ((marks == YES).any(axis=0) & (marks == NO).any(axis=0)).any():
        raise column.error(
            "expected a class that applies to some rows and not to others; received none, so that "
            "nothing tells rows apart; annotate some rows in full"
        )


def _indicator(column: AnnotationColumn, cell: Any, row: int) -> int:
    """1, 0 or -1 of a cell that says true, false or nothing."""
    if not is_null(cell):
        label = column.class_name(cell, cell, row).strip().casefold().removesuffix(".0")
        if label in _TRUE:
            return YES
        if label in _FALSE:
            return NO
        if not is_blank(label):
            raise column.error(
                "expected 0, 1, true, false or nothing, since the column is a class of several; "
                f"received {shorten(cell)}",
                row,
            )
    return UNKNOWN
