"""Rows of a benchmark that goes on where it was stopped: each is written as it is measured."""

import json
import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tfp_dgm.data import atomic_write

Row = dict[str, Any]


def rows_so_far(path: Path | None) -> list[Row]:
    """The rows that a file of results holds already; none without a file."""
    if path is None or not path.exists():
        return []
    found: list[Row] = json.loads(path.read_text("utf-8"))["rows"]
    return found


def record(rows: list[Row], row: Row, path: Path | None, **about: Any) -> None:
    """Adds a row, tells it on standard error, and writes the file anew where there is one.

    Args:
      rows: those so far.
      row: the new one.
      path: of the file.
      **about: what stands in the file beside the command and the rows.
    """
    rows.append(row)
    print(json.dumps(row), file=sys.stderr, flush=True)
    if path is not None:
        command = shlex.join(["python", *sys.argv])
        with atomic_write(path) as file:
            file.write(json.dumps({"command": command, **about, "rows": rows}, indent=1).encode())


def measure(rows: list[Row], name: str, run: Callable[[], Row], path: Path | None) -> None:
    """Runs what a row is of and records it, unless the rows have that name already.

    Args:
      rows: those so far.
      name: of the row.
      run: () -> what else it holds.
      path: of the file.
    """
    if not any(row["name"] == name for row in rows):
        record(rows, {"name": name, **run()}, path)
