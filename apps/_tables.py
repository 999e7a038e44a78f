"""Figures for people, as tables."""

from collections.abc import Iterable, Sequence

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text


def print_table(
    columns: Sequence[str],
    rows: Iterable[Sequence[str | Text]],
    *,
    title: str | None = None,
    numbers: bool = True,
) -> None:
    """Prints a table on standard output; every column but the first holds numbers, or none does."""
    table = Table(box=box.SIMPLE, title=title)
    for place, name in enumerate(columns):
        table.add_column(
            Text(name), justify="right" if numbers and place else "left", overflow="fold"
        )
    for row in rows:
        table.add_row(*(cell if isinstance(cell, Text) else Text(cell) for cell in row))
    Console().print(table)
