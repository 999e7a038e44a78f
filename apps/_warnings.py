"""Warnings on standard error, in the command line's words."""

from collections.abc import Iterable

import typer

from ._wording import as_typed


def warn(warnings: Iterable[str]) -> None:
    """Tells what a person should know, a line each."""
    for warning in warnings:
        typer.echo(f"Warning: {as_typed(warning)}", err=True)
