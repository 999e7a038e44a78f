"""What a training does besides taking steps."""

import importlib.util
from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from tfp_dgm import training
from tfp_dgm.data import RunFolder
from tfp_dgm.models import TextVAE
from tfp_dgm.sentence_modelling.building import TextModel
from tfp_dgm.sentence_modelling.extra_batches import ExtraBatches
from tfp_dgm.sentence_modelling.optimisation import build_schedule
from tfp_dgm.sentence_modelling.samples import Samples
from tfp_dgm.sentence_modelling.settings import TextModelSettings
from tfp_dgm.sentence_modelling.token_rows import padded
from tfp_dgm.text import BucketedBatches

# Held-out sentences on which mutual information is watched.
_WATCHED = 500


def callbacks_of(
    settings: TextModelSettings,
    model: TextModel,
    batches: BucketedBatches,
    held_out: Sequence[NDArray[np.integer]],
    run: RunFolder,
    *,
    workers: training.Workers,
    progress: training.Progress,
    say: Callable[[str], None],
) -> tuple[list[Any], keras.callbacks.EarlyStopping, training.RunState]:
    """All callbacks of a training in their order; and of them what keeps the best epoch, the state.

    The first of the held-out sentences are watched: whether the latent is used, and what is drawn.
    """
    objective = model.objective
    stopping = keras.callbacks.EarlyStopping(
        f"val_{objective.log_names.get('bound', 'bound')}",
        mode="max",
        patience=settings.patience,
        restore_best_weights=True,
        # The bound of a pretrained autoencoder, whose decoder is reset, is no mark to reach.
        start_from_epoch=settings.pretraining_epochs,
    )
    callbacks: list[Any] = [training.NonFiniteGuard()]
    tensorboard = importlib.util.find_spec("tensorboard") is not None
    logs = run.path / "logs"
    if isinstance(model, TextVAE):
        watched = padded(held_out[:_WATCHED])
        callbacks += _remedies(settings, model, watched, batches)
        if objective.bounds_log_likelihood:  # What it measures takes densities.
            callbacks.append(training.CollapseWatch(watched, say=say))
        tab = logs / "samples" if tensorboard else None
        callbacks.append(Samples(run.path / "samples.txt", held_out, settings.seed, logs=tab))
    remembered = [c for c in callbacks if getattr(c, "state_names", ())]
    state = training.RunState(run, callbacks=[stopping, *remembered], workers=workers)
    callbacks.append(stopping)
    callbacks.append(
        training.ProgressReport(progress, "training", batches=len(batches), epochs=settings.epochs)
    )
    if tensorboard:
        callbacks.append(keras.callbacks.TensorBoard(logs, write_graph=False))
    return [*callbacks, state], stopping, state


def _remedies(
    settings: TextModelSettings,
    model: TextVAE,
    watched: NDArray[np.int32],
    batches: BucketedBatches,
) -> list[keras.callbacks.Callback]:
    callbacks: list[keras.callbacks.Callback] = []
    schedule = build_schedule(settings, len(batches))
    if schedule is not None:
        callbacks.append(training.KLWeightSchedule(schedule))
    if settings.pretraining_epochs:
        decoder = [model.likelihood, model.prior_layer]
        callbacks.append(training.AutoencoderPretraining(settings.pretraining_epochs, decoder))
    if settings.remedies.aggressive:
        extra = ExtraBatches(batches)
        callbacks.append(
            training.AggressiveTraining(
                [model.encoder, model.posterior_layer],
                watched,
                extra.batch,
                batch_length=extra.mean_length,
            )
        )
    return callbacks
