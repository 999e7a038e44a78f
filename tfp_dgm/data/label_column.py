"""Label cells into sets of allowed classes: nothing, a class, one of these, or none of these."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tfp_dgm.data.cell_values import cell_values
from tfp_dgm.data.class_names import given_names
from tfp_dgm.data.data_error import DataError, did_you_mean, listing, shorten
from tfp_dgm.data.frame_chunk import FrameChunk, is_null
from tfp_dgm.data.label_sets import (
    ESCAPE,
    NOT,
    OTHERS_UNKNOWN,
    MarkedLabels,
    quoted_class,
    refuse_marks_in,
)
from tfp_dgm.data.visible_text import is_blank, is_writable, spelling

_MANY_CLASSES = 1000
_FEW = 3  # Names that are no burden to read.


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

    def __post_init__(self) -> None:
        refuse_marks_in(self.separator)

    def parse(
        self, classes: Sequence[str] | None, groups: Mapping[str, Sequence[str]] | None = None
    ) -> tuple[tuple[str, ...], NDArray[np.bool_], list[str]]:
        """Turns the column's cells into classes and allowed sets.

        Args:
          classes: all the class names; None to take those that are observed.
          groups: names that stand for one of several classes, where definitions of classes have
            them. Definitions speak of classes by themselves: with these, even if empty, there
            need be no labels of two classes, nor any.
        Returns:
          classes: [K], sorted.
          allowed: bool [N, K], True where the annotation allows the class.
          warnings: on marks, which an unaware writer may have meant as names; a sentence each.
        Raises:
          DataError: if a cell is of a wrong type, contradicts itself, leaves no class or names an
            unknown one; if there are no labels, all are of one class, or each allows all classes;
            if `classes` is None and there are more than 1,000 different labels, more than half of
            which occur once only: names or numbers of rows, not classes.
        """
        groups_of = {} if groups is None else groups
        cells = self.marked_labels({*(classes or ()), *groups_of})
        counts = Counter(cell.named[0] for cell in cells if len(cell.named) == 1)
        if classes is None:
            self.check_shared(counts)
        known = tuple(sorted(counts)) if classes is None else given_names(classes)
        index = {name: [k] for k, name in enumerate(known)}
        for group, members in groups_of.items():
            index[group] = [k for name in members for k in index[name]]
        annotated = np.array([bool(cell.named or cell.denied) for cell in cells], np.bool_)
        if not annotated.any() and groups is None:
            raise self.error("there are no labels at all; label a few rows of each class first")
        allowed = np.ones([len(cells), len(known)], dtype=np.bool_)
        for row in np.flatnonzero(annotated).tolist():
            allowed[row] = self._allowed(cells[row], index, len(known), row)
        if groups is None:
            self._check_informative(known, allowed[annotated])
        return known, allowed, list(self.mark_warnings(cells))

    def marked_labels(self, known: Collection[str] = ()) -> list[MarkedLabels]:
        """What each cell says [N]; a label that as it stands is `known` is the name of a class.

        Raises:
          DataError: if a cell is of a wrong type, or says at once what a row is and what it is not.
        """
        return [self._marked(labels, known, row) for row, labels in enumerate(self.sets())]

    def _marked(self, labels: tuple[str, ...], known: Collection[str], row: int) -> MarkedLabels:
        said = MarkedLabels.of(labels, known)
        if any(is_blank(name) for name in said.denied):
            raise self.error(
                f"expected a class name behind {NOT!r}; received {self._cell(labels)}", row
            )
        if bool(said.named) + bool(said.denied) + said.leaves_open > 1:
            raise self.error(
                f"expected what a row is (a class, or one of several), what it is not ({NOT!r} "
                f"before each class), or {OTHERS_UNKNOWN!r} alone; received {self._cell(labels)}; "
                f"if a mark is part of a class, write {ESCAPE!r} before it or list it in `classes`",
                row,
            )
        return said

    def _allowed(
        self,
        said: MarkedLabels,
        index: Mapping[str, Sequence[int]],
        num_classes: int,
        row: int,
    ) -> NDArray[np.bool_]:
        """The classes [K] that an annotated cell allows."""
        for name in said.denied:
            if name not in index:
                self.check_known(
                    (name,),
                    index,
                    row,
                    f"; if {NOT + name!r} is a class, write '{quoted_class(NOT + name)}' or list "
                    "it in `classes`",
                )
        names = said.named or said.denied
        self.check_known(names, index, row)
        meant = np.zeros(num_classes, np.bool_)
        meant[[k for name in names for k in index[name]]] = True
        if said.named:
            return meant
        if meant.all():
            every = listing([spelling(name) for name in index], limit=30)
            raise self.error(
                f"expected an annotation that leaves one of the classes ({every}); received "
                f"{self._cell(names, NOT)}; a class that is the label of no row must be listed in "
                f"`classes`, and so must {NOT + names[0]!r} if it is one",
                row,
            )
        return ~meant

    def _check_informative(self, known: tuple[str, ...], told: NDArray[np.bool_]) -> None:
        """Raises a DataError if annotations [n, K] tell no two classes apart."""
        if len(known) < 2 or ((told == told[0]).all() and told[0].sum() == 1):
            only = known[int(told[0].argmax())]
            raise self.error(
                f"expected labels of two or more classes; received only {spelling(only)}"
            )
        if told.all():
            every = listing([spelling(name) for name in known], limit=30)
            raise self.error(
                f"every label allows each of the classes ({every}), so that none says anything; "
                "label a few rows with one class"
            )

    def mark_warnings(self, cells: Sequence[MarkedLabels]) -> Iterator[str]:
        """What `marked_labels` took for marks, which an unaware writer may have meant as names."""
        meanings = (
            ("not this class", [bool(cell.denied) for cell in cells]),
            ("not annotated", [cell.leaves_open for cell in cells]),
        )
        for meaning, marked in meanings:
            rows = np.flatnonzero(marked).tolist()
            if rows:
                said = cells[rows[0]]
                label = NOT + said.denied[0] if said.denied else OTHERS_UNKNOWN
                many = "1 cell is" if len(rows) == 1 else f"{len(rows):,} cells are"
                place = f"{self.chunk.place(rows[0])}, column {self.column!r}"
                yield (
                    f'{many} read as "{meaning}", such as {label!r} in {place}. Where {label!r} is '
                    f"a class, write '{quoted_class(label)}' or list it in `classes`."
                )

    def _cell(self, labels: Sequence[str], mark: str = "") -> str:
        return shorten((self.separator or ", ").join(mark + label for label in labels))

    def sets(self) -> list[tuple[str, ...]]:
        """The distinct labels of each cell as they stand [N]; none where it is empty.

        Raises:
          DataError: if a cell is of a wrong type.
        """
        cells = cell_values(self.chunk.frame[self.column])
        return [self._parse_cell(cell, row) for row, cell in enumerate(cells)]

    def _parse_cell(self, cell: Any, row: int) -> tuple[str, ...]:
        """Returns the distinct labels of a cell; none where it is empty."""
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

    def check_known(
        self, names: tuple[str, ...], known: Collection[str], row: int, hint: str = ""
    ) -> None:
        """Raises a DataError, which ends in a hint, if a row names a class that is not known."""
        for name in names:
            if name in known:
                continue
            what = f"unknown class {spelling(name)}"
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


def said_classes(classes: Sequence[str], allowed: NDArray[np.bool_]) -> tuple[list[str], list[str]]:
    """The classes that an annotation names, or those that it denies where these are the fewer.

    Args:
      classes: K names.
      allowed: bool [K]; what the annotation allows.
    Returns:
      given, denied: names, of which one list is empty.
    """
    given = [name for name, here in zip(classes, allowed, strict=True) if here]
    denied = [name for name, here in zip(classes, allowed, strict=True) if not here]
    return (given, []) if len(given) <= max(_FEW, len(denied)) else ([], denied)
