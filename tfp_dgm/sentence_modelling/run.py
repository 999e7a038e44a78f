"""The folder of a training."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping

from tfp_dgm.data import RunFolder
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
