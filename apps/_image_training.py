"""`dgm iwae train`: from images to a model's folder, whole or not at all."""

from __future__ import annotations

import dataclasses
import json
import math
import shutil
import time
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from tfp_dgm.data import DataError, atomic_directory, atomic_write, binarise
from tfp_dgm.models import LatentVariableModel, load_model
from tfp_dgm.training import (
    FusedAdam,
    NonFiniteGuard,
    NonFiniteLossError,
    ObjectiveSchedule,
    Progress,
    ProgressReport,
    ResumeTraining,
    binarised_batches,
)

from ._image_models import build_model
from ._image_objectives import build_objective
from ._image_settings import Settings, num_values

_PROGRAM = "dgm iwae"
_STEPS_PER_EXECUTION = 20
_MOST_NUMBERS = 2**28  # Pixels decoded at a time: 1 GiB, and some of them again for gradients.


def check_output(output: Path) -> None:
    """Raises a DataError where the output is something else than a folder that was written here."""
    if not output.parent.is_dir():
        raise DataError.at(output, "expected its parent folder to exist")
    if output.exists() and not (output.is_dir() and _settings_of(output)):
        raise DataError.at(output, f"expected nothing there, or a folder that `{_PROGRAM}` wrote")


def train(
    settings: Settings, images: NDArray[np.float32], output: Path, progress: Progress
) -> dict[str, Any]:
    """Trains a model and writes its folder; gives the last epoch's numbers.

    A hidden folder beside the output holds the state after every epoch. Where a training of the
    same settings was killed, it goes on from there, to the same numbers.
    """
    if settings.batch_size > len(images):
        raise DataError(
            f"--batch-size: expected at most the number of images, {len(images)}; "
            f"got {settings.batch_size}"
        )
    if settings.objective == "enumerated":
        _check_memory(settings, images)
    if settings.binarisation == "fixed":
        images = binarise(images, settings.seed)
    written = _as_json({"program": f"{_PROGRAM} train", **dataclasses.asdict(settings)})
    state = output.with_name(f".{output.name}.training")
    _claim(state, written)
    keras.utils.set_random_seed(settings.seed)  # The initial weights follow from it.
    model = build_model(settings, images)
    passes = len(images) // settings.batch_size
    steps = settings.epochs * passes
    schedule = keras.optimizers.schedules.CosineDecay(settings.learning_rate, steps, alpha=0.01)
    model.compile(
        FusedAdam(schedule, epsilon=1e-4),
        build_objective(settings),
        steps_per_execution=math.gcd(passes, _STEPS_PER_EXECUTION),
    )
    resume = ResumeTraining(state)
    data = binarised_batches(
        images,
        settings.batch_size,
        binarise=settings.binarisation == "dynamic",
        seed=settings.seed,
        first_batch=resume.epoch * passes,
    )
    start = time.perf_counter()
    if resume.epoch < settings.epochs:
        bar = ProgressReport(progress, "Training (batches)", batches=passes, epochs=settings.epochs)
        try:
            model.fit(
                data,
                steps_per_epoch=passes,
                epochs=settings.epochs,
                initial_epoch=resume.epoch,
                verbose=0,
                shuffle=False,  # The dataset has its own order.
                callbacks=[bar, NonFiniteGuard(), *_temperature(settings, steps), resume],
            )
        except NonFiniteLossError as error:
            raise DataError.at(output, str(error)) from error
    else:
        resume.restore(model)
    metrics = {"history": resume.history, "seconds": time.perf_counter() - start}
    with atomic_directory(output) as folder:
        model.save(folder / "model.keras")
        (folder / "settings.json").write_text(json.dumps(written, indent=1) + "\n")
        (folder / "metrics.json").write_text(json.dumps(metrics, indent=1) + "\n")
        write_figure(folder / "samples.png", sample(model, images.shape[1:], 100, settings.seed))
        few = images[:10]
        few = few if settings.binarisation == "none" else binarise(few, settings.seed)
        write_figure(folder / "reconstructions.png", reconstruct(model, few, settings.seed))
    shutil.rmtree(state)
    return resume.history[-1]


def load(folder: Path) -> tuple[LatentVariableModel, dict[str, Any]]:
    """A model that `train` wrote, and its settings."""
    settings = _settings_of(folder)
    if not settings:
        raise DataError.at(folder, f"expected a folder that `{_PROGRAM} train` wrote")
    return load_model(folder / "model.keras"), settings


def check_shape(model: LatentVariableModel, images: NDArray[np.float32], path: str) -> None:
    """Raises a DataError where the images are not of the size that the model knows."""
    expected = tuple(model.likelihood.event_shape)
    if images.shape[1:] != expected:
        raise DataError.at(
            path, f"expected images of the shape {expected}, as trained on; got {images.shape[1:]}"
        )


def sample(
    model: LatentVariableModel, shape: tuple[int, ...], count: int, seed: int
) -> NDArray[np.float32]:
    """Mean images of latents from the prior, as tiles in rows of ten."""
    z = model.prior(np.zeros((1, *shape), np.float32)).sample(count, seed=(seed, 1))
    means = model.decode(z).mean().numpy().reshape(count, *shape)
    return tiles(means, min(10, count))


def reconstruct(
    model: LatentVariableModel, images: NDArray[np.float32], seed: int
) -> NDArray[np.float32]:
    """Images in the upper row, below the mean images of one draw of their posteriors."""
    z = model.posterior(images).sample(seed=(seed, 2))
    means = model.decode(z).mean().numpy().reshape(images.shape)
    return tiles(np.concatenate([images, means]), len(images))


def tiles(images: NDArray[np.float32], columns: int) -> NDArray[np.float32]:
    """Images [N, H, W] or [N, H, W, C] as one, row by row, with a grey line between."""
    padding = [(0, 0), (1, 0), (1, 0), *[(0, 0)] * (images.ndim - 3)]
    rows = math.ceil(len(images) / columns)
    missing = [(0, rows * columns - len(images)), *[(0, 0)] * (images.ndim - 1)]
    padded = np.pad(np.pad(images, missing), padding, constant_values=0.5)
    return np.concatenate(
        [np.concatenate(list(row), axis=1) for row in np.split(padded, rows)], axis=0
    )


def write_figure(path: Path, image: NDArray[np.float32]) -> None:
    """Writes grey values [H, W] (or [H, W, 1]) or colours [H, W, 3] as a PNG, whole or not."""
    import matplotlib.image

    if image.ndim == 3 and image.shape[-1] == 1:
        image = image[..., 0]
    with atomic_write(path) as file:
        matplotlib.image.imsave(
            file, np.clip(image, 0, 1), cmap="gray", vmin=0, vmax=1, format="png"
        )


def _temperature(settings: Settings, steps: int) -> list[keras.callbacks.Callback]:
    """The schedule of the objective's temperature, exponential as that of Jang et al. (2017)."""
    first, last = settings.temperature, settings.final_temperature
    if first is None or last is None or first == last:
        return []
    schedule = keras.optimizers.schedules.ExponentialDecay(first, steps, last / first)
    return [ObjectiveSchedule("temperature", schedule)]


def _check_memory(settings: Settings, images: NDArray[np.float32]) -> None:
    """Every value is decoded at once, for every image of a batch."""
    values = num_values(settings)
    numbers = values * settings.batch_size * images[0].size
    if numbers > _MOST_NUMBERS:
        raise DataError(
            f"--batch-size: expected at most {_MOST_NUMBERS // values // images[0].size} where "
            f"enumerated decodes {values:,} values for each image of {images[0].size:,} numbers; "
            f"got {settings.batch_size}"
        )


def _as_json(settings: dict[str, Any]) -> dict[str, Any]:
    """The settings as they come back from their file."""
    return json.loads(json.dumps(settings))


def _claim(state: Path, written: dict[str, Any]) -> None:
    """Makes the folder of the training's state; one of other settings is in the way."""
    path = state / "settings.json"
    if not path.exists():
        state.mkdir(exist_ok=True)
        with atomic_write(path) as file:
            file.write(json.dumps(written).encode())
        return
    try:
        found = json.loads(path.read_text())
    except ValueError as error:
        raise DataError.at(path, f"cannot be read: {error}; delete {state}") from error
    if found != written:
        differing = sorted(name for name in written if found.get(name) != written[name])
        raise DataError.at(
            state,
            "an unfinished training of other settings is there (they differ in "
            f"{', '.join(differing)}); give its settings to go on, or delete the folder",
        )


def _settings_of(folder: Path) -> dict[str, Any]:
    try:
        settings = json.loads((folder / "settings.json").read_text())
    except (OSError, ValueError):
        return {}
    is_ours = isinstance(settings, dict) and str(settings.get("program")).startswith(_PROGRAM)
    return settings if is_ours else {}
