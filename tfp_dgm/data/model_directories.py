"""The folders of models beside what they labelled: what may be replaced, and who wrote it."""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

from tfp_dgm.data.atomic_directories import check_output_directory
from tfp_dgm.data.data_error import DataError, listing

StrPath = str | os.PathLike[str]

_WRITTEN = {"model.keras", "saved_model", "settings.json", "metrics.json", "report.html", "columns"}
_OF_A_COLUMN = {"metrics.json", "report.html"}


def check_model_directory(
    source: StrPath, output: StrPath, model_directory: StrPath | None, *, command: str
) -> Path:
    """Checks where the model's folder is to go, before any work is done.

    Args:
      source: what is labelled.
      output: the labelled file.
      model_directory: the folder; None puts it beside the output, with the ending `.model`.
      command: what writes such folders.
    Returns:
      The folder.
    Raises:
      DataError: if it cannot be written, or holds anything but what an earlier run for the same
        output wrote.
    """
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
        check_ours(directory, output.name, command)
    return directory


def read_model_settings(
    model_directory: StrPath, names: Sequence[str], *, command: str
) -> dict[str, Any]:
    """The settings of the run that wrote a folder, which hold `names`.

    Raises:
      DataError: if `command` did not write it.
    """
    try:
        text = (Path(model_directory) / "settings.json").read_text(encoding="utf-8")
        settings = json.loads(text)
        if not isinstance(settings, dict) or not set(names) <= settings.keys():
            raise ValueError(f"settings.json does not name {listing(list(names))}")
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(
            f"{model_directory}: expected a folder that `{command}` wrote; {error}"
        ) from error
    return settings


def check_ours(
    directory: Path,
    output: str,
    command: str,
    *,
    further: Collection[str] = (),
    argument: str = "model_directory",
) -> None:
    """Refuses to replace a folder that the command did not write for the same output.

    Args:
      directory: holds something.
      output: the name of what the folder belongs to.
      command: what writes such folders.
      further: files that the command writes into its folder beside those of every model.
      argument: what names the folder, for messages.
    """
    try:
        strangers = {path.name for path in directory.iterdir()} - _WRITTEN - set(further)
        strangers |= {path.name for path in directory.glob("columns/*/*")} - _OF_A_COLUMN
        strangers |= {path.name for path in directory.glob("columns/*") if not path.is_dir()}
        settings = json.loads((directory / "settings.json").read_text(encoding="utf-8"))
        ours = not strangers and "tfp-dgm" in settings["versions"]
    except (OSError, ValueError, RecursionError, KeyError, TypeError):
        ours = False
    if not ours:
        raise DataError(
            f"{argument}: expected nothing, an empty folder or one that `{command}` wrote at "
            f"{directory}; it would be replaced"
        )
    if settings.get("output") != output:
        raise DataError(
            f"{argument}: {directory} belongs to the output {settings.get('output')!r} and "
            f"would be replaced; give {output} a folder of its own"
        )
    served = directory / "saved_model"
    if others := sorted({path.name for path in served.glob("*")} - {"1"}):
        raise DataError(
            f"{argument}: {served} would be replaced; expected the version 1 alone, which "
            f"`{command}` wrote, and found {listing(others)}; move what you serve, and export it "
            f"into a folder of its own"
        )


def files_told(output: StrPath, model_directory: Path, *, kind: str = "table") -> list[str]:
    """Lines for the screen: what was written, and what lies in the folder beside it."""
    return [
        f"{kind:8} {output}",
        f"report   {model_directory / 'report.html'}",
        f"metrics  {model_directory / 'metrics.json'}",
        f"model    {model_directory / 'model.keras'}",
        f"serving  {model_directory / 'saved_model'}",
    ]
