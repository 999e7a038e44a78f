"""`dgm cluster`: the texts of a table in groups."""

from pathlib import Path
from typing import Annotated

import typer

from tfp_dgm.data import check_cluster_results, read_json

from ._errors import clean_errors
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


def cluster(
    source: TableFile,
    text_column: TextColumns,
    output: Output,
    num_clusters: Annotated[
        int | None,
        typer.Option(
            "--num-clusters",
            min=2,
            help="How many clusters.",
            show_default=NUMBER_IS_CHOSEN,
        ),
    ] = None,
    label_column: ComparedColumn = None,
    date_column: DateColumn = None,
    model: Annotated[
        Path | None,
        typer.Option(
            help="Folder for model, report and metrics.", show_default="--output's name.model"
        ),
    ] = None,
    encoder: Annotated[
        str,
        typer.Option(
            help="none, or a pretrained text encoder, from whose vectors and words clusters are "
            "learned and told: a folder in KerasHub's or Hugging Face's layout, a KerasHub preset, "
            "or auto, the registry's minilm where the cache has it. Needs the extra `encoder` of "
            "tfp-dgm; it stands in what is written, and reads new texts, too."
        ),
    ] = "none",
    mixture: Mixture = False,
    quoting: Quoting = True,
    guard_formulas: GuardFormulas = False,
    seed: Seed = 0,
    json_file: Json = None,
    quiet: Quiet = False,
) -> None:
    """Puts each text of a table in one of several clusters.

    Writes to --output, a table in the format of its ending, the same rows with every column kept,
    and the columns cluster, cluster_probability and sure_cluster, which `dgm label` takes for
    labels. Beside it: a folder with report.html, metrics.json, the model, and a SavedModel that
    takes strings. `dgm topics predict` tells the clusters of new files.
    """
    with clean_errors(
        "num_clusters",
        "label_column",
        "encoder",
        model_directory="--model",
        text_columns="--text-column",
    ):
        check_cluster_results(source, output, model)
        with quiet_start():
            from tfp_dgm.topic_modelling import clusters_of_file

        with progress_bar(quiet=quiet) as progress:
            job = clusters_of_file(
                source,
                output,
                text_columns=text_column,
                num_clusters=num_clusters,
                label_column=label_column,
                date_column=date_column,
                model_directory=model,
                encoder=encoder,
                mixture=mixture,
                quoting=quoting,
                guard_formulas=guard_formulas,
                seed=seed,
                progress=progress,
            )
        warn(job.warnings)
        figures = read_json(job.model_directory / "metrics.json", "the metrics of clusters")
        show_figures(figures, json_file, lambda: typer.echo(job.summary()))
