"""A large table answered shard by shard on a runner of Apache Beam, in a folder of its own."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tfp_dgm.data import DataError, RunFolder, atomic_write, write_json
from tfp_dgm.data.lines_reader import TEXT_COLUMN
from tfp_dgm.progress import Progress
from tfp_dgm.serving.beam.bulk_run import BulkRun
from tfp_dgm.serving.beam.direct_process import LostWorkerError, run_directly
from tfp_dgm.serving.beam.runners import DIRECT, options_of, run_pipeline
from tfp_dgm.serving.beam.shard_answers import ShardJob, ShardRecord
from tfp_dgm.serving.beam.shards import Shard, common_schema, is_text, shards_of
from tfp_dgm.serving.opening import Opening

_SECONDS_BETWEEN_LOOKS = 0.5
_LOSSES = 3  # Of workers, without a shard done between them.


@dataclass(frozen=True)
class ShardTotals:
    """What a run did, of all shards together.

    Attributes:
      folder: of the run; `shards/` has a file for each source.
      shards: how many have answers or were read to their end.
      rows: that have answers.
      dead: rows, and shards that cannot be read, which have none: lines of `dead_letters.jsonl`.
      failures: by source, why a shard cannot be read.
      batches, model_seconds: sums of `ShardRecord`'s.
      told: of each shard, what `ShardAnswers.told` gave.
    """

    folder: Path
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
    pattern = asked.pattern
    if asked.runner != DIRECT:  # Workers are elsewhere, and so is their folder.
        pattern = os.path.abspath(pattern)
    shards = shards_of(pattern, output=asked.output)
    ending = "".join(Path(shards[0].name).suffixes[-2:])
    columns = asked.text_columns or (
        [TEXT_COLUMN] if is_text(Path(shards[0].source)) else default_columns
    )
    schema = common_schema(shards, inputs or columns, quoting=asked.quoting)
    options_of(asked.runner, asked.runner_options)
    settings = {
        "shards": str(pattern),
        "text_columns": list(columns),
        "quoting": asked.quoting,
        "guard_formulas": asked.guard_formulas,
        **model,
    }
    with RunFolder(asked.output, job="prediction", settings=settings, resume=asked.resume) as run:
        job = ShardJob(
            str(run.path), list(columns), schema, asked.quoting, asked.guard_formulas, list(inputs)
        )
        for name in _clear(run, job, shards):
            asked.warn(f"{name}: its source is gone; so are its answers")
        with _told(job, shards, asked.progress):
            _run(asked, shards, open_for(ending), job)
        totals = _totals(run.path, job, shards, asked.warn)
        _write_dead_letters(run.path, job, shards)
        if not totals.failures:
            with run.results() as folder:
                write_json(folder / "metrics.json", _metrics(totals))
    return totals


def _run(asked: BulkRun, shards: Sequence[Shard], opening: Opening, job: ShardJob) -> None:
    """Answers all shards that have no answers; other runners than the direct one try again."""
    lost = 0
    while todo := [shard for shard in shards if not _is_done(job, shard)]:
        if asked.runner != DIRECT:
            return run_pipeline(asked.runner, asked.runner_options, todo, opening, job)
        try:
            return run_directly(asked.runner_options, todo, opening, job)
        except LostWorkerError as error:
            left = sum(not _is_done(job, shard) for shard in shards)
            lost = lost + 1 if left == len(todo) else 0
            if lost == _LOSSES:
                raise DataError.at(
                    todo[0].source,
                    f"{_LOSSES} times a worker was killed before this or one of {left - 1} more "
                    f"was done (too little memory?); resume with fewer workers: {error}",
                ) from error


def _clear(run: RunFolder, job: ShardJob, shards: Sequence[Shard]) -> list[str]:
    """Removes the answers of an earlier run, and of shards that are no more; names the latter."""
    known = {shard.key for shard in shards}
    if not any(run.state.glob("*.json")):
        shutil.rmtree(run.path / "shards", ignore_errors=True)
    gone = []
    for path in run.state.glob("*.json"):
        if path.stem in known:
            continue
        record = ShardRecord.read(path)
        assert record is not None
        lost = Shard("", record.name)
        for other in (job.answers_path(lost), job.dead_letters_path(lost), path):
            other.unlink(missing_ok=True)
        gone.append(record.name)
    run.state.mkdir(exist_ok=True)
    return sorted(gone)


def _is_done(job: ShardJob, shard: Shard) -> bool:
    """Whether the shard, as it is now, has answers that are there still."""
    record = ShardRecord.read(job.record_path(shard))
    return (
        record is not None
        and record.failure is None
        and list(record.state) == shard.state()
        and (not record.written or job.answers_path(shard).exists())
    )


@contextmanager
def _told(job: ShardJob, shards: Sequence[Shard], progress: Progress) -> Iterator[None]:
    """Tells in a thread how many shards are done: runners tell nothing of their own."""
    ended = threading.Event()
    before = sum(_is_done(job, shard) for shard in shards)
    folder = Path(job.folder, "state")

    def look() -> None:
        while True:
            done = sum(1 for name in os.listdir(folder) if name.endswith(".json"))
            progress("Shards", max(before, min(done, len(shards))), len(shards))
            if ended.wait(_SECONDS_BETWEEN_LOOKS):
                return

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _totals(
    folder: Path, job: ShardJob, shards: Sequence[Shard], warn: Callable[[str], None]
) -> ShardTotals:
    records = []
    for shard in shards:
        record = ShardRecord.read(job.record_path(shard))
        if record is None or (record.written and not job.answers_path(shard).exists()):
            raise DataError.at(
                shard.source, f"the runner ended without answers to it; resume the run in {folder}"
            )
        records.append(record)
        for warning in record.warnings:
            warn(f"{shard.source}: {warning}")
    return ShardTotals(
        folder=folder,
        shards=sum(record.failure is None for record in records),
        rows=sum(record.rows for record in records),
        dead=sum(record.dead for record in records),
        failures={
            shard.source: record.failure
            for shard, record in zip(shards, records, strict=True)
            if record.failure is not None
        },
        batches=sum(record.batches for record in records),
        model_seconds=sum(record.model_seconds for record in records),
        told=[record.told for record in records],
    )


def _write_dead_letters(folder: Path, job: ShardJob, shards: Sequence[Shard]) -> None:
    """One file of all shards', in their order; none where there are none."""
    path = folder / "dead_letters.jsonl"
    parts = [part for shard in shards if (part := job.dead_letters_path(shard)).exists()]
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
