"""The training of a model of texts: files of sentences in, a folder out."""

import os
from collections.abc import Callable, Iterable
from dataclasses import asdict
from typing import Any

import keras

from tfp_dgm import training
from tfp_dgm.data import DataError, RunFolder
from tfp_dgm.installed_versions import installed_versions
from tfp_dgm.sentence_modelling.building import compiled_model, in_float32
from tfp_dgm.sentence_modelling.callbacks import callbacks_of
from tfp_dgm.sentence_modelling.precision import computing_in
from tfp_dgm.sentence_modelling.run import MODEL
from tfp_dgm.sentence_modelling.sentence_files import SentenceFiles, store_texts
from tfp_dgm.sentence_modelling.settings import TextModelSettings
from tfp_dgm.text import BucketedBatches, SubwordVocabulary, Vocabulary, WordVocabulary

Path = str | os.PathLike[str]
# Beside the state, with which it goes; hidden, since no run resumes from it.
_STORE = ".token_ids"


def train_text_model(
    train_file: Path,
    valid_file: Path,
    run: RunFolder,
    settings: TextModelSettings,
    *,
    text_column: str = "text",
    workers: training.Workers | None = None,
    progress: training.Progress = lambda step, done, total: None,
    say: Callable[[str], None] = print,
) -> tuple[int, dict[str, float]]:
    """Trains a model of texts and finishes its run.

    The folder then holds model.keras, samples.txt and, where TensorBoard is installed, logs/,
    beside what is every run's.

    Args:
      train_file, valid_file: sentences in a file, in a folder's or in a pattern's (see
        `data.find_shards`): lines of text, plain or gzipped, tables, or TFRecords. The second
        decides which epoch is kept and when to stop. Its first 500 sentences are watched: shuffle a
        sorted file.
      run: the folder that `claim_run` claimed, entered; an interrupted run goes on in it.
      settings: those of the claim.
      text_column: of a table, or the feature of a TFRecord's examples, that holds the sentences.
      workers: who train together, each with a claim of its own; None for this process alone.
      progress: told of every batch.
      say: takes what a person should know, a sentence at a time.
    Returns:
      The best epoch, counted from 1, whose weights are saved, and its numbers.
    Raises:
      DataError: if a file or the settings are at fault, the run was begun with other sentences, or
        the loss is no number any more; if workers were given other settings or sentences.
      LostWorkerError: see `training.join_workers`.
    """
    with computing_in(settings.precision):
        try:
            return _train(
                SentenceFiles(train_file, text_column),
                SentenceFiles(valid_file, text_column),
                run,
                settings,
                training.Workers() if workers is None else workers,
                progress,
                say,
            )
        except training.NonFiniteLossError as error:
            raise DataError.at(run.path, str(error)) from error


def _train(
    learnt: SentenceFiles,
    judged: SentenceFiles,
    run: RunFolder,
    settings: TextModelSettings,
    workers: training.Workers,
    progress: training.Progress,
    say: Callable[[str], None],
) -> tuple[int, dict[str, float]]:
    if workers.cluster is not None and settings.remedies.aggressive:
        raise DataError("settings: remedies.aggressive is for one process; received several")
    keras.utils.set_random_seed(settings.seed)
    vocabulary = fit_vocabulary(settings, learnt)
    store = run.state / _STORE
    rows, held_out = (
        store_texts(files, vocabulary, settings.max_length, store / name)
        for files, name in ((learnt, "train"), (judged, "valid"))
    )
    digests = {"train_file": rows.digest, "valid_file": held_out.digest}
    run.require_data(digests)
    workers.require_same(settings=asdict(settings), data=digests, versions=installed_versions())
    for warning in rows.warnings + held_out.warnings:
        say(f"Warning: {warning}")
    batches = BucketedBatches(rows.rows, settings.batch_size, seed=settings.seed)
    say(
        f"{len(rows.rows):,} sentences, {batches.num_tokens:,} tokens of {vocabulary.size:,}; "
        f"{batches.padding_share:.1%} of the batches is padding"
    )
    with workers.scope():
        model = compiled_model(settings, vocabulary, steps=len(batches))
    callbacks, stopping, state = callbacks_of(
        settings, model, batches, held_out.rows, run, workers=workers, progress=progress, say=say
    )
    batches.epoch = state.epoch
    model.fit(
        batches,
        validation_data=BucketedBatches(held_out.rows, settings.batch_size),
        # None are left where early stopping ended the training before the kill.
        epochs=state.epoch if state.stopped else settings.epochs,
        initial_epoch=state.epoch,
        shuffle=False,
        verbose=0,
        callbacks=callbacks,
    )
    with run.results() as folder:
        in_float32(model, settings, vocabulary, steps=len(batches)).save(folder / MODEL)
    return stopping.best_epoch + 1, state.history[stopping.best_epoch]


def fit_vocabulary(settings: TextModelSettings, texts: Iterable[str]) -> Vocabulary:
    """The tokens of the texts, as the settings ask for them.

    Raises:
      DataError: if the settings leave none.
    """
    chosen = settings.vocabulary
    common: dict[str, Any] = {"size": chosen.size, "lower": chosen.lower}
    try:
        if chosen.kind == "subwords":
            return SubwordVocabulary.fit(texts, **common)
        fitted = WordVocabulary.fit(texts, split_punctuation=not chosen.tokenised, **common)
    except ValueError as error:
        raise DataError(f"settings: {error}") from error
    if not chosen.unused:
        return fitted
    tokens = [*fitted.tokens, *(f"[unused{i}]" for i in range(chosen.unused))]
    return WordVocabulary(tokens, split_punctuation=not chosen.tokenised, lower=chosen.lower)
