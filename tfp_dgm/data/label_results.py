"""Where a labelling puts its results: what it may replace, and what its folder says of itself."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tfp_dgm.data.data_error import DataError, listing
from tfp_dgm.data.model_directories import check_model_directory, read_model_settings
from tfp_dgm.data.table_reader import open_table
from tfp_dgm.data.table_writer import StrPath, check_output_path

# Columns of every labelled table: of one label a row, and of several.
_MARKS = {"predicted_label", "probability", "accept"}
_MULTI_LABEL_MARKS = {"predicted_labels", "row_probability", "accept"}


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
    if Path(output).exists() and not _is_labelled(columns_there(output)):
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
    return check_model_directory(source, output, model_directory, command="dgm label")


def read_label_settings(model_directory: str | os.PathLike[str]) -> dict[str, Any]:
    """The settings of the labelling that wrote a folder, `text_columns` and `encoder` among them.

    Raises:
      DataError: if no labelling wrote it; of topics or clusters, says what tells them.
    """
    settings = read_model_settings(
        model_directory, ("text_columns", "encoder"), command="dgm label"
    )
    if "kind" in settings:  # Of topics and clusters, which name the others, too.
        raise DataError(
            f"{model_directory}: expected a folder that `dgm label` wrote; found one of "
            f"{settings['kind']}s, which `dgm topics predict` tells of new files"
        )
    return settings


def _is_labelled(names: set[str]) -> bool:
    """Whether columns of a labelled table are there, of some label column's prefix or of none."""
    prefixes = (
        name.removesuffix("predicted_label") for name in names if name.endswith("predicted_label")
    )
    return names >= _MULTI_LABEL_MARKS or any(
        {prefix + mark for mark in _MARKS} <= names for prefix in prefixes
    )


def columns_there(path: StrPath) -> set[str]:
    """The columns of a table's first row; none where it cannot be read."""
    try:
        return set(next(iter(open_table(path).chunks(1))).frame.columns)
    except DataError:
        return set()
