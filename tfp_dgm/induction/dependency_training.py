"""The induction of dependencies: sentences in; a parser, their trees and a page out."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from tfp_dgm import layers, models, training
from tfp_dgm.data import RunFolder, write_conllu
from tfp_dgm.induction.batches import batches_by_length, padded, places_within
from tfp_dgm.induction.dependency_page import render_dependencies
from tfp_dgm.induction.dependency_scores import dependency_scores
from tfp_dgm.induction.dependency_settings import DependencySettings, NeuralValence
from tfp_dgm.induction.kept_starts import best_of_starts
from tfp_dgm.induction.results import write_results
from tfp_dgm.induction.sentences import Sentences, read_words_of_run
from tfp_dgm.induction.symbols import kept_words_of, read_symbols
from tfp_dgm.induction.without_marks import gold_heads, kept_words, with_marks
from tfp_dgm.text import WordVocabulary

_CELLS_AT_ONCE = 100_000  # Words times words of the sentences that are parsed together.


def induce_dependencies(
    text_file: str | os.PathLike[str],
    run: RunFolder,
    settings: DependencySettings,
    *,
    progress: training.Progress = lambda step, done, total: None,
    say: Callable[[str], None] = print,
) -> dict[str, Any]:
    """Finds the head of every word of a text, and finishes the run.

    The folder then holds model.keras, saved_model/ (a line of symbols in; tokens and heads out),
    parsed.conllu (every sentence, with heads), metrics.json, history.json and report.html, beside
    what is every run's. A run that was interrupted goes on after the last start that had ended.

    Args:
      text_file: see `read_words`.
      run: the folder that `claim_dependencies` claimed, entered.
      settings: those of the claim.
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
    column = settings.reads or ("words" if sentences.annotations is None else "xpos")
    read = read_symbols(column, sentences, kept, shortest=1, longest=settings.max_length)
    vocabulary = read.vocabulary(settings.vocabulary_size, lower=settings.lower)
    rows = [row[:-1] for row in vocabulary.encode_all(read.lines)]  # Without END.
    learned = [rows[i] for i in read.learned]
    num_learned = sum(map(len, learned))
    say(
        f"{len(learned):,} of {len(rows):,} sentences are learned from, {num_learned:,} words; "
        f"{vocabulary.size:,} symbols"
    )
    parser, curves, best = _best_of_starts(run, settings, vocabulary, learned, progress)
    heads = parse(parser, rows)
    numbers: dict[str, Any] = {
        "num_sentences": len(rows),
        "num_words": sum(map(len, rows)),
        "num_learned_sentences": len(learned),
        "num_learned_words": num_learned,
        "log_likelihood_per_word": curves[best][-1] / num_learned,
    }
    if gold is not None:
        numbers |= dependency_scores(gold, heads, settings.max_length)
    page = render_dependencies(
        Path(text_file).name,
        kept_words_of(sentences, kept),
        read.rows,
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
        lambda folder: _write_sentences(folder / "parsed.conllu", sentences, heads, kept),
    )
    return numbers


def parse(
    parser: models.StructuredLanguageModel, rows: Sequence[NDArray[np.int32]]
) -> list[list[int]]:
    """The heads of the best tree of each sentence; those without words have none."""

    # Outside a graph, the tape of a mode would keep all steps of the recursion: O(T^3) a row.
    @tf.function(input_signature=[tf.TensorSpec([None, None], tf.int32)], autograph=False)
    def best_heads(token_ids: tf.Tensor) -> tf.Tensor:
        return parser.structure(token_ids).mode()

    found: list[list[int]] = [[]] * len(rows)
    some = [i for i, row in enumerate(rows) if len(row)]
    for chosen in places_within([len(rows[i]) for i in some], _CELLS_AT_ONCE):
        places = [some[i] for i in chosen]
        best = best_heads(padded([rows[i] for i in places])).numpy()
        for place, heads in zip(places, best, strict=True):
            found[place] = heads[: len(rows[place])].tolist()
    return found


def _untrained(
    settings: DependencySettings, vocabulary: WordVocabulary, seed: int
) -> models.StructuredLanguageModel:
    model = settings.model
    likelihood: layers.DistributionLayer
    if isinstance(model, NeuralValence):
        likelihood = layers.NeuralDependencyModelWithValence(
            vocabulary.size, settings.max_length, embedding_units=model.units, seed=seed
        )
    else:
        likelihood = layers.DependencyModelWithValence(
            vocabulary.size, settings.max_length, seed=seed
        )
    parser = models.StructuredLanguageModel(likelihood, vocabulary, seed=seed)
    parser.build((None, None))
    return parser


def _best_of_starts(
    run: RunFolder,
    settings: DependencySettings,
    vocabulary: WordVocabulary,
    rows: Sequence[NDArray[np.int32]],
    progress: training.Progress,
) -> tuple[models.StructuredLanguageModel, dict[int, list[float]], int]:
    """The likeliest start, every start's curve, and which it was."""
    model = settings.model
    steps: dict[str, Any] = {}
    if isinstance(model, NeuralValence):
        steps = {"gradient_steps": model.gradient_steps, "learning_rate": model.learning_rate}

    def train(seed: int) -> tuple[keras.Model, list[float]]:
        keras.utils.set_random_seed(seed)
        parser = _untrained(settings, vocabulary, seed)
        fitted = training.fit_em(
            parser,
            batches_by_length(rows),
            guess=training.harmonic,
            iterations=model.iterations,
            smoothing=model.smoothing,
            hard=model.hard,
            progress=lambda _, done, total: progress(f"EM, seed {seed}", done, total),
            **steps,
        )
        return parser, fitted.history["log_likelihood"]

    # Where rules are free, the harmonic start leaves nothing of first weights.
    starts = model.starts if isinstance(model, NeuralValence) else 1
    weights, curves, best = best_of_starts(run, range(settings.seed, settings.seed + starts), train)
    parser = _untrained(settings, vocabulary, settings.seed)
    parser.set_weights(weights)
    return parser, curves, best


def _write_sentences(
    path: Path,
    sentences: Sentences,
    heads: Sequence[Sequence[int]],
    kept: Sequence[Sequence[bool]],
) -> None:
    annotations = sentences.annotations
    with path.open("w", encoding="utf-8") as file:
        for i, words in enumerate(sentences.forms):
            tags = None if annotations is None else annotations[i].xpos
            write_conllu(file, words, xpos=tags, heads=with_marks(heads[i], kept[i]))
