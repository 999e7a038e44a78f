"""SetFit asked from here: a process of the Python that has it, named in the environment."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

SETFIT = "SetFit"
SETFIT_PYTHON = "SETFIT_PYTHON"  # In the environment: the Python that has SetFit.


def setfit_at_hand() -> bool:
    """Whether the environment names a Python that has SetFit."""
    return SETFIT_PYTHON in os.environ


def setfit_probabilities(
    model: str, texts: Sequence[str], labels: np.ndarray, asked: Sequence[str], seed: int
) -> np.ndarray:
    """What SetFit [1] answers: contrastive tuning on pairs of labelled texts, then regression.

    Args:
      model: folder of a sentence transformer.
      texts: the labelled texts.
      labels: int [N], a class a text; or [N, K] of 0 and 1, whether each class applies: then two
        texts are a pair that belongs together if they share a class, and each class has a
        regression of its own.
      asked: the texts to be answered.
      seed: of pairs and training.

    Returns:
      [number asked, K], probabilities.

    [1] Tunstall et al. Efficient Few-Shot Learning Without Prompts. 2022. arXiv:2209.11055
    """
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "probabilities.npy"
        task = {
            "model": model,
            "texts": list(texts),
            "labels": np.asarray(labels).tolist(),
            "asked": list(asked),
            "seed": seed,
            "file": str(file),
        }
        subprocess.run(
            [os.environ[SETFIT_PYTHON], Path(__file__).with_name("setfit_answers.py")],
            input=json.dumps(task),
            text=True,
            check=True,
            stdout=sys.stderr,
        )
        return np.load(file)
