"""Where a labelling puts its results: what it may replace, and what its folder says of itself."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tfp_dgm.data.atomic_directories import check_output_directory
from tfp_dgm.data.data_error import DataError, listing
from tfp_dgm.data.table_reader import open_table
from tfp_dgm.data.table_writer import StrPath, check_output_path

# Columns of every labelled table: of one label a row, and of several.
_MARKS = {"predicted_label", "probability", "accept"}
_MULTI_LABEL_MARKS = {"predicted_labels", "row_probability", "accept"}
_WRITTEN = {"model.keras", "saved_model", "settings.json", "metrics.json", "report.html", "columns"}
_OF_A_COLUMN = {"metrics.json", "report.html"}


def check_labelled_table(output: StrPath, inputs: Iterable[StrPath]) -> None:
    """Checks that a labelled table may be written to `output`, before any work is done.

    Raises:
      DataError: as `check_output_path`; if something else than a labelled table is there, or one
        of `inputs` is missing or no table.
    """
    inputs = list(inputs)
    check_output_path(output, inputs)
    for source in inputs:
        open_table(source)
    if Path(output).exists() and not _is_labelled(_names(output)):
        raise DataError.at(
            output,
            "expected nothing or an earlier result there; found a file without the columns "
            f"{listing(sorted(_MARKS))}, which would be replaced",
        )


def check_label_results(
    source: StrPath, output: StrPath, model_directory: StrPath | None = None
) -> Path:
    """Checks where a labelling's table and model folder are to go, before any work is done.

    Args:
      source: the table to label.
      output: the labelled table.
      model_directory: the folder; None puts it beside the output, with the ending `.model`.
    Returns:
      The folder.
    Raises:
      DataError: as `check_labelled_table`; if the folder holds anything but what an earlier
        labelling for the same output wrote.
    """
    check_labelled_table(output, [source])
    output = Path(output)
    if model_directory is None:
        model_directory = output.with_name(output.name.removesuffix(".gz")).with_suffix(".model")
    directory = Path(model_directory)
    if not directory.resolve().parent.is_dir():
        raise DataError(f"model_directory: the folder {directory.resolve().parent} does not exist")
    check_output_directory(directory)
    for file in (source, output):
        if Path(file).resolve().is_relative_to(directory.resolve()):
            raise DataError(f"model_directory: {directory} would be replaced, and holds {file}")
    if directory.exists() and any(directory.iterdir()):
        _check_ours(directory, output)
    return directory


def read_label_settings(model_directory: str | os.PathLike[str]) -> dict[str, Any]:
    """The settings of the labelling that wrote a folder, `text_columns` and `encoder` among them.

    Raises:
      DataError: if no labelling wrote it.
    """
    try:
        text = (Path(model_directory) / "settings.json").read_text(encoding="utf-8")
        settings = json.loads(text)
        if not isinstance(settings, dict) or not {"text_columns", "encoder"} <= settings.keys():
            raise ValueError("settings.json does not name text_columns and encoder")
    except (OSError, ValueError) as error:
        raise DataError(
            f"{model_directory}: expected a folder that `dgm label` wrote; {error}"
        ) from error
    return settings


def _is_labelled(names: set[str]) -> bool:
    """Whether columns of a labelled table are there, of some label column's prefix or of none."""
    prefixes = (
        name.removesuffix("predicted_label") for name in names if name.endswith("predicted_label")
    )
    return names >= _MULTI_LABEL_MARKS or any(
        {prefix + mark for mark in _MARKS} <= names for prefix in prefixes
    )


def _names(path: StrPath) -> set[str]:
    """The columns of a table's first row; none where it cannot be read."""
    try:
        return set(next(iter(open_table(path).chunks(1))).frame.columns)
    except DataError:
        return set()


def _check_ours(directory: Path, output: Path) -> None:
    """Refuses to replace a folder that no labelling wrote for the same output."""
    try:
        strangers = {path.name for path in directory.iterdir()} - _WRITTEN
        strangers |= {path.name for path in directory.glob("columns/*/*")} - _OF_A_COLUMN
        strangers |= {path.name for path in directory.glob("columns/*") if not path.is_dir()}
        settings = json.loads((directory / "settings.json").read_text(encoding="utf-8"))
        ours = not strangers and "tfp-dgm" in settings["versions"]
    except (OSError, ValueError, KeyError, TypeError):
        ours = False
    if not ours:
        raise DataError(
            f"model_directory: expected nothing, an empty folder or one that `dgm label` wrote at "
            f"{directory}; it would be replaced"
        )
    if settings.get("output") != output.name:
        raise DataError(
            f"model_directory: {directory} belongs to the output {settings.get('output')!r} and "
            f"would be replaced; give {output.name} a folder of its own"
        )
    served = directory / "saved_model"
    if others := sorted({path.name for path in served.glob("*")} - {"1"}):
        raise DataError(
            f"model_directory: {served} would be replaced; expected the version 1 alone, which "
            f"`dgm label` wrote, and found {listing(others)}; move what you serve, and export it "
            f"into a folder of its own"
        )
