"""The log-likelihoods of sentences under a text VAE, which take long: of some, and in parts."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tfp_dgm.data import atomic_write
from tfp_dgm.evaluation import importance_weighted_log_likelihood
from tfp_dgm.models import LatentVariableModel
from tfp_dgm.sentence_modelling.token_rows import padded
from tfp_dgm.training import Progress

_PART = 128  # Sentences whose numbers are kept together.


def weighted_log_likelihoods(
    model: LatentVariableModel,
    rows: Sequence[NDArray[np.integer]],
    *,
    keep: str | os.PathLike[str] | None = None,
    progress: Progress | None = None,
    **options: Any,
) -> dict[str, NDArray[np.float64]]:
    """`evaluation.importance_weighted_log_likelihood` of rows, a part after the other.

    Args:
      model: of texts, with a latent.
      rows: token ids.
      keep: a folder that gets each part's numbers once they are found, and whose parts are taken as
        found: for an evaluation that was interrupted and is the same again.
      progress: told of the rows done.
      **options: `num_samples`, `samples_per_step`, `batch_size` and `seed`.
    """
    found: list[dict[str, NDArray[np.float64]]] = []
    for start in range(0, len(rows), _PART):
        if progress is not None:
            progress("log-likelihood", start, len(rows))
        path = None if keep is None else Path(keep) / f"log_likelihood_{start}.npz"
        if path is not None and path.exists():
            with np.load(path, allow_pickle=False) as saved:
                found.append(dict(saved))
            continue
        part = padded(rows[start : start + _PART])
        found.append(importance_weighted_log_likelihood(model, part, **options))
        if path is not None:
            with atomic_write(path) as file:
                np.savez(file, **found[-1])  # type: ignore[arg-type]
    if progress is not None:
        progress("log-likelihood", len(rows), len(rows))
    return {name: np.concatenate([part[name] for part in found]) for name in found[0]}


def evenly_spaced(count: int, wanted: int | None) -> NDArray[np.intp]:
    """Places of so many of `count`, in the middles of equal parts; all where there are no more."""
    wanted = min(wanted or count, count)
    return ((np.arange(wanted) + 0.5) * count / wanted).astype(np.intp)
