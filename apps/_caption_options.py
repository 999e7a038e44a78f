"""Arguments and options that the commands of `dgm caption` share."""

from pathlib import Path
from typing import Annotated

import typer

from tfp_dgm.data import DataError, check_output_file

MOST_ON_A_PAGE = 200  # Images, or texts.


def in_a_folder(path: Path | None) -> Path | None:
    """A callback that refuses a file which cannot be written, before any work is done."""
    try:
        if path is not None:
            check_output_file(path)
    except DataError as error:
        raise typer.BadParameter(str(error)) from error
    return path


def check_decoding(
    *,
    beam_size: int,
    sample: bool,
    temperature: float,
    top_p: float,
    expert: int | None = None,
    num_captions: int = 1,
) -> None:
    """Raises a DataError where an option was given that others keep from having an effect."""
    if not sample and (temperature, top_p) != (1.0, 1.0):
        name = "--temperature" if temperature != 1 else "--top-p"
        raise DataError(f"{name}: shapes draws; give --sample, too")
    if sample and beam_size > 1:
        raise DataError("--beam-size: nothing is searched with --sample; give one of them")
    if expert is None and num_captions > 1:
        raise DataError("--num-captions: there is one of each expert; give --expert for several")
    if expert is not None and beam_size > 1:
        raise DataError("--beam-size: with --expert, --num-captions is the size of the beam")


Captions = Annotated[
    Path,
    typer.Argument(
        help="COCO's .json, a table (.csv, .tsv, .jsonl, .parquet), or Flickr8k's token file."
    ),
]
Images = Annotated[
    Path | None,
    typer.Option(
        help="Folder or zip file of images, or features of them (.npz, .npy).",
        show_default="none: the table's sources are texts",
    ),
]
SourceColumn = Annotated[
    str | None,
    typer.Option(
        help="Of a table: the column of image names, or of source texts.",
        show_default="image; without --images, source",
    ),
]
CaptionColumn = Annotated[
    str | None,
    typer.Option(
        help="Of a table: the column of captions, or of texts that answer the sources.",
        show_default="caption; without --images, target",
    ),
]
Strict = Annotated[bool, typer.Option("--strict", help="A missing or broken image is an error.")]
Model = Annotated[Path, typer.Argument(help="The folder that `dgm caption train` wrote.")]
List = Annotated[
    Path | None,
    typer.Option("--list", help="Names of the images (or texts), one a line.", show_default="all"),
]
Html = Annotated[
    Path | None,
    typer.Option(
        dir_okay=False, callback=in_a_folder, help="A page to look at: images and captions."
    ),
]
Json = Annotated[
    Path | None,
    typer.Option(
        "--json", dir_okay=False, callback=in_a_folder, help="Write the numbers here, too."
    ),
]
BeamSize = Annotated[int, typer.Option(min=1, help="1 takes the likeliest word at each step.")]
Sample = Annotated[bool, typer.Option("--sample", help="Draw the words instead.")]
Temperature = Annotated[float, typer.Option(min=0, help="Of the draws; below 1 is more careful.")]
TopP = Annotated[
    float, typer.Option(min=0, max=1, help="Draw from this share of probability (nucleus).")
]
