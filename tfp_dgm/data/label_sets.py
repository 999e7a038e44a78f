"""Cells that hold several labels: which classes apply, which do not, which are left open."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

NO_CLASSES = "(none)"
OTHERS_UNKNOWN = "?"
NOT = "!"
ESCAPE = "\\"


def quoted_class(name: str) -> str:
    """A class name as a cell of labels writes it: with a backslash where it would mean a mark."""
    marked = name in (NO_CLASSES, OTHERS_UNKNOWN) or name.startswith((NOT, ESCAPE))
    return ESCAPE + name if marked else name


def label_cell(names: Sequence[str], separator: str, *, otherwise: str = NO_CLASSES) -> str:
    """The cell of a row to which exactly these classes apply.

    Args:
      names: of the classes.
      separator: stands between them.
      otherwise: the cell where there is none.
    """
    return separator.join(map(quoted_class, names)) if names else otherwise


def label_list(names: Iterable[str]) -> list[str]:
    """The same as a list, of JSON Lines and Parquet; empty where no class applies."""
    return [quoted_class(name) for name in names]
