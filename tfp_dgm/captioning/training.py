"""The training of a captioner: captions and images in, a model folder out."""

import math
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np

from tfp_dgm.captioning.batches import CaptionBatches
from tfp_dgm.captioning.building import (
    AnnealResponsibilities,
    build_captioner,
    make_encoder,
    make_objective,
    make_text_encoder,
    make_vocabulary,
)
from tfp_dgm.captioning.images import encode_images
from tfp_dgm.captioning.run import MODEL, settings_of
from tfp_dgm.captioning.settings import CaptionSettings
from tfp_dgm.captioning.sources import CaptionedSources, token_rows
from tfp_dgm.data import RunFolder, digest, write_json
from tfp_dgm.installed_versions import installed_versions
from tfp_dgm.models import MixtureOfExpertsCaptioner, load_model
from tfp_dgm.text import Vocabulary
from tfp_dgm.training import (
    FusedAdam,
    NonFiniteGuard,
    Progress,
    ProgressReport,
    RunState,
    Workers,
)


@dataclass(frozen=True)
class TrainedCaptioner:
    """What training gave.

    Attributes:
      model: takes what it was trained on: images, features or texts (as token ids).
      history: the logs of each epoch.
      metrics: numbers of the best epoch.
    """

    model: MixtureOfExpertsCaptioner
    history: list[dict[str, float]]
    metrics: dict[str, Any]


def train_captioner(
    train: CaptionedSources,
    validation: CaptionedSources,
    run: RunFolder,
    settings: CaptionSettings,
    *,
    workers: Workers | None = None,
    progress: Progress = lambda step, done, total: None,
) -> TrainedCaptioner:
    """Trains a captioner and finishes its run.

    The folder then holds `captioner.keras` and `metrics.json` beside what is every run's, and
    `cache/` with what is computed once, which may be deleted.

    Args:
      train: what is learnt from.
      validation: what decides when to stop, and which epoch is kept.
      run: the folder that `claim_run` claimed, entered; an interrupted run goes on in it.
      settings: those of the claim.
      workers: who train together, each with a claim of its own; None for this process alone.
      progress: told of every epoch.
    Raises:
      DataError: if the run was begun with other data; if workers were given other settings or data.
      LostWorkerError: see `training.join_workers`.
      NonFiniteLossError: if a term of the loss is no number any more.
    """
    workers = Workers() if workers is None else workers
    digests = {"train": _digest(train), "validation": _digest(validation)}
    run.require_data(digests)
    workers.require_same(settings=asdict(settings), data=digests, versions=installed_versions())
    keras.utils.set_random_seed(settings.seed)
    vocabulary = make_vocabulary(settings, train.texts, settings.max_length, "vocabulary")
    encoder, source_vocabulary = None, None
    inputs = [train.sources, validation.sources]
    if train.kind == "images":
        encoder = make_encoder(settings)
    elif train.kind == "texts":
        source_vocabulary = make_vocabulary(
            settings, train.captions.names, settings.source_max_length, "source_vocabulary"
        )
        encoder = make_text_encoder(settings, source_vocabulary)
        inputs = [token_rows(source_vocabulary, list(texts)) for texts in inputs]
    frozen = None if encoder is None or encoder.trainable else encoder
    if frozen is not None:
        encoder = None
        inputs = [
            _features(run.path, frozen, captioned, settings, progress)
            for captioned in (train, validation)
        ]
    train_batches, validation_batches = (
        CaptionBatches(
            sources,
            captioned.source_of,
            vocabulary.encode_all(captioned.texts),
            settings.batch_size,
            seed=seed,
        )
        for sources, captioned, seed in zip(
            inputs, (train, validation), (settings.seed, None), strict=True
        )
    )
    prepared = PreparedCaptions(
        train=train_batches,
        validation=validation_batches,
        vocabulary=vocabulary,
        source_vocabulary=source_vocabulary,
        encoder=encoder,
        units=_feature_units(encoder, inputs[0]),
        sources={
            "train": len(train.captions.names),
            "validation": len(validation.captions.names),
        },
        warnings=train.captions.warnings + validation.captions.warnings,
    )

    def with_frozen(model: MixtureOfExpertsCaptioner) -> MixtureOfExpertsCaptioner:
        if frozen is None:
            return model
        model = model.with_encoder(frozen)
        model.build({"source": (None, *train.sources.shape[1:]), "token_ids": (None, None)})
        return model

    return train_prepared(
        prepared, run, settings, workers=workers, progress=progress, finished=with_frozen
    )


@dataclass(frozen=True)
class PreparedCaptions:
    """What a captioner is built and trained on.

    Attributes:
      train, validation: batches of what is learnt from, and of what decides when to stop.
      vocabulary: of the captions.
      source_vocabulary: of sources that are texts; None of others.
      encoder: of the sources; None where they are features.
      units: of what the decoders read.
      sources: how many there are of each, for the metrics.
      warnings: what was left out, and why.
    """

    train: CaptionBatches
    validation: CaptionBatches
    vocabulary: Vocabulary
    source_vocabulary: Vocabulary | None
    encoder: keras.Layer | None
    units: int
    sources: dict[str, int]
    warnings: list[str]


def train_prepared(
    prepared: PreparedCaptions,
    run: RunFolder,
    settings: CaptionSettings,
    *,
    workers: Workers,
    progress: Progress,
    finished: Callable[[MixtureOfExpertsCaptioner], MixtureOfExpertsCaptioner] = lambda model: (
        model
    ),
) -> TrainedCaptioner:
    """Builds a captioner, trains it, and finishes its run; see `train_captioner`.

    Args:
      finished: the model that was trained -> the one that is saved.
    """
    with workers.scope():
        model = build_captioner(
            settings,
            prepared.vocabulary,
            prepared.units,
            prepared.encoder,
            prepared.source_vocabulary,
        )
        model.compile(
            FusedAdam(settings.learning_rate, clipnorm=settings.clip_norm),
            make_objective(settings),
        )
        first = prepared.train[0][0]
        model.build({name: (None, *value.shape[1:]) for name, value in first.items()})
    history = _fit(model, prepared.train, prepared.validation, run, settings, workers, progress)
    model = finished(model)
    metrics = _metrics(history, prepared, settings)
    with run.results() as folder:
        model.save(folder / MODEL)
        write_json(folder / "metrics.json", metrics)
    return TrainedCaptioner(model, history, metrics)


def load_captioner(
    directory: str | os.PathLike[str],
) -> tuple[MixtureOfExpertsCaptioner, CaptionSettings]:
    """A trained captioner and its settings, from the folder that `train_captioner` wrote.

    Raises:
      DataError: if the folder holds no finished training, or a file in it is damaged.
    """
    settings = settings_of(Path(directory))
    return load_model(Path(directory) / MODEL), settings


def _digest(captioned: CaptionedSources) -> str:
    # Sources that are texts are the captions' own names.
    sources = [] if captioned.kind == "texts" else [captioned.sources]
    return digest(captioned.captions.names, captioned.source_of, captioned.texts, *sources)


def _features(
    folder: Path,
    encoder: keras.Layer,
    captioned: CaptionedSources,
    settings: CaptionSettings,
    progress: Progress,
) -> np.ndarray:
    """A frozen encoder's features, kept under a name that tells images and encoder."""
    identity = digest(asdict(settings), captioned.captions.names)
    (folder / "cache").mkdir(exist_ok=True)
    path = folder / "cache" / f"features-{identity}.npy"
    return encode_images(encoder, captioned.sources, cache=path, progress=progress)


def _feature_units(encoder: keras.Layer | None, inputs: np.ndarray) -> int:
    if encoder is None:
        return inputs.shape[-1]
    return encoder.compute_output_shape((None, *inputs.shape[1:]))[-1]


def _fit(
    model: MixtureOfExpertsCaptioner,
    train: CaptionBatches,
    validation: CaptionBatches,
    run: RunFolder,
    settings: CaptionSettings,
    workers: Workers,
    progress: Progress,
) -> list[dict[str, float]]:
    stopping = keras.callbacks.EarlyStopping(
        "val_bound", mode="max", patience=settings.patience, restore_best_weights=True
    )
    state = RunState(run, callbacks=[stopping], workers=workers)
    train.epoch = state.epoch
    chosen = settings.objective
    annealing = []
    if chosen.kind != "score-function" and chosen.kind != "gumbel":
        annealing = [AnnealResponsibilities(chosen.temperature, chosen.anneal_epochs)]
    model.fit(  # Without an epoch left, it brings the best weights back.
        train,
        validation_data=validation,
        epochs=state.epoch if state.stopped else settings.epochs,
        initial_epoch=state.epoch,
        shuffle=False,
        verbose=0,
        callbacks=[
            *annealing,
            _Report(progress, "Training", batches=len(train), epochs=settings.epochs),
            NonFiniteGuard(),
            stopping,
            state,
        ],
    )
    return state.history


class _Report(ProgressReport):
    """Also tells each epoch's bound and usage."""

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        bound = (logs or {}).get("val_bound", math.nan)
        usage = [value for name, value in (logs or {}).items() if name.startswith("val_usage_")]
        shares = " ".join(f"{value:.2f}" for value in usage[:-1])
        step = f"Epoch {epoch + 1}: validation bound {bound:.2f} nats, usage {shares}"
        self.progress(step, self.batches, self.batches)


def _metrics(
    history: list[dict[str, float]], prepared: PreparedCaptions, settings: CaptionSettings
) -> dict[str, Any]:
    best = int(np.argmax([logs["val_bound"] for logs in history]))
    return {
        "sources": prepared.sources,
        "captions": {
            "train": len(prepared.train.rows),
            "validation": len(prepared.validation.rows),
        },
        "vocabulary": prepared.vocabulary.size,
        "padding_share": prepared.train.padding_share,
        "epochs": len(history),
        "best_epoch": best + 1,
        "validation": {
            name.removeprefix("val_"): value
            for name, value in history[best].items()
            if name.startswith("val_")
        },
        "warnings": prepared.warnings,
        "history": history,
        "max_usage_entropy": math.log(settings.num_experts),
    }
