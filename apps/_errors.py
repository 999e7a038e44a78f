"""Errors of data as one line on stderr instead of a traceback."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import typer

from tfp_dgm.data import DataError


@contextmanager
def clean_errors() -> Iterator[None]:
    """Ends the command with exit code 2 and a message where data, files or extras are at fault."""
    try:
        yield
    except (DataError, OSError, ImportError) as error:
        typer.echo(f"Error: {error}", err=True)
        raise typer.Exit(code=2) from error
