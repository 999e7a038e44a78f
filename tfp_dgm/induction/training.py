"""The induction of tags: plain text in; a model, tagged sentences and a page out."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tfp_dgm import models, training
from tfp_dgm.data import DataError, RunFolder, write_conllu
from tfp_dgm.evaluation import tag_induction_scores
from tfp_dgm.induction.batches import batches_by_length, places_by_length
from tfp_dgm.induction.building import build_embedding
from tfp_dgm.induction.kept_starts import best_of_starts
from tfp_dgm.induction.report import render_report
from tfp_dgm.induction.results import write_results
from tfp_dgm.induction.sentences import Sentences, read_words, read_words_of_run
from tfp_dgm.induction.settings import TagSettings
from tfp_dgm.induction.starts import train_start, untrained
from tfp_dgm.text import WordVocabulary


def induce_tags(
    text_file: str | os.PathLike[str],
    run: RunFolder,
    settings: TagSettings,
    *,
    processes: int = 1,
    progress: training.Progress = lambda step, done, total: None,
    say: Callable[[str], None] = print,
) -> dict[str, Any]:
    """Finds tags of the words of a text, and finishes the run.

    The folder then holds model.keras, saved_model/ (text in, tokens and tags out), tagged.conllu
    (every sentence, the tags as XPOS), metrics.json, history.json and report.html, beside what is
    every run's. A run that was interrupted goes on after the last start that had ended.

    Args:
      text_file: see `read_words`.
      run: the folder that `claim_tags` claimed, entered.
      settings: those of the claim.
      processes: so many starts are trained at once, each in a process of its own.
      progress: told of iterations and epochs.
      say: takes what a person should know, a sentence at a time.
    Returns:
      What metrics.json holds: counts, log-likelihood (nats a word) and, where the file has tags,
      `evaluation.tag_induction_scores` of all words.
    Raises:
      DataError: if the file or the settings are at fault, the run was begun with another text, or
        a loss is no number any more.
    """
    sentences = read_words_of_run(text_file, run, say)
    if sentences.annotations is not None and sentences.gold_tags(settings.gold) is None:
        say(f"Warning: not every word has a tag in the column {settings.gold}: nothing is compared")
    if settings.num_tags > sentences.num_words:
        raise DataError(
            f"settings: num_tags must be at most the number of words, {sentences.num_words}; "
            f"received {settings.num_tags}"
        )
    learner = _TagLearner(settings, sentences)
    say(
        f"{len(learner.rows):,} sentences, {sentences.num_words:,} words of "
        f"{learner.vocabulary.size:,}; {settings.num_tags} tags"
    )
    tagger, curves, best = best_of_starts(
        run,
        range(settings.seed, settings.seed + settings.starts),
        learner,
        functools.partial(_learner_of, text_file, settings),
        processes=processes,
        progress=progress,
    )
    tags = tag(tagger, learner.rows)
    numbers = _metrics(settings, sentences, tags, curves[best][-1])
    names = tag_names(settings.num_tags)
    page = render_report(
        Path(text_file).name, sentences.words, tags, names, numbers, curves, best=best
    )
    write_results(
        run,
        tagger,
        numbers,
        curves,
        page,
        lambda folder: _write_sentences(folder / "tagged.conllu", sentences.forms, tags, names),
    )
    return numbers


def fit_vocabulary(settings: TagSettings, sentences: Sentences) -> WordVocabulary:
    """The words of the text."""
    try:
        return WordVocabulary.fit(
            sentences.texts,
            size=settings.vocabulary_size,
            lower=settings.lower,
            split_punctuation=False,
        )
    except ValueError as error:
        raise DataError(f"settings: {error}") from error


def token_rows(vocabulary: WordVocabulary, sentences: Sentences) -> list[NDArray[np.int32]]:
    """The token ids of every sentence, without END."""
    return [row[:-1] for row in vocabulary.encode_all(sentences.texts)]


def tag(
    tagger: models.StructuredLanguageModel, rows: Sequence[NDArray[np.int32]]
) -> list[NDArray[np.int32]]:
    """The best tags of sentences, the likeliest sequence of each."""
    found: list[NDArray[np.int32]] = [np.empty(0, np.int32)] * len(rows)
    for places, batch in zip(places_by_length(rows), batches_by_length(rows), strict=True):
        best = tagger.structure(batch).mode().numpy()
        for place, states in zip(places, best, strict=True):
            found[place] = states[: len(rows[place])]
    return found


def tag_names(num_tags: int) -> list[str]:
    """T00, T01 and so on, of one width."""
    width = max(2, len(str(num_tags - 1)))
    return [f"T{number:0{width}}" for number in range(num_tags)]


class _TagLearner:
    """The vocabulary and the vectors of a text, and what is trained with them."""

    def __init__(self, settings: TagSettings, sentences: Sentences) -> None:
        self.vocabulary = fit_vocabulary(settings, sentences)
        self.rows = token_rows(self.vocabulary, sentences)
        self._embedding = build_embedding(settings, self.vocabulary, self.rows)
        self._settings = settings

    def train(
        self, seed: int, progress: training.Progress
    ) -> tuple[models.StructuredLanguageModel, list[float]]:
        start = train_start(
            self._settings, self.vocabulary, self._embedding, self.rows, seed, progress=progress
        )
        return start.tagger, start.log_likelihood

    def untrained(self) -> models.StructuredLanguageModel:
        return untrained(self._settings, self.vocabulary, self._embedding)


def _learner_of(text_file: str | os.PathLike[str], settings: TagSettings) -> _TagLearner:
    return _TagLearner(settings, read_words(text_file))


def _metrics(
    settings: TagSettings,
    sentences: Sentences,
    tags: Sequence[NDArray[np.int32]],
    log_likelihood: float,
) -> dict[str, Any]:
    flat = np.concatenate(tags)
    numbers: dict[str, Any] = {
        "num_sentences": len(sentences.words),
        "num_words": sentences.num_words,
        "num_tags": settings.num_tags,
        "num_tags_used": len(np.unique(flat)),
        "log_likelihood_per_word": log_likelihood / sentences.num_words,
    }
    gold = sentences.gold_tags(settings.gold)
    if gold is not None:
        numbers |= {"num_gold_tags": len(set(gold)), **tag_induction_scores(gold, flat.tolist())}
    return numbers


def _write_sentences(
    path: Path,
    words: Sequence[Sequence[str]],
    tags: Sequence[NDArray[np.int32]],
    names: Sequence[str],
) -> None:
    with path.open("w", encoding="utf-8") as file:
        for sentence, states in zip(words, tags, strict=True):
            write_conllu(file, sentence, xpos=[names[state] for state in states])
