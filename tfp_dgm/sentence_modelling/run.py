"""The folder of a training."""

from __future__ import annotations

import os
from pathlib import Path

from tfp_dgm.data import DataError, require_finished_run
from tfp_dgm.sentence_modelling.settings import TextModelSettings
from tfp_dgm.settings import RunsOfJob

MODEL = "model.keras"
_RUNS = RunsOfJob("sentence modelling", MODEL, TextModelSettings)
claim_run = _RUNS.claim


def model_file(path: str | os.PathLike[str]) -> Path:
    """Where the trained model lies: in a finished run's folder, or a .keras file itself.

    Raises:
      DataError: if there is none, or an unfinished run.
    """
    path = file = Path(path)
    if path.is_dir():
        require_finished_run(path, _RUNS.job)
        file = path / MODEL
    if not file.is_file():
        raise DataError.at(path, "no model here; `train_text_model` makes one")
    return file
