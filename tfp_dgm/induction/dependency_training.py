"""The induction of dependencies: sentences in; a parser, their trees and a page out."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from tfp_dgm import training
from tfp_dgm.data import RunFolder, write_conllu
from tfp_dgm.induction.dependency_learner import DependencyLearner
from tfp_dgm.induction.dependency_page import render_dependencies
from tfp_dgm.induction.dependency_scores import dependency_scores
from tfp_dgm.induction.dependency_settings import DependencySettings, GaussianValence
from tfp_dgm.induction.gaussian_valence_learner import GaussianValenceLearner
from tfp_dgm.induction.kept_starts import best_of_starts
from tfp_dgm.induction.results import write_results
from tfp_dgm.induction.sentences import Sentences, read_words, read_words_of_run
from tfp_dgm.induction.symbols import kept_words_of
from tfp_dgm.induction.valence_learner import ValenceLearner
from tfp_dgm.induction.without_marks import gold_heads, kept_words, with_marks


def induce_dependencies(
    text_file: str | os.PathLike[str],
    run: RunFolder,
    settings: DependencySettings,
    *,
    processes: int = 1,
    progress: training.Progress = lambda step, done, total: None,
    say: Callable[[str], None] = print,
) -> dict[str, Any]:
    """Finds the head of every word of a text, and finishes the run.

    The folder then holds model.keras, saved_model/ (a line of symbols in; tokens, heads
    and, of gaussian_valence, tags out),
    parsed.conllu (every sentence, with heads), metrics.json, history.json and report.html, beside
    what is every run's. A run that was interrupted goes on after the last start that had ended.

    Args:
      text_file: see `read_words`.
      run: the folder that `claim_dependencies` claimed, entered.
      settings: those of the claim.
      processes: so many starts are trained at once, each in a process of its own.
      progress: told of iterations.
      say: takes what a person should know, a sentence at a time.
    Returns:
      What metrics.json holds: counts, log-likelihood (nats a word that was learned from) and, where
      the file has heads, `dependency_scores`.
    Raises:
      DataError: if the file or the settings are at fault, the run was begun with another text, or
        a loss is no number any more.
    """
    sentences = read_words_of_run(text_file, run, say)
    kept = kept_words(sentences)
    gold = gold_heads(sentences, kept)
    learner = _learner(settings, sentences, kept)
    read, rows = learner.read, learner.rows
    say(
        f"{len(read.learned):,} of {len(rows):,} sentences are learned from, "
        f"{learner.num_learned_words:,} words; {learner.vocabulary.size:,} symbols"
    )
    parser, curves, best = best_of_starts(
        run,
        range(settings.seed, settings.seed + learner.num_starts),
        learner,
        functools.partial(_learner_of, text_file, settings),
        processes=processes,
        progress=progress,
    )
    heads, tags = learner.parse(parser)
    numbers: dict[str, Any] = {
        "num_sentences": len(rows),
        "num_words": sum(map(len, rows)),
        "num_learned_sentences": len(read.learned),
        "num_learned_words": learner.num_learned_words,
        "log_likelihood_per_word": curves[best][-1] / learner.num_learned_words,
    }
    if gold is not None:
        numbers |= dependency_scores(gold, heads, settings.max_length)
    page = render_dependencies(
        Path(text_file).name,
        kept_words_of(sentences, kept),
        tags or read.rows,
        heads,
        gold,
        numbers,
        curves,
        best=best,
    )
    write_results(
        run,
        parser,
        numbers,
        curves,
        page,
        lambda folder: _write_sentences(folder / "parsed.conllu", sentences, heads, tags, kept),
    )
    return numbers


def _learner_of(
    text_file: str | os.PathLike[str], settings: DependencySettings
) -> DependencyLearner:
    sentences = read_words(text_file)
    return _learner(settings, sentences, kept_words(sentences))


def _learner(
    settings: DependencySettings, sentences: Sentences, kept: Sequence[Sequence[bool]]
) -> DependencyLearner:
    model = settings.model
    if isinstance(model, GaussianValence):
        return GaussianValenceLearner(model, settings, sentences, kept)
    return ValenceLearner(model, settings, sentences, kept)


def _write_sentences(
    path: Path,
    sentences: Sentences,
    heads: Sequence[Sequence[int]],
    tags: Sequence[Sequence[str]] | None,
    kept: Sequence[Sequence[bool]],
) -> None:
    """Tags are those that were found, which marks have none of, or those of the file."""
    annotations = sentences.annotations
    with path.open("w", encoding="utf-8") as file:
        for i, words in enumerate(sentences.forms):
            xpos = None if annotations is None else annotations[i].xpos
            if tags is not None:
                found = iter(tags[i])
                xpos = [next(found) if keep else "_" for keep in kept[i]]
            write_conllu(file, words, xpos=xpos, heads=with_marks(heads[i], kept[i]))
