"""`dgm caption`: images or texts and captions in, a mixture of experts and its captions out."""

import contextlib
from pathlib import Path
from typing import Annotated

import typer

from tfp_dgm.data import DataError
from tfp_dgm.settings import read_settings

from ._caption_evaluation import evaluate
from ._caption_options import CaptionColumn, Captions, Images, SourceColumn, Strict, check_inputs
from ._caption_sources import (
    check_shards,
    is_of_shards,
    named_files,
    read_captioned,
    split,
)
from ._caption_use import describe, export, render
from ._errors import clean_errors
from ._json_output import show_figures
from ._progress import progress_bar
from ._quiet import quiet_start
from ._shared_options import (
    Json,
    Output,
    Quiet,
    Resume,
    Seed,
    Set,
    SettingsFile,
    TrainWorkers,
    cluster_of,
    overrides,
)
from ._table_options import Quoting
from ._warnings import warn

app = typer.Typer(no_args_is_help=True)


def train(
    context: typer.Context,
    captions: Captions,
    output: Output,
    images: Images = None,
    train_list: Annotated[
        Path | None, typer.Option(help="Names of the images (or texts) to learn from, one a line.")
    ] = None,
    validation_list: Annotated[
        Path | None,
        typer.Option(
            help="Names of the images (or texts) that decide when to stop.",
            show_default="a tenth of them",
        ),
    ] = None,
    source_column: SourceColumn = None,
    caption_column: CaptionColumn = None,
    settings: SettingsFile = None,
    set_: Set = None,
    quoting: Quoting = True,
    strict: Strict = False,
    resume: Resume = False,
    workers: TrainWorkers = False,
    seed: Seed = 0,
    json_file: Json = None,
    quiet: Quiet = False,
) -> None:
    """Trains a captioner: K experts, found without anybody's naming them.

    Writes captioner.keras, settings.json and metrics.json into the folder --output.
    docs/captions.md tells the settings; --seed stands over theirs.
    """
    from tfp_dgm.captioning import CaptionSettings, claim_run, from_version_0_1

    with clean_errors(assignments="--set"), progress_bar(quiet=quiet) as progress:
        resolved = read_settings(
            CaptionSettings,
            settings,
            overrides(context, set_, seed),
            earlier=from_version_0_1,
        )
        cluster = cluster_of(workers)
        sharded = images is None and is_of_shards(captions)
        if sharded:
            check_shards(captions, train_list, validation_list)
        else:
            check_inputs(captions, images, train_list, validation_list)
        data = named_files(
            captions=captions,
            images=images,
            train_list=train_list,
            validation_list=validation_list,
        )
        with (
            claim_run(output, resolved, data=data, resume=resume, cluster=cluster) as run,
            contextlib.ExitStack() as joined,
        ):
            with quiet_start():
                from tfp_dgm.captioning import (
                    PairFiles,
                    load_sources,
                    train_captioner,
                    train_on_pairs,
                )
                from tfp_dgm.training import NonFiniteLossError, join_workers
            together = joined.enter_context(join_workers(cluster))
            told: list[str] = []
            try:
                if sharded:
                    columns = (source_column or "source", caption_column or "target")
                    files = PairFiles(captions, *columns, quoting, resolved.seed)
                    trained = train_on_pairs(
                        files, run, resolved, workers=together, progress=progress
                    )
                else:
                    known, where = read_captioned(
                        *(captions, images, source_column, caption_column),
                        quoting=quoting,
                        strict=strict,
                    )
                    told = known.warnings
                    learnt, held_out = (
                        load_sources(
                            part,
                            where,
                            image_size=resolved.image_size,
                            strict=strict,
                            cache=run.path / "cache",
                            progress=progress,
                        )
                        for part in split(known, train_list, validation_list, resolved.seed)
                    )
                    trained = train_captioner(
                        learnt, held_out, run, resolved, workers=together, progress=progress
                    )
            except NonFiniteLossError as error:
                raise DataError(str(error)) from error
        warn(told + trained.metrics["warnings"])
    if cluster is not None and not cluster.is_chief:
        return
    validation = trained.metrics["validation"]
    said = (
        f"{output}: epoch {trained.metrics['best_epoch']} of {trained.metrics['epochs']}, "
        f"validation bound {validation['bound']:.2f} nats a caption, "
        f"experts' usage entropy {validation['usage_entropy']:.2f} "
        f"of {trained.metrics['max_usage_entropy']:.2f}"
    )
    with clean_errors():
        show_figures(trained.metrics, json_file, lambda: typer.echo(said))


for command in (train, evaluate, describe, export, render):
    app.command()(command)
