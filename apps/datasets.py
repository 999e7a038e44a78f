"""`dgm datasets`: public data sets for trying things out."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import typer
from rich.console import Console

from tfp_dgm.data import (
    DATASETS,
    check_new_file,
    check_output_path,
    fetch,
    find_dataset,
    is_cached,
    load_text_classification,
    write_table,
)

from ._errors import clean_errors
from ._progress import status
from ._shared_options import Output, Quiet, Seed

app = typer.Typer(
    help="Public data sets: fetched on demand, checked, cached.", no_args_is_help=True
)

Name = Annotated[str, typer.Argument(help="A name that `dgm datasets list` shows.")]


@app.command("list")
def list_datasets() -> None:
    """Shows the data sets, their licences, and which of them are in the cache."""
    width = Console().width
    with clean_errors():
        for name, dataset in DATASETS.items():
            rows = " + ".join(f"{count:,} {split}" for split, count in dataset.rows.items())
            typer.echo(f"{name} (cached)" if is_cached(name) else name)
            for line in (
                dataset.title,
                f"{dataset.task}: {rows}" if rows else dataset.task,
                f"Licence: {dataset.licence}",
            ):
                typer.echo(_wrapped(line, width))


def _wrapped(text: str, width: int) -> str:
    """Indented lines; no word is cut, also where it is wider."""
    return textwrap.fill(
        text,
        width,
        initial_indent="  ",
        subsequent_indent="    ",
        break_long_words=False,
        break_on_hyphens=False,
    )


@app.command("fetch")
def fetch_dataset(name: Name, quiet: Quiet = False) -> None:
    """Downloads a data set into the cache, if it is not there yet, and shows its licence."""
    folder = _fetch(name, quiet)
    typer.echo(f"{folder}\nLicence: {DATASETS[name].licence}")


@app.command()
def path(name: Name, quiet: Quiet = False) -> None:
    """Prints the folder of a data set, fetched if it must be, and nothing else."""
    typer.echo(_fetch(name, quiet))


@app.command()
def export(
    name: Name,
    output: Output,
    split: Annotated[
        Literal["train", "test"], typer.Option(help="Which part of the data set.")
    ] = "train",
    labels_per_class: Annotated[
        int | None,
        typer.Option(min=1, help="Hide all other labels; the truth goes to a third column."),
    ] = None,
    seed: Seed = 0,
    quiet: Quiet = False,
) -> None:
    """Writes a text classification set as a table with the columns text and label.

    --output is the table, such as r8.csv; its format by its ending.
    """
    with clean_errors():
        check_output_path(output)
        check_new_file(output)
        with _fetching(name, quiet) as tell:
            import pandas as pd

            data = load_text_classification(name, progress=tell)
            texts, labels = (
                (data.train_texts, data.train_labels)
                if split == "train"
                else (data.test_texts, data.test_labels)
            )
            columns = {"text": texts, "label": labels}
            if labels_per_class is not None:
                columns = {
                    "text": texts,
                    "label": hide_labels(labels, labels_per_class, seed),
                    "truth": labels,
                }
            tell(f"Writing {output}")
            write_table(pd.DataFrame(columns), output)
    typer.echo(f"{output}: {len(texts):,} rows. Licence: {DATASETS[name].licence}")


def _fetch(name: str, quiet: bool) -> Path:
    with clean_errors(), _fetching(name, quiet) as tell:
        return fetch(name, progress=tell)


@contextmanager
def _fetching(name: str, quiet: bool) -> Iterator[Callable[[str], None]]:
    """Says that a data set is fetched, unless there is none of the name."""
    find_dataset(name)
    with status(f"Fetching {name}", quiet=quiet) as tell:
        yield tell


def hide_labels(labels: list[str], labels_per_class: int, seed: int) -> list[str]:
    """Keeps at most that many labels of each class, drawn at random; the others become ""."""
    order = np.random.default_rng(seed).permutation(len(labels))
    kept: dict[str, int] = {}
    hidden = [""] * len(labels)
    for row in order.tolist():
        label = labels[row]
        if kept.get(label, 0) < labels_per_class:
            kept[label] = kept.get(label, 0) + 1
            hidden[row] = label
    return hidden
