"""The training of a model of images: images in, a finished run out."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from tfp_dgm.data import DataError, RunFolder, binarise, digest, write_json
from tfp_dgm.image_modelling.building import build_model
from tfp_dgm.image_modelling.figures import reconstruction_figure, sample_figure, write_figure
from tfp_dgm.image_modelling.relaxation_settings import Relaxed
from tfp_dgm.image_modelling.run import MODEL, settings_of
from tfp_dgm.image_modelling.settings import FixedBinarisation, ImageModelSettings, LearningRate
from tfp_dgm.models import LatentVariableModel, load_model
from tfp_dgm.training import (
    FusedAdam,
    NonFiniteGuard,
    NonFiniteLossError,
    ObjectiveSchedule,
    Progress,
    ProgressReport,
    RunState,
    TrainingClock,
    binarised_batches,
)

_STEPS_PER_EXECUTION = 20
_MOST_NUMBERS = 2**28  # Pixels decoded at a time: 1 GiB, and some of them again for gradients.


def train_image_model(
    images: NDArray[np.float32],
    run: RunFolder,
    settings: ImageModelSettings,
    *,
    start: LatentVariableModel | None = None,
    progress: Progress = lambda step, done, total: None,
) -> tuple[LatentVariableModel, dict[str, Any]]:
    """Trains a model and finishes its run.

    The folder then holds `model.keras`, `metrics.json` (`history`, the figures of each epoch, and
    `seconds`), `samples.png` and `reconstructions.png` beside what is every run's.

    Args:
      images: [N, H, W] or [N, H, W, C], values from 0 to 1.
      run: the folder that `claim_run` claimed, entered; an interrupted run goes on in it.
      settings: those of the claim.
      start: a trained model of the same latents and of images of the same shape, whose weights
        are the initial ones: what many draws would take long to learn may begin where few have
        led. A run that is resumed must get the same.
      progress: told of every batch.
    Returns:
      model: as saved.
      metrics: as saved.
    Raises:
      DataError: if there are fewer images than a batch takes, the run was begun with other images
        or another start, the start is a model of another kind, or a term of the loss is no number
        any more.
    """
    if settings.batch_size > len(images):
        raise DataError(
            f"batch_size: expected at most the number of images, {len(images)}; "
            f"received {settings.batch_size}"
        )
    if settings.objective.kind == "enumerated":
        _check_memory(settings, images)
    digests = {"images": digest(images)}
    if start is not None:
        digests["start"] = digest(*start.get_weights())
    run.require_data(digests)
    if isinstance(settings.binarisation, FixedBinarisation):
        images = binarise(images, settings.binarisation.seed)
    keras.utils.set_random_seed(settings.seed)  # The initial weights follow from it.
    model = build_model(settings, images)
    if start is not None:
        _begin_with(model, start)
    metrics = _fit(model, images, run, settings, progress)
    with run.results() as folder:
        model.save(folder / MODEL)
        write_json(folder / "metrics.json", metrics)
        write_figure(folder / "samples.png", sample_figure(model, seed=settings.seed))
        few = images[:10]
        few = few if settings.binarisation.kind == "none" else binarise(few, settings.seed)
        figure = reconstruction_figure(model, few, seed=settings.seed)
        write_figure(folder / "reconstructions.png", figure)
    return model, metrics


def load_image_model(
    directory: str | os.PathLike[str],
) -> tuple[LatentVariableModel, ImageModelSettings]:
    """A model that `train_image_model` wrote, and its settings.

    Raises:
      DataError: if the folder holds no finished training, or a file in it is damaged.
    """
    settings = settings_of(directory)
    return load_model(Path(directory) / MODEL), settings


def _begin_with(model: LatentVariableModel, start: LatentVariableModel) -> None:
    # Images of another shape may have as many pixels, and so the same weights.
    expected, received = (
        [tuple(each.likelihood.event_shape), *(tuple(w.shape) for w in each.weights)]
        for each in (model, start)
    )
    if expected != received:
        raise DataError(
            f"start: expected a model with the weights of the one to be trained, {_told(model)}; "
            f"received {_told(start)}"
        )
    model.set_weights(start.get_weights())


def _told(model: LatentVariableModel) -> str:
    shape = tuple(model.likelihood.event_shape)
    return f"a {type(model).__name__} of {model.count_params():,} numbers for images {shape}"


def _fit(
    model: LatentVariableModel,
    images: NDArray[np.float32],
    run: RunFolder,
    settings: ImageModelSettings,
    progress: Progress,
) -> dict[str, Any]:
    passes = len(images) // settings.batch_size
    steps = settings.epochs * passes
    model.compile(
        FusedAdam(_schedule(settings.learning_rate, steps), epsilon=1e-4),
        settings.objective.make(),
        steps_per_execution=math.gcd(passes, _STEPS_PER_EXECUTION),
    )
    clock = TrainingClock()
    state = RunState(run, callbacks=[clock])
    data = binarised_batches(
        images,
        settings.batch_size,
        binarise=settings.binarisation.kind == "dynamic",
        seed=settings.seed,
        first_batch=state.epoch * passes,
    )
    bar = ProgressReport(progress, "Training (batches)", batches=passes, epochs=settings.epochs)
    try:
        model.fit(
            data,
            steps_per_epoch=passes,
            epochs=settings.epochs,
            initial_epoch=state.epoch,
            verbose=0,
            shuffle=False,  # The dataset has its own order.
            callbacks=[bar, NonFiniteGuard(), clock, *_temperature(settings, steps), state],
        )
    except NonFiniteLossError as error:
        raise DataError.at(run.path, str(error)) from error
    return {"history": state.history, "seconds": clock.seconds}


def _schedule(rate: LearningRate, steps: int) -> keras.optimizers.schedules.LearningRateSchedule:
    """Along a cosine to a hundredth, with a rise before it where one is asked for."""
    decay = keras.optimizers.schedules.CosineDecay
    if rate.warm_up_steps is None:
        return decay(rate.value, steps, alpha=0.01)
    rise = min(rate.warm_up_steps, steps // 2)
    return decay(0.0, steps - rise, alpha=0.01, warmup_target=rate.value, warmup_steps=rise)


def _temperature(settings: ImageModelSettings, steps: int) -> list[keras.callbacks.Callback]:
    """The schedule of the objective's temperature, exponential as that of Jang et al. (2017)."""
    objective = settings.objective
    if not isinstance(objective, Relaxed) or objective.temperature == objective.final_temperature:
        return []
    schedule = keras.optimizers.schedules.ExponentialDecay(
        objective.temperature, steps, objective.final_temperature / objective.temperature
    )
    return [ObjectiveSchedule("temperature", schedule)]


def _check_memory(settings: ImageModelSettings, images: NDArray[np.float32]) -> None:
    """Every value is decoded at once, for every image of a batch."""
    values = int(settings.num_latent_values)
    numbers = values * settings.batch_size * images[0].size
    if numbers > _MOST_NUMBERS:
        raise DataError(
            f"batch_size: expected at most {_MOST_NUMBERS // values // images[0].size} where "
            f"enumerated decodes {values:,} values for each image of {images[0].size:,} numbers; "
            f"received {settings.batch_size}"
        )
