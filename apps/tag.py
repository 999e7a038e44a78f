"""`dgm tag`: the words of partially tagged sentences, tagged."""

from pathlib import Path
from typing import Annotated, Any

import typer

from tfp_dgm.data import (
    ANNOTATION_TOOLS,
    TAGGED_FORMATS,
    TagScheme,
    check_tag_output,
    check_tag_results,
    iter_tagged_sentences,
    read_json,
    read_tag_settings,
    read_tagged_sentences,
)
from tfp_dgm.data.tag_scheme import KINDS

from ._errors import clean_errors
from ._file_group import FILE, FileGroup
from ._json_output import show_figures
from ._progress import progress_bar
from ._quiet import quiet_start
from ._shared_options import Json, Output, Quiet, Seed
from ._warnings import warn

ENCODER_HELP = (
    "auto, none, or a pretrained text encoder: a folder in KerasHub's or Hugging Face's layout, or "
    "a KerasHub preset. auto tries the registry's minilm where the cache has it, and takes it if "
    "unseen tags are likelier with it. Needs the extra `encoder` of tfp-dgm."
)

app = typer.Typer(cls=FileGroup, no_args_is_help=True)

Source = Annotated[
    Path,
    typer.Argument(metavar="FILE", help="CoNLL, CoNLL-U, JSON Lines or plain text, each also .gz."),
]
TokenColumn = Annotated[
    str | None,
    typer.Option(
        help="Where the words are: the number of a column, from 1, or its name.",
        show_default="the first; form; tokens or text",
    ),
]
Format = Annotated[
    str | None,
    typer.Option(
        "--format",
        help=f"{', '.join(TAGGED_FORMATS)}.",
        show_default="told by the name and the first lines",
    ),
]
Tool = Annotated[
    str | None,
    typer.Option(
        help=f"Write texts and spans for {', '.join(ANNOTATION_TOOLS)} to import.",
        show_default="with probabilities, for no tool",
    ),
]


@app.callback()
def tag() -> None:
    """Tags the words of sentences of which some are tagged: dgm tag FILE --output OUT.

    `dgm tag file --help` tells the options; `dgm tag predict` tags new files with a trained model.
    """


@app.command(FILE)
def tag_sentences_of_file(
    source: Source,
    output: Output,
    token_column: TokenColumn = None,
    tag_column: Annotated[
        str | None,
        typer.Option(
            help="Where the tags are: empty, _ or ? = none, a tag, or one of several as a|b.",
            show_default="the last; upos; tags or spans",
        ),
    ] = None,
    format_: Format = None,
    scheme: Annotated[
        str | None,
        typer.Option(
            help=f"How tags name spans: {', '.join(KINDS)}.", show_default="told by looking"
        ),
    ] = None,
    separator: Annotated[
        str, typer.Option(help='Stands between the tags of a choice; "" where there are none.')
    ] = "|",
    tool: Tool = None,
    model: Annotated[
        Path | None,
        typer.Option(
            help="Folder for model, report and metrics.", show_default="--output's name.model"
        ),
    ] = None,
    min_precision: Annotated[
        float,
        typer.Option(
            min=0, max=1, help="Accept tags, or spans, of which at least this share is right."
        ),
    ] = 0.95,
    encoder: Annotated[str, typer.Option(help=ENCODER_HELP)] = "auto",
    seed: Seed = 0,
    json_file: Json = None,
    quiet: Quiet = False,
) -> None:
    """Tags the words of a file that have no tag. `dgm tag FILE` is short for it.

    Writes to --output the same file, every line and column kept, with each word's tag, how probable
    it is, and whether it is safe to accept; where tags are spans, of each span the same and the
    best other reading. Beside it: a folder with the trained model, a SavedModel that takes strings,
    report.html and metrics.json.
    """
    with clean_errors(
        "token_column",
        "tag_column",
        "format",
        "scheme",
        "separator",
        "tool",
        "min_precision",
        "encoder",
        model_directory="--model",
    ):
        check_tag_results(source, output, model)
        asked: dict[str, Any] = {
            "token_column": _column(token_column),
            "tag_column": _column(tag_column),
            "format": format_,
            "scheme": scheme,
            "separator": separator,
            "tool": tool,
        }
        sentences = read_tagged_sentences(source, **asked)
        sentences.check_output(output)
        sentences.check_learnable()
        # Before the training, which a blank line that is missing makes long.
        told = sentences.warnings
        warn(told)
        del sentences
        with quiet_start():
            from tfp_dgm.tagging import tag_file
        with progress_bar(quiet=quiet) as progress:
            job = tag_file(
                source,
                output,
                **asked,
                model_directory=model,
                min_precision=min_precision,
                encoder=encoder,
                seed=seed,
                progress=progress,
            )
        warn([warning for warning in job.warnings if warning not in told])
        figures = read_json(job.model_directory / "metrics.json", "the metrics of a tagging")
        show_figures(figures, json_file, lambda: typer.echo(job.summary()))


@app.command()
def predict(
    model: Annotated[Path, typer.Argument(help="The folder that `dgm tag` wrote.")],
    source: Source,
    output: Output,
    token_column: TokenColumn = None,
    format_: Format = None,
    tool: Tool = None,
    quiet: Quiet = False,
) -> None:
    """Tags a new file, in a stream: memory does not grow with the file.

    Writes to --output what `dgm tag` writes. Tags that the file has are not read.
    """
    warnings: list[str] = []
    with clean_errors("token_column", "format", "tool"):
        check_tag_output(output, [source])
        scheme = TagScheme(**read_tag_settings(model)["scheme"])
        asked: dict[str, Any] = {
            "token_column": _column(token_column),
            "format": format_,
            "tool": tool,
        }
        next(iter_tagged_sentences(source, scheme=scheme, sentences=1, **asked)).check_output(
            output
        )
        with quiet_start():
            from tfp_dgm.tagging import predict_tags
        with progress_bar(quiet=quiet) as progress:
            sentences = predict_tags(
                model,
                source,
                output,
                **asked,
                progress=progress,
                warn=warnings.append,
            )
    warn(warnings)
    typer.echo(f"{output}: {sentences:,} sentences tagged")


def _column(given: str | None) -> int | str | None:
    """The number of a column, or its name."""
    return int(given) if given is not None and given.isdecimal() else given
