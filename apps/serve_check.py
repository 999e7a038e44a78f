"""`dgm serve-check`: proofs that an exported model will serve."""

from pathlib import Path
from typing import Annotated

import typer

from ._errors import clean_errors
from ._quiet import quiet_start

_STYLES = {"passed": "green", "failed": "bold red", "not checked": "yellow"}


def serve_check(
    folder: Annotated[
        Path, typer.Argument(help="A model's folder (its newest version) or a version's.")
    ],
    build: Annotated[
        bool, typer.Option("--build", help="Build the C++ program with g++ if it is not there.")
    ] = False,
    aot_python: Annotated[
        str | None,
        typer.Option(
            help="A Python with the extra `aot`: the compilers for TPU and H100.",
            show_default="this one",
        ),
    ] = None,
) -> None:
    """Checks an exported model: shapes, operations, answers, XLA, C++, accelerators.

    Ends with exit code 1 where a check fails. What could not be checked for want of a tool is
    said.
    """
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from ._progress import progress_bar

    with quiet_start():
        from tfp_dgm.serving import check, failed
    table = Table()
    for title in ("check", "verdict", "found"):
        table.add_column(title, overflow="fold")
    verdicts = []
    with clean_errors(), progress_bar() as progress:
        for verdict in check(folder, build=build, aot_python=aot_python, progress=progress):
            verdicts.append(verdict)
            table.add_row(
                verdict.check,
                Text(verdict.outcome, style=_STYLES[verdict.outcome]),
                Text(verdict.detail),
            )
    Console().print(table)
    if failed(verdicts):
        raise typer.Exit(1)
