"""The folder of a captioner's training."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

from tfp_dgm.captioning.earlier_settings import from_version_0_1
from tfp_dgm.captioning.settings import CaptionSettings
from tfp_dgm.data import DataError, RunFolder, require_finished_run
from tfp_dgm.settings import read_settings

JOB = "captioning"
MODEL = "captioner.keras"


def claim_run(
    directory: str | os.PathLike[str],
    settings: CaptionSettings,
    *,
    data: Mapping[str, str] | None = None,
    resume: bool = False,
) -> RunFolder:
    """The folder of a training, to be entered before anything is read or computed for it.

    It may keep decoded images and their features in `cache/`, for a run that is resumed.

    Args:
      directory, data, resume: see `RunFolder`.
      settings: of the training.
    """
    return RunFolder(directory, job=JOB, settings=asdict(settings), data=data, resume=resume)


def settings_of(directory: Path) -> CaptionSettings:
    """The settings of a finished training.

    Raises:
      DataError: if the folder holds none, or its settings are damaged.
    """
    require_finished_run(directory, JOB)
    if not (directory / MODEL).exists():
        raise DataError.at(directory, f"expected the folder of a finished training, with {MODEL}")
    return read_settings(CaptionSettings, directory / "settings.json", earlier=from_version_0_1)
