"""A large table answered shard by shard on a runner of Apache Beam, in a folder of its own."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tfp_dgm.data import DataError, atomic_write, write_json
from tfp_dgm.data.lines_reader import TEXT_COLUMN
from tfp_dgm.data.storage_urls import absolute
from tfp_dgm.progress import Progress
from tfp_dgm.serving.beam.bulk_run import BulkRun
from tfp_dgm.serving.beam.direct_process import LostWorkerError, run_directly
from tfp_dgm.serving.beam.parts import in_parts
from tfp_dgm.serving.beam.run_place import RunPlace, open_run_place
from tfp_dgm.serving.beam.runners import DIRECT, options_of, run_pipeline
from tfp_dgm.serving.beam.shard_job import ShardJob, ShardRecord
from tfp_dgm.serving.beam.shard_reader import common_schema
from tfp_dgm.serving.beam.shards import Shard, is_text, shards_of
from tfp_dgm.serving.opening import Opening

_LOOKS_AT_ONCE = 16
_LOSSES = 3  # Of workers, without a shard done between them.


@dataclass(frozen=True)
class ShardTotals:
    """What a run did, of all shards together.

    Attributes:
      folder: of the run; `shards/` has a file for each source, or for each part of a large one.
      shards: how many sources were read to their end.
      rows: that have answers.
      dead: rows, and shards that cannot be read, which have none: lines of `dead_letters.jsonl`.
      failures: by source, why a shard cannot be read.
      batches, model_seconds: sums of `ShardRecord`'s.
      told: of each shard, what `ShardAnswers.told` gave.
    """

    folder: str
    shards: int
    rows: int
    dead: int
    failures: Mapping[str, str]
    batches: int
    model_seconds: float
    told: Sequence[Any]


def answer_shards(
    open_for: Callable[[str], Opening],
    asked: BulkRun,
    *,
    default_columns: Sequence[str],
    model: Mapping[str, Any],
    inputs: Sequence[str] = (),
) -> ShardTotals:
    """Answers every row of the shards that a pattern names.

    A worker has a shard for itself: rows stay in order without a shuffle, and the answers of one
    worker are those of many, file for file. They are written beside their place and moved there
    when complete, their record last; what was done twice is there once.

    Args:
      open_for: the ending of the files that are written -> what opens the model in a worker.
      asked: the files, where their answers go, and how.
      default_columns: the columns of texts where none are asked for; of plain text the lines.
      model: what tells the model from others, which a resumed run must have.
      inputs: of a model that takes more than a text: the columns that it takes instead.
    Returns:
      The totals. Where a shard cannot be read the run stays unfinished: mend it, and resume.
    Raises:
      DataError: if there are no shards, or none with the columns; if the folder holds something
        else, or another run is at work there; if something cannot be written.
      ValueError: if the runner or one of its options is not known.
    """
    pattern, output = os.fspath(asked.pattern), os.fspath(asked.output)
    if asked.runner != DIRECT:  # Workers are elsewhere, and so is their folder.
        pattern, output = absolute(pattern), absolute(output)
    whole = shards_of(pattern, output=output)
    shards = in_parts(whole, quoting=asked.quoting, progress=asked.progress)
    ending = "".join(Path(whole[0].name).suffixes[-2:])
    columns = asked.text_columns or (
        [TEXT_COLUMN] if is_text(Path(whole[0].source)) else default_columns
    )
    schema = common_schema(shards, inputs or columns, quoting=asked.quoting)
    options_of(asked.runner, asked.runner_options)
    settings = {
        "shards": pattern,
        "text_columns": list(columns),
        "quoting": asked.quoting,
        "guard_formulas": asked.guard_formulas,
        **model,
    }
    with open_run_place(output, settings=settings, resume=asked.resume) as place:
        job = ShardJob(
            place.folder, list(columns), schema, asked.quoting, asked.guard_formulas, list(inputs)
        )
        state = _State(place, job)
        for name in state.clear(shards):
            asked.warn(f"{name}: its source is gone; so are its answers")
        with _told(place, len(shards), asked.progress):
            _run(asked, shards, open_for(ending), state)
        totals = _totals(state, shards, asked.warn)
        _write_dead_letters(state, shards)
        if not totals.failures:
            with place.run.results() as folder:
                write_json(folder / "metrics.json", _metrics(totals))
        place.publish()
    return totals


class _State:
    """What is known of a run's shards.

    Attributes:
      place: where it is.
      job: as workers have it.
    """

    def __init__(self, place: RunPlace, job: ShardJob) -> None:
        self.place = place
        self.job = job
        self._here = replace(job, folder=str(place.here))

    def record(self, shard: Shard) -> ShardRecord | None:
        """What became of a shard; None where that is not known."""
        return ShardRecord.read(self._here.record_path(shard))

    def dead_letters(self, shard: Shard) -> Path:
        """The file of a shard's, which there may be."""
        return self._here.dead_letters_path(shard)

    def undone(self, shards: Sequence[Shard]) -> list[Shard]:
        """The shards that have no answers, or none as they are now."""
        self.place.refresh()
        with ThreadPoolExecutor(_LOOKS_AT_ONCE) as pool:  # Of stored ones each is a request.
            done = pool.map(self._is_done, shards)
            return [shard for shard, is_done in zip(shards, done, strict=True) if not is_done]

    def clear(self, shards: Sequence[Shard]) -> list[str]:
        """Removes answers of an earlier run, and of shards that are no more; names the latter."""
        known = {shard.key for shard in shards}
        state = self.place.run.state
        if not any(state.glob("*.json")):
            self.place.remove_answers()
        gone = []
        for path in state.glob("*.json"):
            if path.stem in known:
                continue
            record = ShardRecord.read(path)
            assert record is not None
            lost = Shard("", record.name)
            for other in (
                self._here.answers_path(lost),
                self._here.dead_letters_path(lost),
                path,
            ):
                self.place.remove(other.relative_to(self.place.here).as_posix())
            gone.append(record.name)
        state.mkdir(exist_ok=True)
        return sorted(gone)

    def _is_done(self, shard: Shard) -> bool:
        record = self.record(shard)
        if record is None or record.failure is not None:
            return False
        try:
            state = shard.state()
        except DataError:  # Who answers it says what is wrong.
            return False
        return list(record.state) == state and (
            not record.written or self.place.has_answers(shard.name)
        )


def _run(asked: BulkRun, shards: Sequence[Shard], opening: Opening, state: _State) -> None:
    """Answers all shards that have no answers; other runners than the direct one try again."""
    lost, job = 0, state.job
    while todo := state.undone(shards):
        if asked.runner != DIRECT:
            return run_pipeline(asked.runner, asked.runner_options, todo, opening, job)
        try:
            return run_directly(asked.runner_options, todo, opening, job)
        except LostWorkerError as error:
            left = len(state.undone(shards))
            lost = lost + 1 if left == len(todo) else 0
            if lost == _LOSSES:
                raise DataError.at(
                    todo[0].source,
                    f"{_LOSSES} times a worker was killed before this or one of {left - 1} more "
                    f"was done (too little memory?); resume with fewer workers: {error}",
                ) from error


@contextmanager
def _told(place: RunPlace, total: int, progress: Progress) -> Iterator[None]:
    """Tells in a thread how many shards are done: runners tell nothing of their own."""
    ended = threading.Event()
    before = place.done()

    def look() -> None:
        while True:
            with suppress(DataError):  # Storage that does not answer; the work may go on.
                progress("Shards", max(before, min(place.done(), total)), total)
            if ended.wait(place.seconds_between_looks):
                return

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _totals(state: _State, shards: Sequence[Shard], warn: Callable[[str], None]) -> ShardTotals:
    state.place.refresh()
    records = []
    failures: dict[str, str] = {}
    for shard in shards:
        record = state.record(shard)
        if record is None or (record.written and not state.place.has_answers(shard.name)):
            raise DataError.at(
                shard.source,
                f"the runner ended without answers to it; resume the run in {state.place.folder}",
            )
        records.append(record)
        if record.failure is not None:
            failures.setdefault(shard.source, record.failure)
        for warning in record.warnings:
            warn(f"{shard.source}: {warning}")
    return ShardTotals(
        folder=state.place.folder,
        shards=len({shard.source for shard in shards} - failures.keys()),
        rows=sum(record.rows for record in records),
        dead=sum(record.dead for record in records),
        failures=failures,
        batches=sum(record.batches for record in records),
        model_seconds=sum(record.model_seconds for record in records),
        told=[record.told for record in records],
    )


def _write_dead_letters(state: _State, shards: Sequence[Shard]) -> None:
    """One file of all shards', in their order; none where there are none."""
    path = state.place.here / "dead_letters.jsonl"
    parts = [part for shard in shards if (part := state.dead_letters(shard)).exists()]
    if not parts:
        path.unlink(missing_ok=True)
        return
    with atomic_write(path) as file:
        for part in parts:
            with part.open("rb") as lines:
                shutil.copyfileobj(lines, file)


def _metrics(totals: ShardTotals) -> dict[str, Any]:
    names = ("shards", "rows", "dead", "batches")
    return {name: getattr(totals, name) for name in names} | {
        "model_seconds": round(totals.model_seconds, 3)
    }
