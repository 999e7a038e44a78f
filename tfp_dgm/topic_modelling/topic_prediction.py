"""New files, their topics or clusters told by a trained model in a stream."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from tfp_dgm.data import (
    DataError,
    TableChunk,
    TableWriter,
    check_new_columns,
    check_topic_table,
    iter_table_chunks,
    read_topic_settings,
)
from tfp_dgm.models import load_model
from tfp_dgm.ordered_work import done_in_order, useful_threads
from tfp_dgm.progress import Progress, no_progress
from tfp_dgm.topic_modelling.topic_outcome import rounded, share_column
from tfp_dgm.topic_modelling.topic_teller import TopicTeller

_ROWS_PER_CHUNK = 8192


def predict_topics(
    folder: str | os.PathLike[str],
    source: str | os.PathLike[str],
    output: str | os.PathLike[str],
    *,
    text_columns: Sequence[str] | None = None,
    mixture: bool = False,
    quoting: bool = True,
    guard_formulas: bool = False,
    progress: Progress = no_progress,
    warn: Callable[[str], None] = lambda warning: None,
) -> int:
    """Tells the topics of a file with the model that `topics_of_file` wrote.

    Args:
      folder: that `topics_of_file` filled, or `clusters_of_file` beside its output.
      source: CSV, TSV, JSONL (each also gzipped) or Parquet.
      output: the same rows with the columns topic and topic_probability, or cluster and
        cluster_probability.
      text_columns: columns that hold the text; None takes those of the training.
      mixture: whether what each text has of every topic is in columns, too.
      quoting, guard_formulas: as for `topics_of_file`.
      progress: called with a step's name, the rows done, and None (a stream has no known end).
      warn: called with each sentence on what is doubtful in the source, texts without a word that
        the model knows among them.
    Returns:
      The number of rows.
    Raises:
      DataError: if the folder holds no model or a damaged one, or for whatever is wrong with a
        file; the output is not written then.
    """
    folder, source = Path(folder), Path(source)
    check_topic_table(output, [source])
    settings = read_topic_settings(folder)
    teller = load_model(folder / "model.keras")
    if not isinstance(teller, TopicTeller):
        raise DataError.at(
            folder / "model.keras", f"expected a TopicTeller; found a {type(teller).__name__}"
        )
    kind = str(settings["kind"])
    step = f"Telling {kind}s of {source.name}"

    def work() -> Iterator[tuple[TableChunk, list[str]]]:
        for chunk in iter_table_chunks(
            source,
            text_columns=text_columns or list(settings["text_columns"]),
            chunk_rows=_ROWS_PER_CHUNK,
            quoting=quoting,
        ):
            yield chunk, chunk.texts

    columns = partial(_columns, teller, kind=kind, mixture=mixture)
    done = unknown = 0
    warnings: tuple[str, ...] = ()
    with TableWriter(output, inputs=[source], guard_formulas=guard_formulas) as writer:
        for chunk, added in done_in_order(columns, work(), threads=useful_threads()):
            check_new_columns(source, chunk.frame.columns, added)
            writer.write(chunk.frame, added)
            done += len(chunk.texts)
            unknown += added[kind].count(None)
            progress(step, done, None)
            warnings = chunk.warnings
    for warning in warnings:
        warn(warning)
    if unknown:
        warn(f"{unknown:,} of {done:,} texts have no {kind}: the model knows none of their words.")
    return done


def _columns(
    teller: TopicTeller, texts: Sequence[str], *, kind: str, mixture: bool
) -> dict[str, list[Any]]:
    mixtures, known = teller.mixtures_of(texts)
    best = np.where(known, mixtures.argmax(axis=1), -1)
    added: dict[str, list[Any]] = {
        kind: [None if k < 0 else teller.names[k] for k in best],
        f"{kind}_probability": rounded(mixtures.max(axis=1), known),
    }
    if mixture:
        for name, share in zip(teller.names, mixtures.T, strict=True):
            added[share_column(name)] = rounded(share, known)
    return added
