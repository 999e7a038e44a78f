"""One shard answered: a file of its rows with their answers, whole or not at all, and a record."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import pandas as pd

from tfp_dgm.data import DataError, TableWriter, check_new_columns, read_json, write_json
from tfp_dgm.data.cell_values import cell_values
from tfp_dgm.data.column_names import check_columns
from tfp_dgm.data.frame_chunk import FrameChunk, is_null
from tfp_dgm.data.table_reader import TableReader
from tfp_dgm.data.table_texts import join_texts, truncate
from tfp_dgm.data.table_writer import write_table
from tfp_dgm.serving.beam.shards import Schema, Shard, check_schema, open_shard, schema_of
from tfp_dgm.serving.refusal import Refusal

# As in the stream of one machine: which texts stand in one batch is the same, to the last bit.
_ROWS_PER_CHUNK = 8192


class ShardAnswers(Protocol):
    """A model's answers to one shard."""

    def answer(self, texts: Sequence[str]) -> list[Sequence[Any] | Refusal]:
        """The cells of the new columns for each of N texts, at least one."""

    def told(self) -> Any:
        """What the run wants to know of the texts that were answered, as JSON has it."""


class TextAnswers(Protocol):
    """A model in a process, and what it adds to rows of texts."""

    @property
    def names(self) -> Sequence[str]:
        """The columns that are added."""

    @property
    def kinds(self) -> Mapping[str, str]:
        """Of columns that may be empty in a whole shard, what Arrow calls their type."""

    def begin(self) -> ShardAnswers:
        """Begins a shard; threads may have one each at once."""


@dataclass(frozen=True)
class ShardJob:
    """How shards are read and where their answers go; it travels to the workers.

    Attributes:
      folder: of the run: `shards/` has the answers, `state/` the records.
      text_columns: whose cells are the text.
      schema: that shards have in common.
      quoting, guard_formulas: as for `predict_file` of labelling.
    """

    folder: str
    text_columns: Sequence[str]
    schema: Schema | None
    quoting: bool = True
    guard_formulas: bool = False

    def answers_path(self, shard: Shard) -> Path:
        """Where a shard's answers go."""
        return Path(self.folder, "shards", shard.name)

    def record_path(self, shard: Shard) -> Path:
        """What is known of a shard that is done."""
        return Path(self.folder, "state", f"{shard.key}.json")

    def dead_letters_path(self, shard: Shard) -> Path:
        """The rows of a shard that have no answer."""
        return Path(self.folder, "state", f"{shard.key}.dead.jsonl")


@dataclass
class ShardRecord:
    """What became of a shard.

    Attributes:
      name: of the shard.
      state: of its source when it was read; see `Shard.state`.
      rows: that have answers.
      dead: rows that have none.
      batches: how often the model was asked, for up to 8,192 rows.
      model_seconds: of the wall clock, in the model.
      failure: why none of its rows has an answer; None where it was read to its end.
      warnings: what is doubtful in the file.
      told: see `ShardAnswers.told`.
    """

    name: str
    state: Sequence[int | str]
    rows: int = 0
    dead: int = 0
    batches: int = 0
    model_seconds: float = 0.0
    failure: str | None = None
    warnings: Sequence[str] = ()
    told: Any = None

    @classmethod
    def read(cls, path: Path) -> ShardRecord | None:
        """The record of a shard; None where there is none."""
        if not path.exists():
            return None
        return cls(**read_json(path, "the record of a shard"))


@dataclass
class _DeadLetters:
    """Rows without an answer: file, row, reason and cells."""

    source: str
    found: list[dict[str, Any]] = field(default_factory=list)

    def add(self, chunk: FrameChunk, row: int, reason: str) -> None:
        cells = {
            str(name): cell_values(chunk.frame[name].iloc[row : row + 1])[0]
            for name in chunk.frame.columns
        }
        cells = {name: value for name, value in cells.items() if not is_null(value)}
        place = int(chunk.lines[row])
        self.found.append({"file": self.source, "row": place, "reason": reason, "cells": cells})


class _UnreadableError(Exception):
    """A shard is at fault, and not what is written."""


def answer_shard(answers: TextAnswers, job: ShardJob, shard: Shard) -> ShardRecord:
    """Writes a shard's answers, its dead letters, and last its record.

    A shard that cannot be read to its end has one dead letter, for all of it, and no answers. Done
    again, after a kill at any moment or by another worker at once, it leaves the same files.

    Raises:
      DataError: if something cannot be written.
    """
    record = ShardRecord(shard.name, shard.state())
    letters = _DeadLetters(shard.source)
    path = job.answers_path(shard)
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        _write_answers(answers, job, shard, record, letters)
    except _UnreadableError as error:
        record = ShardRecord(shard.name, record.state, dead=1, failure=str(error))
        letters.found = [{"file": shard.source, "row": None, "reason": str(error), "cells": {}}]
    if not record.rows:
        path.unlink(missing_ok=True)  # Of an earlier time, when there was something to answer.
    dead = job.dead_letters_path(shard)
    dead.parent.mkdir(exist_ok=True)
    if letters.found:
        write_table(pd.DataFrame(letters.found, dtype=object), dead)
    else:
        dead.unlink(missing_ok=True)
    write_json(job.record_path(shard), dataclasses.asdict(record))
    return record


def _write_answers(
    answers: TextAnswers, job: ShardJob, shard: Shard, record: ShardRecord, letters: _DeadLetters
) -> None:
    path = job.answers_path(shard)
    model = answers.begin()
    with ExitStack() as stack:
        writer: TableWriter | None = None
        for reader, chunk in _read(job, shard, answers.names):
            texts = _texts(reader, chunk, job.text_columns)
            readable = [row for row, text in enumerate(texts) if not isinstance(text, Refusal)]
            began = time.perf_counter()
            given = model.answer([str(texts[row]) for row in readable]) if readable else []
            record.model_seconds += time.perf_counter() - began
            record.batches += bool(readable)
            found: list[Any] = list(texts)
            for row, answer in zip(readable, given, strict=True):
                found[row] = answer
            for row, answer in enumerate(found):
                if isinstance(answer, Refusal):
                    letters.add(chunk, row, answer.reason)
            kept = [row for row, answer in enumerate(found) if not isinstance(answer, Refusal)]
            record.warnings = chunk.warnings
            record.rows += len(kept)
            record.dead += len(found) - len(kept)
            if not kept:
                continue
            if writer is None:
                writer = stack.enter_context(
                    TableWriter(path, inputs=[shard.source], guard_formulas=job.guard_formulas)
                )
            frame = chunk.frame if len(kept) == len(found) else chunk.frame.iloc[kept]
            columns = zip(*(found[row] for row in kept), strict=True)
            new = {name: list(cells) for name, cells in zip(answers.names, columns, strict=True)}
            writer.write(*_typed(frame, new, answers.kinds, path))
    record.told = model.told()


def _typed(
    frame: pd.DataFrame, new: dict[str, list[Any]], kinds: Mapping[str, str], path: Path
) -> tuple[pd.DataFrame, dict[str, list[Any]]]:
    """Columns that are empty here, of the type that they have in other shards of Parquet."""
    empty = [name for name in kinds if name in new and all(cell is None for cell in new[name])]
    if path.suffix.lower() != ".parquet" or not empty:
        return frame, new
    import pyarrow as pa

    types = {name: pd.ArrowDtype(pa.type_for_alias(kinds[name])) for name in empty}
    typed = {
        name: pd.Series(cells, index=frame.index, dtype=types.get(name, object))
        for name, cells in new.items()
    }
    return frame.assign(**typed), {}


def _read(
    job: ShardJob, shard: Shard, names: Sequence[str]
) -> Iterator[tuple[TableReader, FrameChunk]]:
    """The chunks of a shard.

    Raises:
      _UnreadableError: if it is damaged, empty, or has other columns than the others.
    """
    try:
        reader = open_shard(shard.source, quoting=job.quoting)
        for number, chunk in enumerate(reader.chunks(_ROWS_PER_CHUNK)):
            if number == 0:  # Later rows of JSON Lines may lack a key: no text, no error.
                check_schema(shard.source, job.schema, schema_of(chunk, shard.source))
                check_columns(reader.path, list(chunk.frame.columns), job.text_columns)
            check_new_columns(shard.source, chunk.frame.columns, names)
            yield reader, chunk
    except DataError as error:
        raise _UnreadableError(str(error)) from error


def _texts(
    reader: TableReader, chunk: FrameChunk, text_columns: Sequence[str]
) -> list[str | Refusal]:
    """The text of each row, or why it has none."""
    try:
        return [*truncate(join_texts(reader, chunk, text_columns))]
    except DataError:
        pass
    found: list[str | Refusal] = []
    for row in range(len(chunk.lines)):
        one = FrameChunk(chunk.frame.iloc[[row]], chunk.lines[[row]], chunk.unit)
        try:
            found += truncate(join_texts(reader, one, text_columns))
        except DataError as error:
            found.append(Refusal(str(error)))
    return found
