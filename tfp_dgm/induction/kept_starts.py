"""Several trainings of one run, kept one by one: what has ended is not repeated."""

import multiprocessing
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import Any, Protocol

import keras
import numpy as np

from tfp_dgm import training
from tfp_dgm.data import DataError, RunFolder, atomic_write
from tfp_dgm.native_messages import load_quietly


class Learner(Protocol):
    """What is trained once a start."""

    def train(self, seed: int, progress: training.Progress) -> tuple[keras.Model, list[float]]:
        """A trained model, and nats of what was learned from after each iteration.

        Args:
          seed: of first weights.
          progress: told of iterations and epochs.
        Raises:
          NonFiniteLossError: if a loss of gradient steps is no number any more.
        """

    def untrained(self) -> keras.Model:
        """A model that is to be given such weights."""


def best_of_starts(
    run: RunFolder,
    seeds: Sequence[int],
    learner: Learner,
    again: Callable[[], Learner],
    *,
    processes: int,
    progress: training.Progress,
) -> tuple[Any, dict[int, list[float]], int]:
    """The model of the likeliest start, every start's curve, and which it was.

    Args:
      run: where the starts that have ended are kept.
      seeds: one a start.
      learner: what trains them.
      again: makes the same in another process; it is pickled.
      processes: so many starts are trained at once, each in a process of its own.
      progress: told of iterations and epochs; of starts, where several are trained at once.
    Raises:
      DataError: if a loss is no number any more.
    """
    run.state.mkdir(exist_ok=True)
    kept = {seed: run.state / f"start_{seed}.npz" for seed in seeds}
    waiting = {seed: path for seed, path in kept.items() if not path.exists()}
    try:
        if min(processes, len(waiting)) > 1:
            _train_at_once(waiting, again, min(processes, len(waiting)), progress)
        else:
            for seed, path in waiting.items():
                _keep(path, *learner.train(seed, progress))
    except training.NonFiniteLossError as error:
        raise DataError.at(run.path, str(error)) from error
    curves = {}
    for seed, path in kept.items():
        with np.load(path) as arrays:
            curves[seed] = arrays["log_likelihood"].tolist()
    best = max(seeds, key=lambda seed: curves[seed][-1])
    model = learner.untrained()
    with np.load(kept[best]) as arrays:
        model.set_weights([arrays[f"weight_{i}"] for i in range(len(arrays.files) - 1)])
    return model, curves, best


def _train_at_once(
    waiting: dict[int, Path],
    again: Callable[[], Learner],
    processes: int,
    progress: training.Progress,
) -> None:
    """Trains starts in processes of their own, which end with this one."""
    before = set(multiprocessing.active_children())
    # TensorFlow's threads are lost in a fork.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(processes, context, initializer=load_quietly) as pool:
        try:
            started = [pool.submit(_train_again, again, *start) for start in waiting.items()]
            for done, future in enumerate(as_completed(started), start=1):
                future.result()
                progress("Starts", done, len(started))
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            for process in set(multiprocessing.active_children()) - before:
                process.terminate()
                process.join()
            raise


def _train_again(again: Callable[[], Learner], seed: int, path: Path) -> None:
    _keep(path, *again().train(seed, lambda step, done, total: None))


def _keep(path: Path, model: keras.Model, curve: Sequence[float]) -> None:
    numbered: dict[str, Any] = {
        f"weight_{i}": weight for i, weight in enumerate(model.get_weights())
    }
    with atomic_write(path) as part:
        np.savez(part, log_likelihood=np.array(curve), **numbered)
