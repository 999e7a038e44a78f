"""What the commands of `dgm text-vae` read: a model's folder, and files of sentences."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from tfp_dgm.sentence_modelling import TextModel, Texts

Model = Annotated[Path, typer.Argument(metavar="MODEL", help="Folder of a trained model.")]
Sentences = Annotated[
    Path, typer.Argument(metavar="FILE", help="Sentences, one a line, plain or .gz.")
]


def read(model: TextModel, file: Path, *, keep_long: bool = False) -> Texts:
    """The sentences of a file; what is wrong with its other lines goes to stderr."""
    from tfp_dgm.sentence_modelling import read_texts

    assert model.vocabulary is not None
    texts = read_texts(file, model.vocabulary, model.max_length, keep_long=keep_long)
    for warning in texts.warnings:
        say(f"Warning: {warning}")
    return texts


def say(message: str) -> None:
    """Tells a person what they should know, on stderr."""
    typer.echo(message, err=True)
