"""The folder of a training."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping
from pathlib import Path

from tfp_dgm.data import DataError, RunFolder, require_finished_run
from tfp_dgm.sentence_modelling.settings import TextModelSettings

JOB = "sentence modelling"
MODEL = "model.keras"


def claim_run(
    directory: str | os.PathLike[str],
    settings: TextModelSettings,
    *,
    data: Mapping[str, str] | None = None,
    resume: bool = False,
) -> RunFolder:
    """The folder of a training, to be entered before anything is read or computed for it.

    Args:
      directory, data, resume: see `RunFolder`.
      settings: of the training.
    """
    chosen = dataclasses.asdict(settings)
    return RunFolder(directory, job=JOB, settings=chosen, data=data, resume=resume)


def model_file(path: str | os.PathLike[str]) -> Path:
    """Where the trained model lies: in a finished run's folder, or a .keras file itself.

    Raises:
      DataError: if there is none, or an unfinished run.
    """
    path = file = Path(path)
    if path.is_dir():
        require_finished_run(path, JOB)
        file = path / MODEL
    if not file.is_file():
        raise DataError.at(path, "no model here; `dgm text-vae train` makes one")
    return file
