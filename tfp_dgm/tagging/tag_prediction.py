"""New files, tagged with a trained tagger in a stream."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from tfp_dgm.confidence import NONE
from tfp_dgm.data import (
    DataError,
    SentenceResult,
    SpanResult,
    TaggedSentences,
    TaggedWriter,
    TagScheme,
    check_tag_output,
    iter_tagged_sentences,
    read_tag_settings,
)
from tfp_dgm.ordered_work import done_in_order, useful_threads
from tfp_dgm.progress import Progress, no_progress
from tfp_dgm.serving.replay import DAMAGE, damage
from tfp_dgm.tagging.chain_answers import batches_by_length
from tfp_dgm.tagging.judgement_warnings import unlike_tagged
from tfp_dgm.tagging.sentence_readings import padded_tokens
from tfp_dgm.tagging.span_results import runner_up

_SENTENCES_PER_CHUNK = 2000

Answers = Mapping[str, np.ndarray]


def predict_tags(
    model_directory: str | os.PathLike[str],
    source: str | os.PathLike[str],
    output: str | os.PathLike[str],
    *,
    token_column: int | str | None = None,
    format: str | None = None,
    tool: str | None = None,
    progress: Progress = no_progress,
    warn: Callable[[str], None] = lambda warning: None,
) -> int:
    """Tags a file with the SavedModel that `tag_file` wrote; tags that it has are not read.

    Args:
      model_directory: the folder that `tag_file` wrote.
      source: CoNLL, CoNLL-U, JSON or plain text, each also gzipped.
      output: the same with the results, as `tag_file` writes them.
      token_column: where the words are; None for the usual, as `data.read_tagged_sentences` has it.
      format, tool: as `data.read_tagged_sentences` has them.
      progress: called with a step's name, the sentences done, and None (a stream has no known end).
      warn: called with each sentence on what is doubtful in the source.
    Returns:
      The number of sentences.
    Raises:
      DataError: if the folder holds no model or a damaged one, or for whatever is wrong with a
        file; the output is not written then.
    """
    model_directory, source = Path(model_directory), Path(source)
    check_tag_output(output, [source])
    settings = read_tag_settings(model_directory)
    scheme = TagScheme(**settings["scheme"])
    tag = _load(model_directory)
    encoded = settings.get("encoder_choice", {}).get("taken", NONE) != NONE
    step = f"Tagging {source.name}"
    done = 0
    warned: set[str] = set()
    unlike = 0

    def work() -> Iterator[tuple[TaggedSentences, Sequence[Sequence[str]]]]:
        for chunk in iter_tagged_sentences(
            source,
            scheme=scheme,
            sentences=_SENTENCES_PER_CHUNK,
            token_column=token_column,
            format=format,
            tool=tool,
        ):
            yield chunk, chunk.tokens

    answer = partial(served_results, tag, encoded=encoded)
    threads = 1 if encoded else useful_threads()
    with TaggedWriter(output, inputs=[source]) as writer:
        for chunk, results in done_in_order(answer, work(), threads=threads):
            writer.write(chunk, [result for result, _ in results])
            unlike += sum(is_unlike for _, is_unlike in results)
            done += len(chunk.tokens)
            progress(step, done, None)
            for warning in chunk.warnings:
                if warning not in warned:
                    warned.add(warning)
                    warn(warning)
    for warning in unlike_tagged(unlike):
        warn(warning)
    return done


def served_results(
    tag: Callable[[np.ndarray], Mapping[str, Any]],
    tokens: Sequence[Sequence[str]],
    *,
    encoded: bool = False,
) -> list[tuple[SentenceResult, bool]]:
    """What a served tagger says of N sentences, in their order, and whether they are unlike.

    Args:
      tag: strings [B, T], filled with "" -> the outputs of `JudgedTagger.answers`.
      tokens: N lists of words.
      encoded: whether it reads them with a pretrained encoder.
    """
    found: list[tuple[SentenceResult, bool]] = [None] * len(tokens)  # type: ignore[list-item]
    for rows in batches_by_length([len(words) for words in tokens], encoded=encoded):
        answers = {
            name: np.asarray(values)
            for name, values in tag(padded_tokens([tokens[row] for row in rows])).items()
        }
        for place, row in enumerate(rows):
            unlike = bool(answers["unlike"][place]) if "unlike" in answers else False
            found[row] = _result(answers, place, len(tokens[row])), unlike
    return found


def _result(answers: Answers, row: int, length: int) -> SentenceResult:
    spans: list[SpanResult] = []
    if "span_first" in answers:
        first = answers["span_first"][row]
        spans = [
            _span(answers, row, int(word))
            for word in np.flatnonzero(first == np.arange(len(first)))
        ]
    return SentenceResult(
        tags=[tag.decode("utf-8") for tag in answers["tags"][row, :length]],
        probabilities=answers["probabilities"][row, :length].tolist(),
        accept=answers["accept"][row, :length].tolist(),
        spans=spans,
    )


def _span(answers: Answers, row: int, word: int) -> SpanResult:
    def value(name: str) -> Any:
        return answers[name][row, word].item()

    def name(which: str) -> str:
        return str(answers[which][row, word].decode("utf-8"))

    first, last = value("span_first"), value("span_last")
    other = (value("other_first"), value("other_last"))
    return SpanResult(
        first=first,
        last=last,
        name=name("span_types"),
        probability=value("span_probabilities"),
        accept=value("span_accept"),
        runner_up=runner_up(name("other_types"), *other, moved=other != (first, last)),
        runner_up_probability=value("other_probabilities"),
    )


def _load(model_directory: Path) -> Callable[[np.ndarray], Mapping[str, Any]]:
    """The SavedModel's signature of tokens."""
    folder = model_directory / "saved_model" / "1"
    try:
        signature = tf.saved_model.load(str(folder)).signatures["tokens"]
        return lambda tokens: signature(tokens=tf.constant(tokens))
    except (OSError, ValueError, KeyError, TypeError, *DAMAGE) as error:
        raise DataError.at(
            folder,
            "expected the SavedModel that `dgm tag` wrote, which is missing or damaged: "
            f"{damage(error)}",
        ) from error
