"""The figures of a command: for people, and as JSON."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import typer

from tfp_dgm.data import atomic_write

from ._shared_options import STANDARD_OUTPUT


def show_figures(figures: Any, json_file: Path | None, show: Callable[[], None]) -> None:
    """Shows figures, and writes them as JSON where a file is named.

    Args:
      figures: what JSON has words for.
      json_file: of `--json`; "-" for standard output, which then holds nothing else.
      show: prints them for people.
    """
    text = json.dumps(figures, indent=2, ensure_ascii=False)
    if json_file == STANDARD_OUTPUT:
        typer.echo(text)
        return
    show()
    if json_file is not None:
        with atomic_write(json_file) as file:
            file.write(f"{text}\n".encode())
