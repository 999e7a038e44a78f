"""Arguments and options that the commands of `dgm caption` share."""

from pathlib import Path
from typing import Annotated

import typer

from tfp_dgm.data import DataError, check_input_file

from ._shared_options import new_file

MOST_ON_A_PAGE = 200  # Images, or texts.
# The library's words -> the command line's.
DECODING = {"num_texts": "--num-captions", "beam_size": "--beam-width"}


def check_decoding(
    *,
    beam_width: int,
    sample: bool,
    temperature: float,
    top_p: float,
    expert: int | None = None,
    num_captions: int = 1,
    diversity: float = 0.0,
) -> None:
    """Raises a DataError where an option was given that others keep from having an effect."""
    if not sample and (temperature, top_p) != (1.0, 1.0):
        name = "--temperature" if temperature != 1 else "--top-p"
        raise DataError(f"{name}: shapes draws; give --sample, too")
    if sample and beam_width > 1:
        raise DataError("--beam-width: nothing is searched with --sample; give one of them")
    if expert is None and num_captions > 1:
        raise DataError("--num-captions: there is one of each expert; give --expert for several")
    if diversity and (expert is None or sample):
        raise DataError("--diversity: of the beam of one expert; give --expert, without --sample")


def check_inputs(*files: Path | None) -> None:
    """Raises a DataError for the first file or folder that is not there."""
    for file in files:
        if file is not None:
            check_input_file(file, folder=True)


Captions = Annotated[
    Path,
    typer.Argument(
        help="COCO's .json, a table (.csv, .tsv, .jsonl, .parquet), or Flickr8k's token file; to "
        "train on pairs of texts also a folder of tables, or a pattern such as 'in/*.jsonl.gz'."
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
    typer.Option(callback=new_file, help="A page to look at: images and captions."),
]
Sample = Annotated[bool, typer.Option("--sample", help="Draw the words instead.")]
