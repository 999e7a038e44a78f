"""`dgm serve-check`: proofs that an exported model will serve."""

import dataclasses
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from ._errors import clean_errors
from ._json_output import show_figures
from ._progress import progress_bar
from ._quiet import quiet_start
from ._shared_options import Json, Quiet
from ._tables import print_table
from ._wording import as_typed

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
    json_file: Json = None,
    quiet: Quiet = False,
) -> None:
    """Checks an exported model: shapes, operations, answers, XLA, C++, accelerators.

    Ends with exit code 1 where a check fails. What could not be checked for want of a tool is
    said.
    """
    from tfp_dgm.serving import version_folder

    with clean_errors():
        version_folder(folder)
        with quiet_start():
            from tfp_dgm.serving import check, failed
        with progress_bar(quiet=quiet) as progress:
            verdicts = [
                dataclasses.replace(verdict, detail=as_typed(verdict.detail))
                for verdict in check(folder, build=build, aot_python=aot_python, progress=progress)
            ]
        rows = [
            (verdict.check, Text(verdict.outcome, style=_STYLES[verdict.outcome]), verdict.detail)
            for verdict in verdicts
        ]
        show_figures(
            [dataclasses.asdict(verdict) for verdict in verdicts],
            json_file,
            lambda: print_table(("check", "verdict", "found"), rows, numbers=False),
        )
    if failed(verdicts):
        raise typer.Exit(1)
