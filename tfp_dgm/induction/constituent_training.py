"""The induction of constituents: sentences in; a parser, their trees and a page out."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from tfp_dgm import models, training
from tfp_dgm.data import RunFolder, write_bracketed_tree
from tfp_dgm.induction.batches import padded, places_within
from tfp_dgm.induction.constituent_learner import ConstituentLearner, Parser
from tfp_dgm.induction.constituent_page import render_constituents
from tfp_dgm.induction.constituent_scores import Spans, constituent_scores
from tfp_dgm.induction.constituent_settings import ConstituentSettings
from tfp_dgm.induction.kept_starts import best_of_starts
from tfp_dgm.induction.results import write_results
from tfp_dgm.induction.sentences import Sentences, read_words, read_words_of_run
from tfp_dgm.induction.symbols import kept_words_of
from tfp_dgm.induction.without_marks import gold_spans, kept_words, spans_with_marks

_LONGEST = 200  # Words of a sentence that is parsed; time grows with their cube.
_CELLS_AT_ONCE = 20_000  # Words times words of the sentences that are parsed together.


def induce_constituents(
    text_file: str | os.PathLike[str],
    run: RunFolder,
    settings: ConstituentSettings,
    *,
    processes: int = 1,
    progress: training.Progress = lambda step, done, total: None,
    say: Callable[[str], None] = print,
) -> dict[str, Any]:
    """Finds the phrases of a text, and finishes the run.

    The folder then holds model.keras, saved_model/ (a line of symbols in; tokens and spans out),
    parsed.mrg (a bracketed tree of every sentence, a line each), metrics.json, history.json and
    report.html, beside what is every run's. A run that was interrupted goes on after the last start
    that had ended.

    Args:
      text_file: see `read_words`.
      run: the folder that `claim_constituents` claimed, entered.
      settings: those of the claim.
      processes: so many starts are trained at once, each in a process of its own.
      progress: told of epochs.
      say: takes what a person should know, a sentence at a time.
    Returns:
      What metrics.json holds: counts, log-likelihood (nats a word that was learned from; of a
      compound grammar its lower bound) and, of bracketed trees, `constituent_scores`.
    Raises:
      DataError: if the file or the settings are at fault, the run was begun with another text, or
        a loss is no number any more.
    """
    sentences = read_words_of_run(text_file, run, say)
    kept = kept_words(sentences)
    gold = gold_spans(sentences, kept)
    learner = ConstituentLearner(settings, sentences, kept)
    rows, read = learner.rows, learner.read
    lengths = [len(row) - 1 for row in rows]
    num_learned = sum(lengths[i] for i in read.learned)
    say(
        f"{len(read.learned):,} of {len(rows):,} sentences are learned from, {num_learned:,} "
        f"words; {learner.vocabulary.size:,} symbols"
    )
    if too_long := sum(length > _LONGEST for length in lengths):
        say(
            f"Warning: {too_long:,} sentences of more than {_LONGEST} words are not parsed, and "
            "have one bracket"
        )
    grammar, curves, best = best_of_starts(
        run,
        range(settings.seed, settings.seed + settings.starts),
        learner,
        functools.partial(_learner_of, text_file, settings),
        processes=processes,
        progress=progress,
    )
    parser = learner.parser(grammar)
    spans = parse(parser, rows, progress=progress)
    numbers: dict[str, Any] = {
        "num_sentences": len(rows),
        "num_words": sum(lengths),
        "num_learned_sentences": len(read.learned),
        "num_learned_words": num_learned,
        "log_likelihood_per_word": curves[best][-1] / num_learned,
    }
    if gold is not None:
        numbers |= constituent_scores(gold, spans, lengths, settings.max_length)
    page = render_constituents(
        Path(text_file).name,
        kept_words_of(sentences, kept),
        spans,
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
        lambda folder: _write_sentences(folder / "parsed.mrg", sentences, spans, kept),
    )
    return numbers


def _learner_of(
    text_file: str | os.PathLike[str], settings: ConstituentSettings
) -> ConstituentLearner:
    sentences = read_words(text_file)
    return ConstituentLearner(settings, sentences, kept_words(sentences))


def parse(
    parser: Parser,
    rows: Sequence[NDArray[np.int32]],
    *,
    progress: training.Progress = lambda step, done, total: None,
) -> list[Spans]:
    """The phrases of two words or more of each sentence, the first and the last word of each.

    Args:
      parser: what `induce_constituents` has trained.
      rows: token ids, closed by END.
      progress: told of sentences.
    """

    @tf.function(input_signature=[tf.TensorSpec([None, None], tf.int32)], autograph=False)
    def brackets(token_ids: tf.Tensor) -> tf.Tensor:
        of_texts = parser.trees if isinstance(parser, models.CompoundGrammar) else parser.structure
        return of_texts(token_ids).minimum_bayes_risk()

    lengths = [len(row) - 1 for row in rows]
    found: list[Spans] = [{(0, length - 1)} if length > 1 else set() for length in lengths]
    some = [i for i, length in enumerate(lengths) if 2 < length <= _LONGEST]
    done = 0
    for chosen in places_within([lengths[i] for i in some], _CELLS_AT_ONCE):
        places = [some[i] for i in chosen]
        best = brackets(padded([rows[i] for i in places])).numpy()
        for place, of_row in zip(places, best, strict=True):
            first, last = np.nonzero(of_row >= 0)
            found[place] = {(int(i), int(j)) for i, j in zip(first, last, strict=True) if i < j}
        done += len(places)
        progress("Parsing", done, len(some))
    return found


def _write_sentences(
    path: Path, sentences: Sentences, spans: Sequence[Spans], kept: Sequence[Sequence[bool]]
) -> None:
    annotations = sentences.annotations
    with path.open("w", encoding="utf-8") as file:
        for i, words in enumerate(sentences.forms):
            tags = None if annotations is None else annotations[i].xpos
            write_bracketed_tree(file, words, spans_with_marks(spans[i], kept[i]), tags=tags)
