"""One shard answered: a file of its rows with their answers, whole or not at all, and a record."""

from __future__ import annotations

import dataclasses
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import pandas as pd

from tfp_dgm.data import DataError, TableWriter, check_new_columns, write_json
from tfp_dgm.data.cell_values import cell_values
from tfp_dgm.data.column_names import check_columns
from tfp_dgm.data.frame_chunk import FrameChunk, is_null
from tfp_dgm.data.object_storage import put_or_remove
from tfp_dgm.data.storage_urls import is_url
from tfp_dgm.data.table_texts import join_texts, truncate
from tfp_dgm.data.table_writer import write_table
from tfp_dgm.serving.beam.shard_job import ShardJob, ShardRecord
from tfp_dgm.serving.beam.shard_reader import (
    NoRoomError,
    ShardReader,
    check_schema,
    open_shard,
    schema_of,
)
from tfp_dgm.serving.beam.shards import CHANGED, Shard
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


_WRITTEN_IN_THIS_ORDER = (
    ShardJob.answers_path,
    ShardJob.dead_letters_path,
    ShardJob.record_path,
)


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

    Where the run's folder is stored, all are written here, and put there when complete. A shard
    that cannot be read to its end has one dead letter, for all of it, and no answers. Done again,
    after a kill at any moment or by another worker at once, it leaves the same files.

    Raises:
      DataError: if something cannot be written.
    """
    if is_url(job.folder):
        with tempfile.TemporaryDirectory(prefix="tfp_dgm-") as here:
            local = dataclasses.replace(job, folder=here)
            record = answer_shard(answers, local, shard)
            for path_of in _WRITTEN_IN_THIS_ORDER:
                put_or_remove(path_of(local, shard), here, job.folder)
        return record
    record = ShardRecord(shard.name, [])
    letters = _DeadLetters(shard.source)
    path, dead = job.answers_path(shard), job.dead_letters_path(shard)
    path.parent.mkdir(parents=True, exist_ok=True)
    dead.parent.mkdir(exist_ok=True)
    try:
        record.state = _state(shard)
        _write_answers(answers, job, shard, record, letters)
    except _UnreadableError as error:
        record = ShardRecord(shard.name, record.state, dead=1, failure=str(error))
        letters.found = [{"file": shard.source, "row": None, "reason": str(error), "cells": {}}]
    if not record.written:
        path.unlink(missing_ok=True)  # Of an earlier time, when there was something to answer.
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
        if _state(shard) != record.state:
            raise _UnreadableError(f"{shard.source}: {CHANGED}")
    record.told = model.told()


def _state(shard: Shard) -> list[int | str]:
    """What tells the shard's source.

    Raises:
      _UnreadableError: if it is gone, or another than when the run began.
    """
    try:
        return shard.state()
    except DataError as error:
        raise _UnreadableError(str(error)) from error


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
) -> Iterator[tuple[ShardReader, FrameChunk]]:
    """The chunks of a shard.

    Raises:
      _UnreadableError: if it is damaged, empty, or has other columns than the others.
    """
    try:
        scratch = str(job.record_path(shard).parent)
        with open_shard(shard, quoting=job.quoting, scratch=scratch) as reader:
            for number, chunk in enumerate(reader.chunks(_ROWS_PER_CHUNK)):
                columns = list(chunk.frame.columns)
                if number == 0:  # Later rows of JSON Lines may lack a key: no text, no error.
                    check_schema(shard.source, job.schema, schema_of(chunk, shard.source))
                    check_columns(shard.source, columns, job.inputs or job.text_columns)
                check_new_columns(shard.source, columns, names)
                yield reader, chunk
    except NoRoomError:
        raise
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
    reader: ShardReader, chunk: FrameChunk, text_columns: Sequence[str]
) -> list[str | Refusal]:
    """The text of each row, or why it has none."""
    try:
        return [*truncate(join_texts(reader.table, chunk, text_columns))]
    except DataError:
        pass
    found: list[str | Refusal] = []
    for row in range(len(chunk.lines)):
        one = FrameChunk(chunk.frame.iloc[[row]], chunk.lines[[row]], chunk.unit)
        try:
            found += truncate(join_texts(reader.table, one, text_columns))
        except DataError as error:
            found.append(Refusal(reader.named(error)))
    return found
