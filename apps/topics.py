"""`dgm topics`: what is in the texts of a table."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from tfp_dgm.data import (
    check_topic_folder,
    check_topic_model,
    check_topic_table,
    read_json,
    read_seed_words,
    read_topic_settings,
)

from ._errors import clean_errors
from ._file_group import FILE, FileGroup
from ._json_output import show_figures
from ._progress import progress_bar
from ._quiet import quiet_start
from ._shared_options import Json, Output, Quiet, Seed
from ._table_options import (
    NUMBER_IS_CHOSEN,
    ComparedColumn,
    DateColumn,
    GuardFormulas,
    Mixture,
    Quoting,
    TableFile,
    TextColumns,
)
from ._warnings import warn

app = typer.Typer(cls=FileGroup, no_args_is_help=True)


@app.callback()
def topics() -> None:
    """Finds the topics of the texts of a table: dgm topics FILE --text-column text --output FOLDER.

    `dgm topics file --help` tells the options; `dgm topics predict` tells the topics of new files.
    """


@app.command(FILE)
def topics_of_table(
    source: TableFile,
    text_column: TextColumns,
    output: Output,
    num_topics: Annotated[
        int | None,
        typer.Option(
            "--num-topics",
            min=2,
            help="How many topics.",
            show_default=NUMBER_IS_CHOSEN,
        ),
    ] = None,
    model: Annotated[
        Literal["lda", "prodlda", "etm", "ctm"],
        typer.Option(
            help="lda: latent Dirichlet allocation; prodlda: topics multiplied, behind a "
            "network; etm: topics among vectors of words; ctm: prodlda with --encoder."
        ),
    ] = "lda",
    encoder: Annotated[
        str | None,
        typer.Option(
            help="Of ctm: auto, or a pretrained text encoder: a folder in KerasHub's or Hugging "
            "Face's layout, or a KerasHub preset. auto is the registry's minilm, where the cache "
            "has it. Needs the extra `encoder` of tfp-dgm.",
            show_default="auto",
        ),
    ] = None,
    seed_words: Annotated[
        Path | None,
        typer.Option(
            "--seed-words",
            metavar="FILE",
            help="YAML of topics that there must be: a name and words of each.",
        ),
    ] = None,
    seed_column: Annotated[
        str | None,
        typer.Option(help="Column that names the topic of some rows: a topic there must be."),
    ] = None,
    label_column: ComparedColumn = None,
    date_column: DateColumn = None,
    mixture: Mixture = False,
    quoting: Quoting = True,
    guard_formulas: GuardFormulas = False,
    seed: Seed = 0,
    json_file: Json = None,
    quiet: Quiet = False,
) -> None:
    """Finds the topics of a table's texts. `dgm topics FILE` is short for it.

    Writes to the folder --output: documents, the table with every row and column and with topic,
    topic_probability and sure_topic, which `dgm label` takes for labels; topics.yaml, the words of
    each topic, which --seed-words takes; report.html, metrics.json, the model, and a SavedModel
    that takes strings.
    """
    with clean_errors(
        *("num_topics", "model", "encoder", "seed_column", "label_column", "output"),
        text_columns="--text-column",
    ):
        check_topic_folder(source, output)
        check_topic_model(model, encoder)
        if seed_words is not None:
            read_seed_words(seed_words)
        with quiet_start():
            from tfp_dgm.topic_modelling import topics_of_file
        with progress_bar(quiet=quiet) as progress:
            job = topics_of_file(
                source,
                output,
                text_columns=text_column,
                num_topics=num_topics,
                model=model,
                encoder=encoder,
                seed_words=seed_words,
                seed_column=seed_column,
                label_column=label_column,
                date_column=date_column,
                mixture=mixture,
                quoting=quoting,
                guard_formulas=guard_formulas,
                seed=seed,
                progress=progress,
            )
        warn(job.warnings)
        figures = read_json(job.model_directory / "metrics.json", "the metrics of topics")
        show_figures(figures, json_file, lambda: typer.echo(job.summary()))


@app.command()
def predict(
    model: Annotated[
        Path, typer.Argument(help="The folder that `dgm topics` or `dgm cluster` wrote.")
    ],
    source: TableFile,
    output: Output,
    text_column: Annotated[
        list[str] | None,
        typer.Option(
            help="Column that holds the text; may be given several times.",
            show_default="as in training",
        ),
    ] = None,
    mixture: Mixture = False,
    quoting: Quoting = True,
    guard_formulas: GuardFormulas = False,
    quiet: Quiet = False,
) -> None:
    """Tells the topics of a new file, in a stream: memory does not grow with the file.

    Writes to --output, a table in the format of its ending, the same rows and the columns topic and
    topic_probability; of a model of `dgm cluster`, cluster and cluster_probability.
    """
    warnings: list[str] = []
    with clean_errors(text_columns="--text-column"):
        check_topic_table(output, [source])
        read_topic_settings(model)
        with quiet_start():
            from tfp_dgm.topic_modelling import predict_topics
        with progress_bar(quiet=quiet) as progress:
            rows = predict_topics(
                model,
                source,
                output,
                text_columns=text_column,
                mixture=mixture,
                quoting=quoting,
                guard_formulas=guard_formulas,
                progress=progress,
                warn=warnings.append,
            )
    warn(warnings)
    typer.echo(f"{output}: {rows:,} rows told")
