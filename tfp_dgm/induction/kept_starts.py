"""Several trainings of one run, kept one by one: what has ended is not repeated."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np

from tfp_dgm import training
from tfp_dgm.data import DataError, RunFolder, atomic_write


def best_of_starts(
    run: RunFolder,
    seeds: Sequence[int],
    train: Callable[[int], tuple[keras.Model, list[float]]],
) -> tuple[list[np.ndarray], dict[int, list[float]], int]:
    """The weights of the likeliest start, every start's curve, and which it was.

    Args:
      run: where the starts that have ended are kept.
      seeds: one a start.
      train: a seed -> the trained model, and the log-likelihood after each iteration.
    Raises:
      DataError: if a loss is no number any more.
    """
    curves: dict[int, list[float]] = {}
    run.state.mkdir(exist_ok=True)
    for seed in seeds:
        kept = run.state / f"start_{seed}.npz"
        if not kept.exists():
            try:
                model, curve = train(seed)
            except training.NonFiniteLossError as error:
                raise DataError.at(run.path, str(error)) from error
            _keep(kept, model.get_weights(), curve)
        with np.load(kept) as arrays:
            curves[seed] = arrays["log_likelihood"].tolist()
    best = max(seeds, key=lambda seed: curves[seed][-1])
    with np.load(run.state / f"start_{best}.npz") as arrays:
        weights = [arrays[f"weight_{i}"] for i in range(len(arrays.files) - 1)]
    return weights, curves, best


def _keep(path: Path, weights: Sequence[np.ndarray], curve: Sequence[float]) -> None:
    numbered: dict[str, Any] = {f"weight_{i}": weight for i, weight in enumerate(weights)}
    with atomic_write(path) as part:
        np.savez(part, log_likelihood=np.array(curve), **numbered)
