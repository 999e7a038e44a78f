"""The job behind `dgm text-vae train`: settings -> training -> a folder of results."""

import dataclasses
import importlib.util
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np

from tfp_dgm import models, training
from tfp_dgm.data import DataError, atomic_write, read_sentences
from tfp_dgm.text import BucketedBatches, SubwordVocabulary, Vocabulary, WordVocabulary

from ._settings import DATA, named_files, write_settings
from ._text_vae_model import TextModel, build_model, build_schedule, compiled_model
from ._text_vae_samples import Samples, padded
from ._text_vae_sentences import read_texts
from ._text_vae_settings import TextVAESettings, check_settings

# Held-out sentences on which mutual information is watched.
_WATCHED = 500


def train(
    train_file: Path,
    valid_file: Path,
    directory: Path,
    settings: TextVAESettings,
    *,
    resume: bool,
    progress: training.Progress,
    say: Callable[[str], None],
) -> tuple[int, dict[str, float]]:
    """Trains, or goes on where a killed training stopped; fills the folder.

    It then holds model.keras, settings.json, history.json, samples.txt, logs/ for TensorBoard
    (where it is installed) and checkpoints/.

    Returns:
      The best epoch, counted from 1, whose weights are saved, and its numbers.
    """
    s = settings
    check_settings(s)
    state = directory / "checkpoints" / "training_state.npz"
    if directory.exists() and any(directory.iterdir()) and not resume:
        raise DataError(f"{directory}: not empty; give --resume, or another folder")
    if resume and state.exists() and _settings_of(directory) != _as_json(s):
        raise DataError(f"{directory}: was trained with other settings; --resume needs the same")
    keras.config.set_dtype_policy(s.precision)
    keras.utils.set_random_seed(s.seed)
    vocabulary = _fit_vocabulary(s, read_sentences(train_file).texts)
    rows, held_out = (
        read_texts(file, vocabulary, s.max_length) for file in (train_file, valid_file)
    )
    for warning in rows.warnings + held_out.warnings:
        say(f"Warning: {warning}")
    batches = BucketedBatches(rows.rows, s.batch_size, seed=s.seed)
    validation = BucketedBatches(held_out.rows, s.batch_size)
    say(
        f"{len(rows.rows):,} sentences, {batches.num_tokens:,} tokens of {vocabulary.size:,}; "
        f"{batches.padding_share:.1%} of the batches is padding"
    )
    model = compiled_model(s, vocabulary)
    stopping = keras.callbacks.EarlyStopping(
        "val_bound",
        mode="max",
        patience=s.patience,
        restore_best_weights=True,
        # The bound of a pretrained autoencoder, whose decoder is reset, is no mark to reach.
        start_from_epoch=s.pretraining_epochs if s.model == "vae" else 0,
    )
    tensorboard = importlib.util.find_spec("tensorboard") is not None
    callbacks: list[Any] = [training.NonFiniteGuard()]
    remembered: list[Any] = [stopping]
    if isinstance(model, models.TextVAE):
        sample = _sample(held_out.rows, s.seed)
        callbacks += _remedies(s, model, sample, batches)
        callbacks.append(training.CollapseWatch(sample, say=say))
        tab = directory / "logs" / "samples" if tensorboard else None
        callbacks.append(Samples(directory / "samples.txt", held_out.rows, s.seed, logs=tab))
        remembered += [c for c in callbacks if getattr(c, "state_names", ())]
    resumed = _Resume(directory / "checkpoints", callbacks=remembered)
    batches.epoch = resumed.epoch
    callbacks.append(stopping)
    callbacks.append(
        training.ProgressReport(progress, "training", batches=len(batches), epochs=s.epochs)
    )
    if tensorboard:
        callbacks.append(keras.callbacks.TensorBoard(directory / "logs", write_graph=False))
    callbacks.append(resumed)
    directory.mkdir(parents=True, exist_ok=True)
    data = named_files(train_file=train_file, valid_file=valid_file)
    write_settings(s, directory / "settings.json", data)
    try:
        model.fit(
            batches,
            validation_data=validation,
            # None are left where early stopping ended the training before the kill.
            epochs=resumed.epoch if resumed.stopped else s.epochs,
            initial_epoch=resumed.epoch,
            shuffle=False,
            verbose=0,
            callbacks=callbacks,
        )
    except training.NonFiniteLossError as error:
        raise DataError(f"{directory}: {error}") from error
    with atomic_write(directory / "history.json") as file:
        file.write(json.dumps(resumed.history, indent=1).encode())
    with atomic_write(directory / "model.keras") as file:
        _in_float32(model, s, vocabulary).save(file.name)
    return stopping.best_epoch + 1, resumed.history[stopping.best_epoch]


class _Resume(training.ResumeTraining):
    def on_train_begin(self, logs: Any = None) -> None:
        try:
            super().on_train_begin(logs)
        except DataError:
            raise
        except ValueError as error:
            raise DataError(
                f"--resume: the sentences or the program are others than before: {error}"
            ) from error


def _in_float32(model: TextModel, s: TextVAESettings, vocabulary: Vocabulary) -> TextModel:
    """The same model; in bfloat16, which each compiler rounds its way, answers would differ."""
    if s.precision == "float32":
        return model
    keras.config.set_dtype_policy("float32")
    same = build_model(s, vocabulary)
    same.build((None, None))
    same.set_weights(model.get_weights())
    same.compile(training.FusedAdam(s.learning_rate, clipnorm=s.clipnorm), model.objective)
    same.optimizer.build(same.trainable_variables)
    for variable, trained in zip(same.optimizer.variables, model.optimizer.variables, strict=True):
        variable.assign(trained)
    return same


def load_model(directory: Path) -> TextModel:
    """The trained model of a folder; raises a DataError where there is none."""
    path = directory / "model.keras" if directory.is_dir() else directory
    if not path.is_file():
        raise DataError(f"{directory}: no model here; `dgm text-vae train` makes one")
    model = models.load_model(path)
    if not isinstance(model, TextModel) or model.vocabulary is None:
        raise DataError(f"{path}: {type(model).__name__} is no text VAE with a vocabulary")
    return model


def vocabulary_of(model: TextModel) -> Vocabulary:
    """The vocabulary that `load_model` has seen to."""
    assert model.vocabulary is not None
    return model.vocabulary


def _fit_vocabulary(s: TextVAESettings, texts: list[str]) -> Vocabulary:
    common = {"size": s.vocabulary_size, "lower": s.lower}
    try:
        if s.vocabulary == "subwords":
            return SubwordVocabulary.fit(texts, **common)
        return WordVocabulary.fit(texts, split_punctuation=not s.tokenised, **common)
    except ValueError as error:
        raise DataError(f"settings: {error}") from error


def _remedies(
    s: TextVAESettings, model: models.TextVAE, sample: np.ndarray, batches: BucketedBatches
) -> list[keras.callbacks.Callback]:
    callbacks: list[keras.callbacks.Callback] = []
    schedule = build_schedule(s, len(batches))
    if schedule is not None:
        callbacks.append(training.KLWeightSchedule(schedule))
    if s.pretraining_epochs:
        decoder = [model.likelihood, model.prior_layer]
        callbacks.append(training.AutoencoderPretraining(s.pretraining_epochs, decoder))
    if s.aggressive:
        callbacks.append(
            training.AggressiveTraining(
                [model.encoder, model.posterior_layer],
                sample,
                batch_length=lambda i: float(batches.lengths[batches.index(i)].mean()),
            )
        )
    return callbacks


def _sample(rows: list[np.ndarray], seed: int) -> np.ndarray:
    chosen = np.random.default_rng(seed).permutation(len(rows))[:_WATCHED]
    return padded([rows[i] for i in chosen])


def _as_json(settings: TextVAESettings) -> Any:
    return json.loads(json.dumps(dataclasses.asdict(settings)))


def _settings_of(directory: Path) -> Any:
    """Those of an earlier training; what was no setting then has its default."""
    path = directory / "settings.json"
    if not path.is_file():
        return None
    settings = _as_json(TextVAESettings()) | json.loads(path.read_text())
    settings.pop(DATA, None)
    return settings
