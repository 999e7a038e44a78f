"""Errors of data as one line on stderr instead of a traceback, in the command line's words."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

import typer

from tfp_dgm.data import DataError

from ._wording import as_typed

# How the library names an argument: "seed: expected ..." or "a_function: `seed` must ...".
_ARGUMENT = re.compile(r"(?:\w+: )?`(\w+)`|(\w+)(?=: )")


@contextmanager
def clean_errors(*arguments: str, **options: str) -> Iterator[None]:
    """Ends the command with exit code 2 and a message where data, files or extras are at fault.

    The library names its arguments; the person gave options, and reads of those. A ValueError that
    is about none of them is a fault of ours, and passes.

    Args:
      *arguments: of the library, which are the command's options, too: `min_precision` stands for
        `--min-precision`.
      **options: what the person gave instead of an argument of another name.
    """
    spelled = {name: f"--{name.replace('_', '-')}" for name in arguments} | options
    try:
        yield
    except (DataError, OSError, ImportError, ValueError) as error:
        said = str(error)
        found = _ARGUMENT.match(said)
        option = spelled.get(found[1] or found[2]) if found else None
        if option is None and not isinstance(error, DataError | OSError | ImportError):
            raise
        if found is not None and option is not None:
            said = option + said[found.end() :]
        typer.echo(f"Error: {as_typed(said)}", err=True)
        raise typer.Exit(code=2) from error
