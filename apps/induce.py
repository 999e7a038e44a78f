"""`dgm induce`: structures found in plain text, without annotations."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from tfp_dgm.data import check_input_file
from tfp_dgm.settings import read_settings

from ._errors import clean_errors
from ._json_output import show_figures
from ._progress import progress_bar
from ._quiet import quiet_start
from ._shared_options import Json, Output, Quiet, Resume, Seed, Set, SettingsFile, overrides
from ._tables import print_table

app = typer.Typer(no_args_is_help=True)


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
            help="Sentences, one a line, words between spaces; or a treebank, .conllu.",
        ),
    ],
    output: Output,
    settings: SettingsFile = None,
    set_: Set = None,
    resume: Resume = False,
    seed: Seed = 0,
    json_file: Json = None,
    quiet: Quiet = False,
) -> None:
    """Finds parts of speech: a tag for each word, alike where words stand and look alike.

    OUTPUT then holds the tagged sentences (tagged.conllu), a page (report.html) and the model.
    Of a treebank, its tags are compared with those found, and are used for nothing else.
    docs/induction.md tells the settings; --seed stands over theirs.
    """
    from tfp_dgm.induction import TagSettings, claim_tags

    with clean_errors(assignments="--set"), progress_bar(quiet=quiet) as progress:
        resolved = read_settings(TagSettings, settings, overrides(context, set_, seed))
        check_input_file(text_file)
        data = {"text_file": str(text_file)}
        with claim_tags(output, resolved, data=data, resume=resume) as run:
            with quiet_start():
                from tfp_dgm.induction import induce_tags
            numbers = induce_tags(text_file, run, resolved, progress=progress, say=_say)
    _show(numbers, output, json_file)


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
    seed: Seed = 0,
    json_file: Json = None,
    quiet: Quiet = False,
) -> None:
    """Finds the head of each word: trees over tags that are given or induced.

    OUTPUT then holds the sentences with heads (parsed.conllu), a page that draws trees
    (report.html) and the model. Of a treebank, its heads are compared with those found, and are
    used for nothing else. docs/induction.md tells the settings; --seed stands over theirs.
    """
    from tfp_dgm.induction import DependencySettings, claim_dependencies

    with clean_errors(assignments="--set"), progress_bar(quiet=quiet) as progress:
        resolved = read_settings(DependencySettings, settings, overrides(context, set_, seed))
        check_input_file(text_file)
        data = {"text_file": str(text_file)}
        with claim_dependencies(output, resolved, data=data, resume=resume) as run:
            with quiet_start():
                from tfp_dgm.induction import induce_dependencies
            numbers = induce_dependencies(text_file, run, resolved, progress=progress, say=_say)
    _show(numbers, output, json_file)


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
