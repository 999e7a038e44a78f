"""`dgm iwae`: deep latent variable models of images, trained by any objective, honestly judged."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tfp_dgm.data import (
    atomic_write,
    binarise,
    check_output_file,
    load_digits,
    read_images,
)

from ._errors import clean_errors
from ._image_objectives import Latents, ObjectiveName
from ._image_settings import Binarisation, Settings, complete
from ._progress import progress_bar
from ._quiet import quiet_start
from ._shared_options import Seed

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

app = typer.Typer(
    help="VAEs and belief networks of images: train, evaluate, sample, reconstruct.",
    no_args_is_help=True,
)

_DIGITS = "mnist-5k"
Data = Annotated[
    str | None,
    typer.Option(
        help="Images: an idx or .npz file, a folder or a zip file of images of one size.",
        show_default="5,000 digits of MNIST, fetched on first use: 4,500 to train on, 500 to test",
    ),
]
Model = Annotated[Path, typer.Argument(help="A folder that `dgm iwae train` wrote.")]
Figure = Annotated[Path, typer.Argument(help="The PNG to write.")]


@app.command()
def train(
    output: Annotated[Path, typer.Argument(help="Folder for model, settings and figures.")],
    data: Data = None,
    latents: Annotated[Latents, typer.Option(help="Kind of the latent variables.")] = "normal",
    layers: Annotated[int, typer.Option(min=1, max=2, help="Stochastic layers.")] = 1,
    units: Annotated[
        list[int] | None,
        typer.Option(
            help="Latent variables, once for each layer from the images upwards.",
            show_default="normal 50, or 100 and 50; bernoulli 200; categorical 20, or 20 and 10",
        ),
    ] = None,
    hidden_units: Annotated[
        list[int] | None,
        typer.Option(
            help="Width of the two tanh layers of each network, once for each stochastic layer.",
            show_default="200, or 200 and 100",
        ),
    ] = None,
    values: Annotated[
        int | None,
        typer.Option(min=2, help="Values of each categorical variable.", show_default="10"),
    ] = None,
    objective: Annotated[
        ObjectiveName | None,
        typer.Option(
            help="What to optimise; docs/objectives.md says when.",
            show_default="dreg; vimco for discrete latents",
        ),
    ] = None,
    samples: Annotated[
        int | None, typer.Option(min=1, help="Draws of each image (K).", show_default="5")
    ] = None,
    bounds: Annotated[
        int | None,
        typer.Option(help="Bounds of K draws each, of miwae and piwae.", show_default="2"),
    ] = None,
    alpha: Annotated[
        float | None, typer.Option(help="Order of renyi, in [0, 1).", show_default="0.5")
    ] = None,
    beta: Annotated[
        float | None, typer.Option(help="Share of the ELBO in ciwae.", show_default="0.5")
    ] = None,
    temperature: Annotated[
        float | None,
        typer.Option(
            help="Of relaxed draws, at the start.",
            show_default="gumbel-softmax, straight-through-gumbel: 1.0; rebar, relax: 0.5",
        ),
    ] = None,
    final_temperature: Annotated[
        float | None,
        typer.Option(help="To which it falls, exponentially, by the end.", show_default="0.5"),
    ] = None,
    epochs: Annotated[int, typer.Option(min=1, help="Passes over the images.")] = 50,
    batch_size: Annotated[int, typer.Option(min=1, help="Images in a batch.")] = 50,
    learning_rate: Annotated[
        float, typer.Option(min=0, help="Adam's; falls to a hundredth along a cosine.")
    ] = 1e-3,
    binarisation: Annotated[
        Binarisation,
        typer.Option(help="Draw pixels anew in each batch, once by the seed, or not at all."),
    ] = "dynamic",
    seed: Seed = 0,
) -> None:
    """Trains a model of images. Killed, the same command goes on where it stopped.

    Objectives of normal latents:
    elbo, stl, iwae, dreg, miwae, piwae, ciwae, renyi;
    of bernoulli latents: disarm, arm;
    of bernoulli and categorical latents: muprop, rebar, relax, gumbel-softmax,
    straight-through-gumbel, straight-through, enumerated;
    of all: reinforce, nvil, self-critical, rloo, vimco, wake-sleep,
    reweighted-wake-sleep.
    """
    with clean_errors():
        settings = complete(
            Settings(
                data=data or _DIGITS,
                latents=latents,
                layers=layers,
                units=units,
                hidden_units=hidden_units,
                values=values,
                objective=objective or ("dreg" if latents == "normal" else "vimco"),
                samples=samples,
                bounds=bounds,
                alpha=alpha,
                beta=beta,
                temperature=temperature,
                final_temperature=final_temperature,
                epochs=epochs,
                batch_size=batch_size,
                learning_rate=learning_rate,
                binarisation=binarisation,
                seed=seed,
            )
        )
        images = load_digits("train") if data is None else read_images(data, warn=_warn)
        with quiet_start():
            from . import _image_training as training
        training.check_output(output)
        with progress_bar() as progress:
            last = training.train(settings, images, output, progress)
    numbers = ", ".join(f"{name} {last[name]:.2f}" for name in ("bound", "reconstruction", "kl"))
    typer.echo(f"{output}: {len(images):,} images, nats in the last epoch: {numbers}")


@app.command()
def evaluate(
    model: Model,
    data: Data = None,
    samples: Annotated[int, typer.Option(min=1, help="K of the log-likelihood.")] = 5000,
    images: Annotated[
        int | None, typer.Option(min=2, help="Only the first so many.", show_default="all")
    ] = None,
    gaps: Annotated[
        int, typer.Option(min=0, help="Approximation and amortisation gap on so many images.")
    ] = 0,
    annealing: Annotated[
        int,
        typer.Option(min=0, help="Annealed importance sampling by so many steps, checked."),
    ] = 0,
    annealing_images: Annotated[int, typer.Option(min=1, help="On so many images.")] = 100,
    json_file: Annotated[
        Path | None, typer.Option("--json", help="Write all numbers there.")
    ] = None,
    seed: Seed = 0,
) -> None:
    """Judges a model on test images: log-likelihood, ELBO, active units and more, in nats.

    Without --data, on the 500 digits that training leaves out. Grey images are binarised once, by
    the seed, unless the model was trained on grey values.
    """
    with clean_errors():
        with quiet_start():
            from . import _image_evaluation as evaluation
            from . import _image_training as training
        if json_file is not None:
            check_output_file(json_file)
        loaded, settings = training.load(model)
        test = _test_images(data, settings, seed)[:images]
        training.check_shape(loaded, test, data or _DIGITS)
        with progress_bar() as progress:
            report = evaluation.evaluate(
                loaded,
                test,
                samples=samples,
                gaps=gaps,
                annealing=annealing,
                annealing_images=annealing_images,
                seed=seed,
                progress=progress,
            )
        if json_file is not None:
            with atomic_write(json_file) as file:
                file.write((json.dumps(report, indent=1) + "\n").encode())
    evaluation.show(report)


@app.command()
def sample(
    model: Model,
    output: Figure,
    count: Annotated[int, typer.Option(min=1, help="How many.")] = 100,
    seed: Seed = 0,
) -> None:
    """Draws images from the model: a figure of their pixels' means."""
    with clean_errors():
        with quiet_start():
            from . import _image_training as training
        loaded, _ = training.load(model)
        shape = tuple(loaded.likelihood.event_shape)
        training.write_figure(output, training.sample(loaded, shape, count, seed))
    typer.echo(output)


@app.command()
def reconstruct(
    model: Model,
    output: Figure,
    data: Data = None,
    count: Annotated[int, typer.Option(min=1, help="How many, the first ones.")] = 10,
    seed: Seed = 0,
) -> None:
    """Reconstructs test images: a figure with the images above and their reconstructions below."""
    with clean_errors():
        with quiet_start():
            from . import _image_training as training
        loaded, settings = training.load(model)
        test = _test_images(data, settings, seed)[:count]
        training.check_shape(loaded, test, data or _DIGITS)
        training.write_figure(output, training.reconstruct(loaded, test, seed))
    typer.echo(output)


def _test_images(data: str | None, settings: dict[str, Any], seed: int) -> NDArray[np.float32]:
    images = load_digits("test") if data is None else read_images(data, warn=_warn)
    return images if settings["binarisation"] == "none" else binarise(images, seed)


def _warn(sentence: str) -> None:
    typer.echo(f"Warning: {sentence}", err=True)
