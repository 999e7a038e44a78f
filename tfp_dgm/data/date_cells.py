"""Cells of a table read as dates, never by a guess that differs from row to row."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tfp_dgm.data.data_error import DataError, shorten

# 31/12/2023, 31.12.2023, 31-12-23: which number is the day is told by the column, not the cell.
_NUMBERS = re.compile(r"\s*(\d{1,2})([./-])(\d{1,2})\2(\d{4}|\d{2})(?!\d)")
_YEAR = re.compile(r"\d{4}")  # Else "now" and "12:30" would be of the day of the run.


def read_dates(
    cells: Sequence[Any], refuse: Callable[[int, str], DataError]
) -> NDArray[np.datetime64]:
    """The moments of cells, in UTC.

    Of 3/4/2024 the month is the first number, or the second where another cell of the column has a
    first number above 12; between points (3.4.2024) it is always the second.

    Args:
      cells: [N], strings or moments; None where there is no date.
      refuse: called with a row and what was expected; gives the error that is raised.
    Returns:
      datetime64[s] [N]; NaT where there is no date.
    Raises:
      DataError: if a cell is no date, or some cells have the day first and others the month.
    """
    import pandas as pd

    day_first = _day_first(cells, refuse)
    found = np.full(len(cells), np.datetime64("NaT", "s"))
    known: dict[object, np.datetime64] = {}
    for row, cell in enumerate(cells):
        if cell is None:
            continue
        if cell not in known:
            try:
                moment = pd.to_datetime(_spelled(cell, day_first), utc=True)
            except (ValueError, TypeError, OverflowError) as error:
                raise refuse(
                    row, f"expected a date, such as 2024-05-31; received {shorten(cell)}"
                ) from error
            known[cell] = np.datetime64(moment.tz_localize(None).to_datetime64(), "s")
        found[row] = known[cell]
    return found


def _day_first(cells: Sequence[Any], refuse: Callable[[int, str], DataError]) -> bool:
    """Whether dates of numbers between slashes or hyphens have the day first."""
    told: dict[bool, int] = {}
    for row, cell in enumerate(cells):
        numbers = _NUMBERS.match(cell) if isinstance(cell, str) else None
        if numbers is None or numbers[2] == ".":
            continue
        first, second = int(numbers[1]), int(numbers[3])
        if max(first, second) > 12:
            told.setdefault(first > second, row)
    if len(told) == 2:
        row, other = max(told.values()), min(told.values())
        raise refuse(
            row,
            f"expected the day and the month in the order of {shorten(cells[other])} above; "
            f"received {shorten(cells[row])}; write dates as 2024-05-31",
        )
    return True in told


def _spelled(cell: Any, day_first: bool) -> Any:
    """The cell with its numbers in the order of years, months, days."""
    if not isinstance(cell, str):
        if not hasattr(cell, "year"):
            raise ValueError("no text and no date")
        return cell
    if numbers := _NUMBERS.match(cell):
        first, between, second, year = numbers.groups()
        day, month = (first, second) if day_first or between == "." else (second, first)
        if len(year) == 2:
            year = f"{'20' if int(year) < 69 else '19'}{year}"  # As POSIX and Python read it.
        return f"{year}-{int(month):02}-{int(day):02}{cell[numbers.end() :]}"
    if not _YEAR.search(cell):
        raise ValueError("no year")
    return cell
