"""Options that several commands have: of each one spelling, one meaning and one default."""

from pathlib import Path
from typing import Annotated

import typer

from tfp_dgm.data import DataError, check_new_file
from tfp_dgm.settings import LARGEST_SEED, Cluster, read_cluster

STANDARD_OUTPUT = Path("-")


def new_file(path: Path | None) -> Path | None:
    """A callback that refuses a file which is there or cannot be written, before any work."""
    try:
        if path not in (None, STANDARD_OUTPUT):
            check_new_file(path)
    except DataError as error:
        raise typer.BadParameter(str(error)) from error
    return path


Output = Annotated[
    Path,
    typer.Option(
        "--output", help="Where the results go; what this command did not make is never replaced."
    ),
]
SettingsFile = Annotated[
    Path | None,
    typer.Option(
        "--settings",
        metavar="FILE",
        exists=True,
        dir_okay=False,
        help="The training's settings: YAML, TOML or JSON by the ending.",
    ),
]
Set = Annotated[
    list[str] | None,
    typer.Option(
        "--set", metavar="NAME=VALUE", help="One setting, over those of --settings; several times."
    ),
]
Resume = Annotated[bool, typer.Option("--resume", help="Continue the run in --output.")]
Seed = Annotated[
    int,
    typer.Option(
        "--seed",
        min=0,
        max=LARGEST_SEED,
        help="The same seed gives the same result.",
    ),
]
Json = Annotated[
    Path | None,
    typer.Option(
        "--json",
        metavar="FILE",
        allow_dash=True,
        callback=new_file,
        help="Write the figures as JSON; - for standard output, and nothing else there.",
    ),
]
NumSamples = Annotated[
    int | None,
    typer.Option(
        "--num-samples",
        min=1,
        help="K: draws of the latent for each log-likelihood.",
        show_default="5,000 of an image, 500 of a sentence",
    ),
]
BeamWidth = Annotated[
    int,
    typer.Option(
        "--beam-width", min=1, help="Texts that the search keeps; 1 takes the likeliest word."
    ),
]
Temperature = Annotated[
    float, typer.Option("--temperature", min=0.01, help="Of drawn words; below 1 is more careful.")
]
TopP = Annotated[
    float,
    typer.Option(
        "--top-p", min=0, max=1, help="Draw words from this share of probability (nucleus)."
    ),
]
Quiet = Annotated[
    bool, typer.Option("--quiet", help="No progress on standard error; warnings remain.")
]


TrainWorkers = Annotated[
    bool,
    typer.Option(
        "--workers",
        help="Train together with the workers that TF_CONFIG names; each runs this command.",
    ),
]


def cluster_of(workers: bool) -> Cluster | None:
    """Who train together, by --workers; None for this process alone."""
    return read_cluster() if workers else None


def overrides(context: typer.Context, set_: list[str] | None, seed: int) -> list[str]:
    """What the command line says over the file of settings: --set, and --seed where it is given."""
    given = context.get_parameter_source("seed")
    return [*(set_ or []), *([f"seed={seed}"] if given and given.name == "COMMANDLINE" else [])]
