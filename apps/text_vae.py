"""`dgm text-vae`: variational autoencoders of sentences, trained, judged and used."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tfp_dgm.data import check_input_file, find_shards
from tfp_dgm.settings import read_settings

from . import _text_vae_table, _text_vae_use
from ._errors import clean_errors
from ._json_output import show_figures
from ._progress import progress_bar
from ._quiet import quiet_start
from ._shared_options import (
    Json,
    NumSamples,
    Output,
    Quiet,
    Resume,
    Seed,
    Set,
    SettingsFile,
    TrainWorkers,
    cluster_of,
    new_file,
    overrides,
)
from ._text_vae_files import Model, Sentences, read, say

app = typer.Typer(
    help="Variational autoencoders of sentences: train, judge, use.", no_args_is_help=True
)

_NUM_SAMPLES = 500


@app.command()
def train(
    context: typer.Context,
    train_file: Annotated[
        Path,
        typer.Argument(
            metavar="TRAIN",
            help="Sentences: a file of lines, plain or .gz, a table or TFRecords; a folder of such "
            "shards; or a quoted pattern.",
        ),
    ],
    valid_file: Annotated[
        Path, typer.Argument(metavar="VALID", help="Held-out sentences, likewise.")
    ],
    output: Output,
    settings: SettingsFile = None,
    set_: Set = None,
    text_column: Annotated[
        str, typer.Option(help="Of tables: the column of sentences; of TFRecords: the feature.")
    ] = "text",
    resume: Resume = False,
    workers: TrainWorkers = False,
    seed: Seed = 0,
    json_file: Json = None,
    quiet: Quiet = False,
) -> None:
    """Trains a text VAE (or, with --set model=language_model, the decoder alone).

    docs/text_vae.md tells the settings; --seed stands over theirs. Those that were used, defaults
    too, are written to OUTPUT/settings.json, which --settings takes.
    """
    from tfp_dgm.sentence_modelling import TextModelSettings, claim_run, from_version_0_1

    with clean_errors(assignments="--set"), progress_bar(quiet=quiet) as progress:
        resolved = read_settings(
            TextModelSettings,
            settings,
            overrides(context, set_, seed),
            earlier=lambda values: from_version_0_1(values, say),
        )
        cluster = cluster_of(workers)
        for file in (train_file, valid_file):
            find_shards(file)
        data = {"train_file": str(train_file), "valid_file": str(valid_file)}
        with claim_run(output, resolved, data=data, resume=resume, cluster=cluster) as run:
            with quiet_start():
                from tfp_dgm.sentence_modelling import train_text_model
                from tfp_dgm.training import join_workers
            with join_workers(cluster) as joined:
                epoch, numbers = train_text_model(
                    train_file,
                    valid_file,
                    run,
                    resolved,
                    text_column=text_column,
                    workers=joined,
                    progress=progress,
                    say=say,
                )
    if cluster is not None and not cluster.is_chief:
        return
    shown = ", ".join(f"{name} {value:.2f}" for name, value in numbers.items())
    said = f"{output / 'model.keras'}: of epoch {epoch}, the best: {shown}"
    with clean_errors():
        show_figures({"epoch": epoch, **numbers}, json_file, lambda: typer.echo(said))


@app.command()
def evaluate(
    model: Model,
    file: Sentences,
    num_samples: NumSamples = None,
    num_sentences: Annotated[
        int | None,
        typer.Option(
            min=2,
            help="The log-likelihood is of so many sentences, evenly spaced by length.",
            show_default="all",
        ),
    ] = None,
    beside: Annotated[
        Path | None, typer.Option(help="Folder of a language model to compare with.")
    ] = None,
    gaps: Annotated[
        int, typer.Option(min=0, help="Sentences on which the inference gaps are found.")
    ] = 0,
    refine: Annotated[
        int | None,
        typer.Option(
            min=0, help="Steps of Adam that refine each posterior; by default, those of training."
        ),
    ] = None,
    figure: Annotated[
        Path | None,
        typer.Option(
            callback=new_file,
            help="PNG of the divergence by unit, or of the means' variance where it has none.",
        ),
    ] = None,
    seed: Seed = 0,
    json_file: Json = None,
    quiet: Quiet = False,
) -> None:
    """Judges a model on held-out sentences, with weight 1 on every term."""
    from tfp_dgm.sentence_modelling import model_file

    with clean_errors("beside", refinement_steps="--refine"):
        for folder in (model, *([] if beside is None else [beside])):
            model_file(folder)
        check_input_file(file)
        with quiet_start():
            from tfp_dgm.sentence_modelling import draw_units, evaluate_text_model, load_text_model
        with progress_bar(quiet=quiet) as progress:
            loaded = load_text_model(model)
            report = evaluate_text_model(
                loaded,
                read(loaded, file),
                num_samples=_NUM_SAMPLES if num_samples is None else num_samples,
                num_sentences=num_sentences,
                beside=None if beside is None else load_text_model(beside),
                gaps=gaps,
                refinement_steps=refine,
                seed=seed,
                progress=progress,
            )
        show_figures(report, json_file, lambda: _text_vae_table.show(report))
        if figure is not None and not draw_units(report, figure):
            say(f"{figure}: not drawn: a language model has no units")


for command in (
    _text_vae_use.generate,
    _text_vae_use.reconstruct,
    _text_vae_use.interpolate,
    _text_vae_use.impute,
    _text_vae_use.encode,
):
    app.command()(command)
