"""The training of a model of texts: files of sentences in, a folder out."""

import dataclasses
import importlib.util
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from tfp_dgm import models, training
from tfp_dgm.data import DataError, atomic_write, read_sentences
from tfp_dgm.sentence_modelling.building import compiled_model, in_float32
from tfp_dgm.sentence_modelling.optimisation import build_schedule
from tfp_dgm.sentence_modelling.samples import Samples
from tfp_dgm.sentence_modelling.sentences import read_texts
from tfp_dgm.sentence_modelling.settings import TextModelSettings
from tfp_dgm.sentence_modelling.token_rows import padded
from tfp_dgm.settings import DATA, named_files, write_settings
from tfp_dgm.text import BucketedBatches, SubwordVocabulary, Vocabulary, WordVocabulary

# Held-out sentences on which mutual information is watched.
_WATCHED = 500


def train_text_model(
    train_file: str | os.PathLike[str],
    valid_file: str | os.PathLike[str],
    directory: str | os.PathLike[str],
    settings: TextModelSettings,
    *,
    resume: bool = False,
    progress: training.Progress = lambda step, done, total: None,
    say: Callable[[str], None] = print,
) -> tuple[int, dict[str, float]]:
    """Trains, or goes on where a killed training stopped; fills the folder.

    It then holds model.keras, settings.json, history.json, samples.txt, logs/ for TensorBoard
    (where it is installed) and checkpoints/.

    Args:
      train_file, valid_file: sentences, one a line, plain or gzipped; the second file decides which
        epoch is kept and when to stop.
      directory: made where it is missing.
      settings: see `TextModelSettings`.
      resume: go on where a training with the same settings was interrupted.
      progress: told of every batch.
      say: takes what a person should know, a sentence at a time.
    Returns:
      The best epoch, counted from 1, whose weights are saved, and its numbers.
    Raises:
      DataError: if the folder is in use, a file or the settings are at fault, or the loss is no
        number any more.
    """
    s, directory = settings, Path(directory)
    state = directory / "checkpoints" / "training_state.npz"
    if directory.exists() and any(directory.iterdir()) and not resume:
        raise DataError.at(directory, "not empty; give `resume`, or another folder")
    if resume and state.exists() and _settings_of(directory) != _as_json(s):
        raise DataError.at(directory, "was trained with other settings; `resume` needs the same")
    keras.config.set_dtype_policy(s.precision)
    keras.utils.set_random_seed(s.seed)
    vocabulary = fit_vocabulary(s, read_sentences(train_file).texts)
    rows, held_out = (
        read_texts(file, vocabulary, s.max_length) for file in (train_file, valid_file)
    )
    for warning in rows.warnings + held_out.warnings:
        say(f"Warning: {warning}")
    batches = BucketedBatches(rows.rows, s.batch_size, seed=s.seed)
    say(
        f"{len(rows.rows):,} sentences, {batches.num_tokens:,} tokens of {vocabulary.size:,}; "
        f"{batches.padding_share:.1%} of the batches is padding"
    )
    model = compiled_model(s, vocabulary, steps=len(batches))
    stopping = keras.callbacks.EarlyStopping(
        "val_bound",
        mode="max",
        patience=s.patience,
        restore_best_weights=True,
        # The bound of a pretrained autoencoder, whose decoder is reset, is no mark to reach.
        start_from_epoch=s.pretraining_epochs,
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
    data = named_files(train_file=Path(train_file), valid_file=Path(valid_file))
    write_settings(s, directory / "settings.json", data)
    try:
        model.fit(
            batches,
            validation_data=BucketedBatches(held_out.rows, s.batch_size),
            # None are left where early stopping ended the training before the kill.
            epochs=resumed.epoch if resumed.stopped else s.epochs,
            initial_epoch=resumed.epoch,
            shuffle=False,
            verbose=0,
            callbacks=callbacks,
        )
    except training.NonFiniteLossError as error:
        raise DataError.at(directory, str(error)) from error
    with atomic_write(directory / "history.json") as file:
        file.write(json.dumps(resumed.history, indent=1).encode())
    with atomic_write(directory / "model.keras") as file:
        in_float32(model, s, vocabulary, steps=len(batches)).save(file.name)
    return stopping.best_epoch + 1, resumed.history[stopping.best_epoch]


class _Resume(training.ResumeTraining):
    def on_train_begin(self, logs: Any = None) -> None:
        try:
            super().on_train_begin(logs)
        except DataError:
            raise
        except ValueError as error:
            raise DataError(
                f"`resume`: the sentences or the program are others than before: {error}"
            ) from error


def fit_vocabulary(s: TextModelSettings, texts: list[str]) -> Vocabulary:
    """The tokens of the texts, as the settings ask for them.

    Raises:
      DataError: if the settings leave none.
    """
    chosen = s.vocabulary
    common: dict[str, Any] = {"size": chosen.size, "lower": chosen.lower}
    try:
        if chosen.kind == "subwords":
            return SubwordVocabulary.fit(texts, **common)
        return WordVocabulary.fit(texts, split_punctuation=not chosen.tokenised, **common)
    except ValueError as error:
        raise DataError(f"settings: {error}") from error


def _remedies(
    s: TextModelSettings, model: models.TextVAE, sample: NDArray[np.int32], batches: BucketedBatches
) -> list[keras.callbacks.Callback]:
    callbacks: list[keras.callbacks.Callback] = []
    schedule = build_schedule(s, len(batches))
    if schedule is not None:
        callbacks.append(training.KLWeightSchedule(schedule))
    if s.pretraining_epochs:
        decoder = [model.likelihood, model.prior_layer]
        callbacks.append(training.AutoencoderPretraining(s.pretraining_epochs, decoder))
    if s.remedies.aggressive:
        callbacks.append(
            training.AggressiveTraining(
                [model.encoder, model.posterior_layer],
                sample,
                batch_length=lambda i: float(batches.lengths[batches.index(i)].mean()),
            )
        )
    return callbacks


def _sample(rows: list[np.ndarray], seed: int) -> NDArray[np.int32]:
    chosen = np.random.default_rng(seed).permutation(len(rows))[:_WATCHED]
    return padded([rows[i] for i in chosen])


def _as_json(settings: TextModelSettings) -> Any:
    return json.loads(json.dumps(dataclasses.asdict(settings)))


def _settings_of(directory: Path) -> Any:
    """Those of an earlier training; what was no setting then has its default."""
    path = directory / "settings.json"
    if not path.is_file():
        return None
    settings = _as_json(TextModelSettings()) | json.loads(path.read_text())
    settings.pop(DATA, None)
    return settings
