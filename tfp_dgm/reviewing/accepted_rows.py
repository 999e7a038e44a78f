"""The rows of a labelled table whose predictions were accepted."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tfp_dgm.data import DataError, digest, open_table, read_whole

if TYPE_CHECKING:
    import pandas as pd

_LABEL, _PROBABILITY, _ACCEPT = "predicted_label", "probability", "accept"
# What a labelling adds besides, which would tell a person what to think.
_OPINIONS = (
    "second_label",
    "second_probability",
    "none_probability",
    "suspect_label",
    "given_label_probability",
    "safe_label",
    "safe_probability",
    "inferred_label",
    "inferred_probability",
    "rationale",
    "reasons",
    "novelty",
)
_LETTERS = str.maketrans("0123456789", "ghijklmnop")  # Beside a to f.


@dataclass(frozen=True)
class AcceptedRows:
    """A accepted rows of a labelled table.

    Attributes:
      rows: int64 [A]; their numbers in the table, from 1.
      labels: [A]; the classes predicted.
      probabilities: float64 [A]; of these classes.
      frame: [A] rows; the columns of the table that no labelling added.
      units: what they are called.
    """

    rows: NDArray[np.int64]
    labels: list[str]
    probabilities: NDArray[np.float64]
    frame: pd.DataFrame
    units: str = "rows"

    @cached_property
    def digest(self) -> str:
        """What differs where other rows, labels or probabilities were accepted."""
        return digest(self.rows, self.probabilities, self.labels)

    @cached_property
    def places(self) -> dict[int, int]:
        """Row number -> its place among the accepted ones, from 0."""
        return {row: place for place, row in enumerate(self.rows.tolist())}

    @cached_property
    def row_digests(self) -> list[str]:
        """[A]; ten letters of each row, which differ where its cells do.

        There are no digits among them, of which a spreadsheet would make numbers.
        """
        cells = (list(map(str, row)) for row in self.frame.itertuples(index=False, name=None))
        return [digest(row)[:10].translate(_LETTERS) for row in cells]


def read_accepted(
    path: str | os.PathLike[str], *, column: str | None = None, quoting: bool = True
) -> AcceptedRows:
    """Reads the accepted rows of a table that `dgm label` or `dgm predict` wrote.

    Args:
      path: the table.
      column: which label column's, where there are several.
      quoting: whether cells of CSV and TSV may be quoted.
    Raises:
      DataError: if it is no such table, or nothing was accepted; names file, line and column.
    """
    chunk = read_whole(open_table(path, quoting=quoting))
    frame = chunk.frame
    names = list(frame.columns)
    prefix = _prefix(path, names, column)
    probability, accept = prefix + _PROBABILITY, prefix + _ACCEPT
    cells = frame[accept].tolist()
    accepted = np.zeros(len(cells), bool)
    for row, cell in enumerate(cells):
        accepted[row] = _is_true(cell)
        if not accepted[row] and not _is_false(cell):
            raise DataError.at(
                path,
                f"expected true, false or nothing; received {cell!r}",
                place=chunk.place(row),
                column=accept,
            )
    rows = np.flatnonzero(accepted)
    if not len(rows):
        raise DataError.at(path, "no row was accepted, so there is nothing to check", column=accept)
    found = []
    for row in rows.tolist():
        cell = frame[probability].iloc[row]
        try:
            found.append(float(cell))
        except (TypeError, ValueError) as error:
            raise DataError.at(
                path,
                f"expected a number; received {cell!r}",
                place=chunk.place(row),
                column=probability,
            ) from error
    added = {prefix + name for name in (_LABEL, _PROBABILITY, _ACCEPT, *_OPINIONS)}
    return AcceptedRows(
        rows=rows + 1,
        labels=[str(frame[prefix + _LABEL].iloc[row]) for row in rows.tolist()],
        probabilities=np.array(found, np.float64),
        frame=frame.iloc[rows][[name for name in names if name not in added]],
    )


def _prefix(path: str | os.PathLike[str], names: list[str], column: str | None) -> str:
    """What the names of a label column's answers begin with; "" where there is but one."""
    if "predicted_labels" in names:
        raise DataError.at(path, "expected one label a row; received several (`predicted_labels`)")
    marks = (_LABEL, _PROBABILITY, _ACCEPT)
    found = [
        name.removesuffix(_LABEL)
        for name in names
        if name.endswith(_LABEL)
        and {name.removesuffix(_LABEL) + mark for mark in marks} <= {*names}
    ]
    if not found:
        raise DataError.at(
            path,
            "expected a table that `dgm label` or `dgm predict` wrote, with the columns "
            f"{', '.join(marks)}",
        )
    if column is None and len(found) == 1:
        return found[0]
    known = [prefix.removesuffix("_") for prefix in found if prefix]
    if column is None or f"{column}_" not in found:
        given = "none" if column is None else repr(column)
        among = f"one of {', '.join(map(repr, known))}" if known else "none, as there is but one"
        raise DataError(f"column: expected {among}; received {given}")
    return f"{column}_"


def _is_true(cell: Any) -> bool:
    return cell is True or str(cell).strip().casefold() == "true"


def _is_false(cell: Any) -> bool:
    # What is no value in one of the formats, null, NaN and an empty cell, was no question.
    return str(cell).strip().casefold() in ("false", "", "none", "nan", "<na>")
