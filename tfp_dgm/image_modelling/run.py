"""The folder of a training on images."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

from tfp_dgm.data import DataError, RunFolder, require_finished_run
from tfp_dgm.image_modelling.earlier_settings import from_version_0_1
from tfp_dgm.image_modelling.settings import ImageModelSettings
from tfp_dgm.settings import read_settings

JOB = "image_modelling"
MODEL = "model.keras"


def claim_run(
    directory: str | os.PathLike[str],
    settings: ImageModelSettings,
    *,
    data: Mapping[str, str] | None = None,
    resume: bool = False,
) -> RunFolder:
    """The folder of a training, to be entered before anything is read or computed for it.

    Args:
      directory, data, resume: see `RunFolder`.
      settings: of the training.
    """
    return RunFolder(directory, job=JOB, settings=asdict(settings), data=data, resume=resume)


def settings_of(directory: str | os.PathLike[str]) -> ImageModelSettings:
    """The settings of a finished training, of version 0.1 too.

    Raises:
      DataError: if the folder holds none, or its settings are damaged.
    """
    folder = Path(directory)
    require_finished_run(folder, JOB)
    if not (folder / MODEL).is_file():
        raise DataError.at(folder, f"expected the folder of a finished training, with {MODEL}")
    return read_settings(ImageModelSettings, folder / "settings.json", earlier=from_version_0_1)
