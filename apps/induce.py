"""`dgm induce`: structures found in plain text, without annotations."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import typer

from tfp_dgm import induction
from tfp_dgm.data import check_input_file
from tfp_dgm.settings import read_settings

from ._errors import clean_errors
from ._json_output import show_figures
from ._progress import progress_bar
from ._quiet import quiet_start
from ._shared_options import Json, Output, Quiet, Resume, Seed, Set, SettingsFile, overrides
from ._tables import print_table

app = typer.Typer(no_args_is_help=True)

Processes = Annotated[
    int,
    typer.Option(min=1, help="So many starts (see the setting) are trained at once."),
]


@app.callback()
def induce() -> None:
    """Structures of plain text, found without annotations."""


@app.command()
def tags(
    context: typer.Context,
    text_file: Annotated[
        Path,
        typer.Argument(
            metavar="TEXT",
            help="Sentences, one a line, words between spaces; or a treebank, .conllu or .mrg.",
        ),
    ],
    output: Output,
    settings: SettingsFile = None,
    set_: Set = None,
    resume: Resume = False,
    processes: Processes = 1,
    seed: Seed = 0,
    json_file: Json = None,
    quiet: Quiet = False,
) -> None:
    """Finds parts of speech: a tag for each word, alike where words stand and look alike.

    OUTPUT then holds the tagged sentences (tagged.conllu), a page (report.html) and the model.
    Of a treebank, its tags are compared with those found, and are used for nothing else.
    docs/induction.md tells the settings; --seed stands over theirs.
    """
    asked = _Asked(
        context, text_file, output, settings, set_, resume, processes, seed, json_file, quiet
    )
    _induce(
        asked,
        induction.TagSettings,
        induction.claim_tags,
        lambda: induction.induce_tags,
    )


@app.command()
def dependencies(
    context: typer.Context,
    text_file: Annotated[
        Path,
        typer.Argument(
            metavar="TEXT",
            help="A treebank, .conllu, tagged (see `dgm induce tags`); or lines of words or tags.",
        ),
    ],
    output: Output,
    settings: SettingsFile = None,
    set_: Set = None,
    resume: Resume = False,
    processes: Processes = 1,
    seed: Seed = 0,
    json_file: Json = None,
    quiet: Quiet = False,
) -> None:
    """Finds the head of each word: trees over tags that are given or induced.

    OUTPUT then holds the sentences with heads (parsed.conllu), a page that draws trees
    (report.html) and the model. Of a treebank, its heads are compared with those found, and are
    used for nothing else. docs/induction.md tells the settings; --seed stands over theirs.
    """
    asked = _Asked(
        context, text_file, output, settings, set_, resume, processes, seed, json_file, quiet
    )
    _induce(
        asked,
        induction.DependencySettings,
        induction.claim_dependencies,
        lambda: induction.induce_dependencies,
    )


@app.command()
def constituents(
    context: typer.Context,
    text_file: Annotated[
        Path,
        typer.Argument(
            metavar="TEXT",
            help="Sentences, one a line, words between spaces; or a treebank, .mrg or .conllu.",
        ),
    ],
    output: Output,
    settings: SettingsFile = None,
    set_: Set = None,
    resume: Resume = False,
    processes: Processes = 1,
    seed: Seed = 0,
    json_file: Json = None,
    quiet: Quiet = False,
) -> None:
    """Finds phrases: a binary tree over the words of each sentence.

    OUTPUT then holds the sentences as bracketed trees (parsed.mrg), a page that draws trees
    (report.html) and the model. Of a treebank of bracketed trees (.mrg), its brackets are compared
    with those found, and are used for nothing else. docs/induction.md tells the settings; --seed
    stands over theirs.
    """
    asked = _Asked(
        context, text_file, output, settings, set_, resume, processes, seed, json_file, quiet
    )
    _induce(
        asked,
        induction.ConstituentSettings,
        induction.claim_constituents,
        lambda: induction.induce_constituents,
    )


class _Asked(NamedTuple):
    """What every command here is asked for."""

    context: typer.Context
    text_file: Path
    output: Path
    settings: Path | None
    set_: list[str] | None
    resume: bool
    processes: int
    seed: int
    json_file: Path | None
    quiet: bool


def _induce(
    asked: _Asked,
    settings_class: type,
    claim: Callable[..., Any],
    job: Callable[[], Callable[..., dict[str, Any]]],
) -> None:
    """Runs a job, which is imported after everything that needs no TensorFlow is checked."""
    with clean_errors(assignments="--set"), progress_bar(quiet=asked.quiet) as progress:
        chosen = overrides(asked.context, asked.set_, asked.seed)
        settings: Any = read_settings(settings_class, asked.settings, chosen)
        check_input_file(asked.text_file)
        data = {"text_file": str(asked.text_file)}
        with claim(asked.output, settings, data=data, resume=asked.resume) as run:
            with quiet_start():
                induce = job()
            numbers = induce(
                asked.text_file,
                run,
                settings,
                processes=asked.processes,
                progress=progress,
                say=_say,
            )
    _show(numbers, asked.output, asked.json_file)


def _say(message: str) -> None:
    typer.echo(message, err=True)


def _show(numbers: dict[str, Any], output: Path, json_file: Path | None) -> None:
    def show() -> None:
        rows = [
            (name.replace("_", " "), f"{value:,.4g}" if isinstance(value, float) else f"{value:,}")
            for name, value in numbers.items()
        ]
        print_table(("figure", "value"), rows, title=f"{output / 'report.html'}")

    with clean_errors():
        show_figures(numbers, json_file, show)
