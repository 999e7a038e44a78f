"""The training of a captioner: captions and images in, a model folder out."""

import hashlib
import json
import math
import os
from collections.abc import Mapping
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
from tfp_dgm.captioning.settings import CaptionSettings
from tfp_dgm.captioning.sources import CaptionedSources, token_rows
from tfp_dgm.data import DataError, atomic_write
from tfp_dgm.models import MixtureOfExpertsCaptioner, load_model
from tfp_dgm.text import Vocabulary
from tfp_dgm.training import (
    FusedAdam,
    NonFiniteGuard,
    Progress,
    ProgressReport,
    ResumeTraining,
)

MODEL = "captioner.keras"
SETTINGS = "settings.json"
METRICS = "metrics.json"
_CHECKPOINT = "checkpoint"
_DATA = "data"  # Beside the settings.


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
    directory: str | os.PathLike[str],
    settings: CaptionSettings,
    *,
    data: Mapping[str, str] | None = None,
    resume: bool = False,
    progress: Progress = lambda step, done, total: None,
) -> TrainedCaptioner:
    """Trains a captioner and writes its folder.

    The folder holds `captioner.keras`, `settings.json` and `metrics.json`; `checkpoint/`, from
    which a killed training goes on to the same numbers, or a finished one for more epochs; and
    `cache/` with what is computed once, which may be deleted.

    Args:
      train: what is learnt from.
      validation: what decides when to stop, and which epoch is kept.
      directory: the folder, made where it is missing.
      settings: see `CaptionSettings`.
      data: where captions and sources come from, to be named in `settings.json`.
      resume: go on where a training with the same settings was interrupted.
      progress: told of every epoch.
    Raises:
      DataError: if the folder is another training's, or there is nothing to resume.
      NonFiniteLossError: if a term of the loss is no number any more.
    """
    folder = Path(directory)
    _prepare(folder, settings, dict(data or {}), resume)
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
    frozen = encoder is not None and not encoder.trainable
    if frozen:
        inputs = [
            _features(folder, encoder, captioned, settings, progress)
            for captioned in (train, validation)
        ]
    units = _feature_units(encoder, inputs[0], frozen)
    model = build_captioner(
        settings, vocabulary, units, None if frozen else encoder, source_vocabulary
    )
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
    history = _fit(model, train_batches, validation_batches, folder, settings, progress)
    if frozen:
        model = model.with_encoder(encoder)
        model.build({"source": (None, *train.sources.shape[1:]), "token_ids": (None, None)})
    metrics = _metrics(history, train, validation, train_batches, vocabulary, settings)
    with atomic_write(folder / MODEL) as file:
        model.save(file.name)
    _write_json(folder / METRICS, metrics)
    return TrainedCaptioner(model, history, metrics)


def load_captioner(
    directory: str | os.PathLike[str],
) -> tuple[MixtureOfExpertsCaptioner, CaptionSettings]:
    """A trained captioner and its settings, from the folder that `train_captioner` wrote.

    Raises:
      DataError: if the folder holds no finished training, or a file in it is damaged.
    """
    folder = Path(directory)
    if not (folder / MODEL).exists():
        raise DataError.at(folder, f"expected the folder of a finished training, with {MODEL}")
    try:
        written = _read_json(folder / SETTINGS)
        settings = CaptionSettings(**{k: v for k, v in written.items() if k != _DATA})
    except TypeError as error:
        raise DataError.at(
            folder / SETTINGS, f"expected the settings of a training; {error}"
        ) from error
    return load_model(folder / MODEL), settings


def _prepare(folder: Path, settings: CaptionSettings, data: dict[str, str], resume: bool) -> None:
    known = {MODEL, f".{MODEL}", SETTINGS, METRICS, _CHECKPOINT, "cache", "captions.html"}
    if folder.exists():
        strangers = sorted(path.name for path in folder.iterdir() if path.name not in known)
        if strangers:
            raise DataError.at(folder, f"holds {strangers[0]!r}, which no training wrote")
    folder.mkdir(parents=True, exist_ok=True)
    before = _read_json(folder / SETTINGS) if (folder / SETTINGS).exists() else None
    if resume:
        if before is None:
            raise DataError.at(folder, f"there is nothing to resume: no {SETTINGS}")
        changed = [
            name
            for name, value in asdict(settings).items()
            if before.get(name) != value and name != "epochs"
        ]
        if changed:
            raise DataError.at(
                folder,
                f"the interrupted training had {changed[0]}={before.get(changed[0])!r}; "
                f"received {asdict(settings)[changed[0]]!r}",
            )
    elif before is not None:
        raise DataError.at(folder, "holds a training already; resume it, or name another folder")
    _write_json(folder / SETTINGS, {**asdict(settings), _DATA: data})


def _features(
    folder: Path,
    encoder: keras.Layer,
    captioned: CaptionedSources,
    settings: CaptionSettings,
    progress: Progress,
) -> np.ndarray:
    """A frozen encoder's features, kept under a name that tells images and encoder."""
    identity = json.dumps([asdict(settings), captioned.captions.names], sort_keys=True)
    digest = hashlib.sha256(identity.encode()).hexdigest()[:16]
    (folder / "cache").mkdir(exist_ok=True)
    path = folder / "cache" / f"features-{digest}.npy"
    return encode_images(encoder, captioned.sources, cache=path, progress=progress)


def _feature_units(encoder: keras.Layer | None, inputs: np.ndarray, frozen: bool) -> int:
    if encoder is None or frozen:
        return inputs.shape[-1]
    return encoder.compute_output_shape((None, *inputs.shape[1:]))[-1]


def _fit(
    model: MixtureOfExpertsCaptioner,
    train: CaptionBatches,
    validation: CaptionBatches,
    folder: Path,
    settings: CaptionSettings,
    progress: Progress,
) -> list[dict[str, float]]:
    model.compile(
        FusedAdam(settings.learning_rate, clipnorm=settings.clip_norm or None),
        make_objective(settings),
    )
    model.build({name: (None, *value.shape[1:]) for name, value in train[0][0].items()})
    stopping = keras.callbacks.EarlyStopping(
        "val_bound", mode="max", patience=settings.patience, restore_best_weights=True
    )
    resume = ResumeTraining(folder / _CHECKPOINT, callbacks=[stopping])
    train.epoch = resume.epoch
    goes_on = _goes_on(resume.history, settings.patience)
    model.fit(  # Without an epoch left, it brings the best weights back.
        train,
        validation_data=validation,
        epochs=max(resume.epoch, settings.epochs) if goes_on else resume.epoch,
        initial_epoch=resume.epoch,
        shuffle=False,
        verbose=0,
        callbacks=[
            AnnealResponsibilities(settings.temperature, settings.anneal_epochs),
            _Report(progress, "Training", batches=len(train), epochs=settings.epochs),
            NonFiniteGuard(),
            stopping,
            resume,
        ],
    )
    return resume.history


def _goes_on(history: list[dict[str, float]], patience: int) -> bool:
    """Whether early stopping has not stopped after these epochs."""
    bounds = [logs["val_bound"] for logs in history]
    return not bounds or len(bounds) - 1 - int(np.argmax(bounds)) < patience


class _Report(ProgressReport):
    """Also tells each epoch's bound and usage."""

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        bound = (logs or {}).get("val_bound", math.nan)
        usage = [value for name, value in (logs or {}).items() if name.startswith("val_usage_")]
        shares = " ".join(f"{value:.2f}" for value in usage[:-1])
        step = f"Epoch {epoch + 1}: validation bound {bound:.2f} nats, usage {shares}"
        self.progress(step, self.batches, self.batches)


def _metrics(
    history: list[dict[str, float]],
    train: CaptionedSources,
    validation: CaptionedSources,
    batches: CaptionBatches,
    vocabulary: Vocabulary,
    settings: CaptionSettings,
) -> dict[str, Any]:
    best = int(np.argmax([logs["val_bound"] for logs in history]))
    return {
        "sources": {
            "train": len(train.captions.names),
            "validation": len(validation.captions.names),
        },
        "captions": {"train": len(train.texts), "validation": len(validation.texts)},
        "vocabulary": vocabulary.size,
        "padding_share": batches.padding_share,
        "epochs": len(history),
        "best_epoch": best + 1,
        "validation": {
            name.removeprefix("val_"): value
            for name, value in history[best].items()
            if name.startswith("val_")
        },
        "history": history,
        "warnings": train.captions.warnings + validation.captions.warnings,
        "max_usage_entropy": math.log(settings.num_experts),
    }


def _write_json(path: Path, content: Any) -> None:
    with atomic_write(path) as file:
        file.write((json.dumps(content, indent=2) + "\n").encode())


def _read_json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError.at(path, f"cannot be read: {error}") from error
