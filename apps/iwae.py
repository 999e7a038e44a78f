"""`dgm iwae`: deep latent variable models of images, trained by any objective, honestly judged."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tfp_dgm.data import check_input_file, check_new_file, load_digits, read_images
from tfp_dgm.settings import read_settings

from ._errors import clean_errors
from ._image_table import show_report
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
    overrides,
)

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from tfp_dgm.image_modelling import ImageModelSettings
    from tfp_dgm.models import LatentVariableModel

app = typer.Typer(
    help="VAEs and belief networks of images: train, evaluate, sample, reconstruct.",
    no_args_is_help=True,
)

_DIGITS = "mnist-5k"
_NUM_SAMPLES = 5000
Data = Annotated[
    str | None,
    typer.Option(
        help="Images: an idx or .npz file, a folder or a zip file of images of one size.",
        show_default="5,000 digits of MNIST, fetched on first use: 4,500 to train on, 500 to test",
    ),
]
Model = Annotated[Path, typer.Argument(help="A folder that `dgm iwae train` wrote.")]


@app.command()
def train(
    context: typer.Context,
    output: Output,
    data: Data = None,
    settings: SettingsFile = None,
    set_: Set = None,
    start: Annotated[
        Path | None,
        typer.Option(
            help="A folder that `dgm iwae train` wrote for a model of the same latents: begin "
            "with its weights.",
            show_default="new weights",
        ),
    ] = None,
    resume: Resume = False,
    seed: Seed = 0,
    json_file: Json = None,
    quiet: Quiet = False,
) -> None:
    """Trains a model of images, by default an IWAE with one layer of 50 normal latents.

    Writes model.keras, metrics.json and figures into the folder --output. docs/image_models.md
    tells the settings, docs/objectives.md which objective is for what; --seed stands over theirs.
    """
    from tfp_dgm.image_modelling import ImageModelSettings, claim_run

    with clean_errors("batch_size", start="--start", assignments="--set"):
        resolved = read_settings(ImageModelSettings, settings, overrides(context, set_, seed))
        _check_data(data)
        read = {"images": data or _DIGITS}
        if start is not None:
            read["start"] = str(start)
        with claim_run(output, resolved, data=read, resume=resume) as run:
            earlier = None if start is None else _load(start)[0]
            images = load_digits("train") if data is None else read_images(data, warn=_warn)
            with quiet_start():
                from tfp_dgm.image_modelling import train_image_model
            with progress_bar(quiet=quiet) as progress:
                _, metrics = train_image_model(
                    images, run, resolved, start=earlier, progress=progress
                )
        last = metrics["history"][-1]
        numbers = ", ".join(
            f"{name} {last[name]:.2f}" for name in ("bound", "reconstruction", "kl")
        )
        said = f"{output}: {len(images):,} images, nats in the last epoch: {numbers}"
        show_figures(metrics, json_file, lambda: typer.echo(said))


@app.command()
def evaluate(
    model: Model,
    data: Data = None,
    num_samples: NumSamples = None,
    num_images: Annotated[
        int | None,
        typer.Option(
            min=2,
            help="How many images.",
            show_default="all",
        ),
    ] = None,
    gaps: Annotated[
        int, typer.Option(min=0, help="Approximation and amortisation gap on so many images.")
    ] = 0,
    annealing: Annotated[
        int,
        typer.Option(min=0, help="Annealed importance sampling by so many steps, checked."),
    ] = 0,
    annealing_images: Annotated[int, typer.Option(min=1, help="On so many images.")] = 100,
    json_file: Json = None,
    seed: Seed = 0,
    quiet: Quiet = False,
) -> None:
    """Judges a model on test images: log-likelihood, ELBO, active units and more, in nats.

    Without --data, on the 500 digits that training leaves out. The log-likelihood, which takes
    long, is of --num-images of them, evenly spaced. Grey images are binarised once, the same for
    every model and --seed, unless the model was trained on grey values.
    """
    with clean_errors("gaps", "annealing", "annealing_images", "num_images", images="--data"):
        _check_data(data)
        loaded, trained = _load(model)
        from tfp_dgm.image_modelling import evaluate_image_model

        test = _test_images(data, loaded, trained)
        with progress_bar(quiet=quiet) as progress:
            report = evaluate_image_model(
                loaded,
                test,
                num_samples=_NUM_SAMPLES if num_samples is None else num_samples,
                num_images=num_images,
                gaps=gaps,
                annealing=annealing,
                annealing_images=annealing_images,
                seed=seed,
                progress=progress,
            )
        show_figures(report, json_file, lambda: show_report(report))


@app.command()
def sample(
    model: Model,
    output: Output,
    num_images: Annotated[int, typer.Option(min=1, help="How many images.")] = 100,
    seed: Seed = 0,
    quiet: Quiet = False,
) -> None:
    """Draws images from the model: --output is a PNG of their pixels' means."""
    with clean_errors():
        check_new_file(output)
        loaded, _ = _load(model)
        from tfp_dgm.image_modelling import sample_figure, write_figure

        with progress_bar(quiet=quiet) as progress:
            progress("Drawing images", 0, 1)
            write_figure(output, sample_figure(loaded, count=num_images, seed=seed))
    typer.echo(output)


@app.command()
def reconstruct(
    model: Model,
    output: Output,
    data: Data = None,
    num_images: Annotated[int, typer.Option(min=1, help="How many images.")] = 10,
    seed: Seed = 0,
    quiet: Quiet = False,
) -> None:
    """Reconstructs the first test images: --output is a PNG, they above what is made of them."""
    with clean_errors():
        check_new_file(output)
        _check_data(data)
        loaded, trained = _load(model)
        from tfp_dgm.image_modelling import reconstruction_figure, write_figure

        test = _test_images(data, loaded, trained)[:num_images]
        with progress_bar(quiet=quiet) as progress:
            progress("Reconstructing images", 0, 1)
            write_figure(output, reconstruction_figure(loaded, test, seed=seed))
    typer.echo(output)


def _check_data(data: str | None) -> None:
    if data is not None:
        check_input_file(data, folder=True)


def _load(model: Path) -> tuple[LatentVariableModel, ImageModelSettings]:
    """Refuses what is no folder of a training before TensorFlow is there."""
    from tfp_dgm.image_modelling import settings_of

    settings_of(model)
    with quiet_start():
        from tfp_dgm.image_modelling import load_image_model
    return load_image_model(model)


def _test_images(
    data: str | None, model: LatentVariableModel, trained: ImageModelSettings
) -> NDArray[np.float32]:
    from tfp_dgm.image_modelling import check_shape, held_out_images

    images = load_digits("test") if data is None else read_images(data, warn=_warn)
    check_shape(model.likelihood.event_shape, images, data or _DIGITS)
    return held_out_images(images, trained)


def _warn(sentence: str) -> None:
    typer.echo(f"Warning: {sentence}", err=True)
