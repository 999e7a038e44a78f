"""One shard answered: a file of its rows with their answers, whole or not at all, and a record."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import pandas as pd

from tfp_dgm.data import DataError, TableWriter, check_new_columns, read_json, write_json
from tfp_dgm.data.cell_values import cell_values
from tfp_dgm.data.column_names import check_columns
from tfp_dgm.data.frame_chunk import FrameChunk, is_null
from tfp_dgm.data.table_reader import TableReader
from tfp_dgm.data.table_texts import join_texts, truncate
from tfp_dgm.data.table_writer import write_table
from tfp_dgm.serving.beam.shards import (
    Schema,
    Shard,
    check_schema,
    chunks_of,
    open_shard,
    schema_of,
)
from tfp_dgm.serving.refusal import Refusal

if TYPE_CHECKING:
    import pyarrow as pa

# As in the stream of one machine: which texts stand in one batch is the same, to the last bit.
_ROWS_PER_CHUNK = 8192
_SILENT: tuple[Any, ...] = (None, [])


class ShardAnswers(Protocol):
    """A model's answers to one shard."""

    def answer(self, rows: Sequence[Any]) -> list[Sequence[Any] | Refusal]:
        """The cells of the new columns for each of N rows, at least one.

        Args:
          rows: texts; where `ShardJob.inputs` has names, mappings of them to cells.
        """

    def told(self) -> Any:
        """What the run wants to know of the texts that were answered, as JSON has it."""


class RowAnswers(Protocol):
    """A model in a process, and what it adds to rows."""

    @property
    def names(self) -> Sequence[str]:
        """The columns that are added."""

    @property
    def kinds(self) -> Mapping[str, pa.DataType]:
        """Arrow's types of the columns, of which a whole shard may tell nothing."""

    def begin(self) -> ShardAnswers:
        """Begins a shard; threads may have one each at once."""


@dataclass(frozen=True)
class ShardJob:
    """How shards are read and where their answers go; it travels to the workers.

    Attributes:
      folder: of the run: `shards/` has the answers, `state/` the records.
      text_columns: whose cells are the text, joined.
      inputs: of a model that takes more than a text: the columns that it takes instead.
      schema: that shards have in common.
      quoting, guard_formulas: as for `predict_file` of labelling.
    """

    folder: str
    text_columns: Sequence[str]
    schema: Schema | None
    quoting: bool = True
    guard_formulas: bool = False
    inputs: Sequence[str] = ()

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
      written: whether there is a file of answers; it may be one of no rows.
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
    written: bool = False
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


def answer_shard(answers: RowAnswers, job: ShardJob, shard: Shard) -> ShardRecord:
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
    if not record.written:
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
    answers: RowAnswers, job: ShardJob, shard: Shard, record: ShardRecord, letters: _DeadLetters
) -> None:
    path = job.answers_path(shard)
    model = answers.begin()
    with ExitStack() as stack:
        writer: TableWriter | None = None
        for reader, chunk in _read(job, shard, answers.names):
            asked: list[Any] = (
                _fields(chunk, job.inputs)
                if job.inputs
                else _texts(reader, chunk, job.text_columns)
            )
            readable = [row for row, one in enumerate(asked) if not isinstance(one, Refusal)]
            began = time.perf_counter()
            given = model.answer([asked[row] for row in readable]) if readable else []
            record.model_seconds += time.perf_counter() - began
            record.batches += bool(readable)
            found: list[Any] = list(asked)
            for row, answer in zip(readable, given, strict=True):
                found[row] = answer
            for row, answer in enumerate(found):
                if isinstance(answer, Refusal):
                    letters.add(chunk, row, answer.reason)
            kept = [row for row, answer in enumerate(found) if not isinstance(answer, Refusal)]
            record.warnings = chunk.warnings
            record.rows += len(kept)
            record.dead += len(found) - len(kept)
            if not kept and found:
                continue
            record.written = True
            if writer is None:
                writer = stack.enter_context(
                    TableWriter(path, inputs=[shard.source], guard_formulas=job.guard_formulas)
                )
            frame = chunk.frame if len(kept) == len(found) else chunk.frame.iloc[kept]
            rows = [found[row] for row in kept]
            columns = [*zip(*rows, strict=True)] if rows else [()] * len(answers.names)
            new = {name: list(cells) for name, cells in zip(answers.names, columns, strict=True)}
            writer.write(*_typed(frame, new, answers.kinds, path))
    record.told = model.told()


def _typed(
    frame: pd.DataFrame,
    new: dict[str, list[Any]],
    kinds: Mapping[str, pa.DataType],
    path: Path,
) -> tuple[pd.DataFrame, dict[str, list[Any]]]:
    """Columns whose cells tell no type, of the one that they have in other shards of Parquet."""
    silent = [name for name in new if name in kinds and all(cell in _SILENT for cell in new[name])]
    if path.suffix.lower() != ".parquet" or not silent:
        return frame, new
    types = {name: pd.ArrowDtype(kinds[name]) for name in silent}
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
        for number, chunk in enumerate(chunks_of(reader, _ROWS_PER_CHUNK)):
            if number == 0:  # Later rows of JSON Lines may lack a key: no text, no error.
                check_schema(shard.source, job.schema, schema_of(chunk, shard.source))
                wanted = job.inputs or job.text_columns
                check_columns(reader.path, list(chunk.frame.columns), wanted)
            check_new_columns(shard.source, chunk.frame.columns, names)
            yield reader, chunk
    except DataError as error:
        raise _UnreadableError(str(error)) from error


def _fields(chunk: FrameChunk, inputs: Sequence[str]) -> list[Any]:
    """The cells of each row that a model takes by their names; none where it takes a text."""
    columns = {
        name: cell_values(chunk.frame[name]) if name in chunk.frame else [None] * len(chunk.lines)
        for name in inputs
    }
    return [dict(zip(columns, cells, strict=True)) for cells in zip(*columns.values(), strict=True)]


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
