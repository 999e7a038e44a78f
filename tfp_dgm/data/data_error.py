"""The one error that reading, fetching and writing data raises."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from os import PathLike
from typing import Any, Self

from tfp_dgm.data.visible_text import appearance, spelling


class DataError(ValueError):
    """A file or data set is not what was expected; the message is written for the person."""

    @classmethod
    def at(
        cls,
        path: str | PathLike[str],
        problem: str,
        *,
        place: str | None = None,
        column: str | None = None,
    ) -> Self:
        """Builds the error `path, place, column: problem`.

        Args:
          path: the file.
          problem: what was expected and what came.
          place: where in the file, such as "line 12"; None for the whole file.
          column: the column's name, where one is to blame.
        Returns:
          The error, to be raised.
        """
        where = [str(path)]
        if place is not None:
            where.append(place)
        if column is not None:
            where.append(f"column {column!r}")
        return cls(f"{', '.join(where)}: {problem}")


class NoRowsError(DataError):
    """A table has columns but no row.

    Attributes:
      frame: a pandas DataFrame of no rows, with the columns.
    """

    frame: Any


def shorten(value: object, limit: int = 60) -> str:
    """Returns repr(value), cut to about `limit` characters so that messages stay readable."""
    # Never all of a long string, of which a message needs the beginning.
    text = repr(value[: limit + 1] if isinstance(value, str) else value)
    return text if len(text) <= limit else f"{text[:limit]}..."


def listing(items: list[str], limit: int = 5) -> str:
    """Returns the first `limit` items joined by commas, and how many more there are."""
    more = len(items) - limit
    return ", ".join(items[:limit]) + (f" and {more} more" if more > 0 else "")


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Returns "; did you mean 'x'?" for the known name closest to `name`, "" if none is close."""
    names = list(known)
    alike = [other for other in names if appearance(other) == appearance(name)]
    close = alike or difflib.get_close_matches(name, names, n=1)
    return f"; did you mean {spelling(close[0])}?" if close else ""
