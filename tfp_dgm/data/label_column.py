"""Label cells into sets of allowed classes: nothing, one class, or "one of these"."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tfp_dgm.data.cell_values import cell_values
from tfp_dgm.data.class_names import given_names
from tfp_dgm.data.data_error import DataError, did_you_mean, listing, shorten
from tfp_dgm.data.frame_chunk import FrameChunk, is_null
from tfp_dgm.data.visible_text import is_blank, is_writable, spelling

_MANY_CLASSES = 1000


@dataclass(frozen=True)
class AnnotationColumn:
    """The label column of a file.

    Attributes:
      path: the file, for messages.
      column: the label column's name.
      chunk: the table [N].
      separator: what stands between the classes of a set; "" where cells hold no sets.
    """

    path: Path
    column: str
    chunk: FrameChunk
    separator: str

    def parse(
        self, classes: Sequence[str] | None, groups: Mapping[str, Sequence[str]] | None = None
    ) -> tuple[tuple[str, ...], NDArray[np.bool_]]:
        """Turns the column's cells into classes and allowed sets.

        Args:
          classes: all the class names; None to take those that are observed.
          groups: names that stand for one of several classes, where definitions of classes have
            them. Definitions speak of classes by themselves: with these, even if empty, there
            need be no labels of two classes, nor any.
        Returns:
          classes: [K], sorted.
          allowed: bool [N, K], True where the annotation allows the class.
        Raises:
          DataError: if a cell is of a wrong type or names an unknown class; if there are no
            labels, all are of one class, or each allows all classes; if `classes` is None and
            there are more than 1,000 different labels, more than half of which occur once only:
            names or numbers of rows, not classes.
        """
        sets = self.sets()
        counts = Counter(names[0] for names in sets if len(names) == 1)
        observed = set(counts)
        if classes is None:
            self.check_shared(counts)
        known = tuple(sorted(observed)) if classes is None else given_names(classes)
        if not any(sets) and groups is None:
            raise self.error("there are no labels at all; label a few rows of each class first")
        index = {name: [k] for k, name in enumerate(known)}
        for group, members in (groups or {}).items():
            index[group] = [k for name in members for k in index[name]]
        allowed = np.ones([len(sets), len(known)], dtype=np.bool_)
        for row, names in enumerate(sets):
            if names:
                self.check_known(names, index, row)
                allowed[row] = False
                allowed[row, [k for name in names for k in index[name]]] = True
        if groups is not None:
            return known, allowed
        if len(known) < 2 or (len(observed) == 1 and all(len(names) < 2 for names in sets)):
            only = min(observed or known)
            raise self.error(
                f"expected labels of two or more classes; received only {spelling(only)}"
            )
        if allowed.all():
            every = listing([spelling(name) for name in known], limit=30)
            raise self.error(
                f"every label allows each of the classes ({every}), so that none says anything; "
                "label a few rows with one class"
            )
        return known, allowed

    def sets(self) -> list[tuple[str, ...]]:
        """The distinct classes that each cell names [N]; none where it is empty.

        Raises:
          DataError: if a cell is of a wrong type.
        """
        cells = cell_values(self.chunk.frame[self.column])
        return [self._parse_cell(cell, row) for row, cell in enumerate(cells)]

    def _parse_cell(self, cell: Any, row: int) -> tuple[str, ...]:
        """Returns the distinct classes that a cell names; none where it is empty."""
        if isinstance(cell, list):
            names = [self.class_name(item, cell, row) for item in cell]
        else:
            label = self.class_name(cell, cell, row)
            if self.separator and self.separator in label and not is_blank(label):
                names = [name.strip() for name in label.split(self.separator)]
            else:
                names = [] if is_blank(label) else [label]
        if any(is_blank(name) for name in names):
            raise self.error(f"expected class names; received an empty one in {shorten(cell)}", row)
        return tuple(dict.fromkeys(names))

    def class_name(self, value: Any, cell: Any, row: int) -> str:
        """Returns a label's text; numbers and truth values are taken as JSON writes them.

        JSON has one kind of number: 1.0, which tools make of 1 where cells are missing, is 1.
        """
        if isinstance(value, str):
            if not is_writable(value):
                raise self.error(
                    f"expected a label that UTF-8 can hold; received {shorten(value)}", row
                )
            return value
        if is_null(value):
            return ""
        if isinstance(value, float) and value.is_integer() and abs(value) <= 2**53:
            return str(int(value))
        if isinstance(value, bool | int | float):
            return json.dumps(value)
        raise self.error(
            f"expected a label (a string, a number, or a list of them); received {shorten(cell)}",
            row,
        )

    def check_shared(self, counts: Counter[str]) -> None:
        """Raises a DataError if there are too many labels, by how often each occurs."""
        once = sum(count == 1 for count in counts.values())
        if len(counts) > _MANY_CLASSES and 2 * once > len(counts):
            examples = listing([shorten(name) for name in list(counts)[:3]])
            raise self.error(
                f"expected labels that rows share; received {len(counts):,} different ones in "
                f"{len(self.chunk.frame):,} rows, such as {examples}; is it the label column?"
            )

    def check_known(self, names: tuple[str, ...], known: Collection[str], row: int) -> None:
        """Raises a DataError if a row names a class that is not known."""
        for name in names:
            if name in known:
                continue
            what = f"unknown class {spelling(name)}"
            hint = ""
            if len(names) > 1:
                what += f" in an allowed set ({' or '.join(map(spelling, names))})"
                hint = (
                    "; a class must be the label of some row or be listed in `classes`; if "
                    f"{self.separator!r} is part of a label, choose another separator"
                )
            classes = listing([spelling(name) for name in known], limit=30) or "none"
            raise self.error(
                f"{what}; the known classes are {classes}{did_you_mean(name, known)}{hint}", row
            )

    def error(self, problem: str, row: int | None = None) -> DataError:
        """The error of this column, or of a row of it."""
        place = None if row is None else self.chunk.place(row)
        return DataError.at(self.path, problem, place=place, column=self.column)


def observed_classes(allowed: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Returns int64 [N]: the one class that `allowed` [N, K] leaves, -1 if it leaves several."""
    return np.where(allowed.sum(axis=1) == 1, allowed.argmax(axis=1), -1)
