"""The step of a pipeline that answers shards."""

from __future__ import annotations

from collections.abc import Iterator

import apache_beam as beam
from apache_beam.metrics import Metrics
from apache_beam.utils.shared import Shared

from tfp_dgm.serving.beam.shard_answers import RowAnswers, answer_shard
from tfp_dgm.serving.beam.shard_job import ShardJob
from tfp_dgm.serving.beam.shards import Shard
from tfp_dgm.serving.beam.signature_handler import NAMESPACE
from tfp_dgm.serving.opening import Opening


class ShardStep(beam.DoFn):
    """Answers shards by a model that the threads of a worker's process share.

    Counts in the runner's metrics, namespace `tfp_dgm`: `rows`, `dead_letters`, `batches` and
    `model_milliseconds`.

    Args:
      open_answers: loads the model.
      job: how shards are read, and where the answers go.
    """

    def __init__(self, open_answers: Opening, job: ShardJob) -> None:
        self._open = open_answers
        self._job = job
        self._shared = Shared()
        self._answers: RowAnswers | None = None
        self._rows = Metrics.counter(NAMESPACE, "rows")
        self._dead = Metrics.counter(NAMESPACE, "dead_letters")
        self._batches = Metrics.counter(NAMESPACE, "batches")
        self._milliseconds = Metrics.counter(NAMESPACE, "model_milliseconds")

    def setup(self) -> None:
        self._answers = self._shared.acquire(self._open)

    def process(self, shard: Shard) -> Iterator[str]:
        assert self._answers is not None
        record = answer_shard(self._answers, self._job, shard)
        self._rows.inc(record.rows)
        self._dead.inc(record.dead)
        self._batches.inc(record.batches)
        self._milliseconds.inc(round(1000 * record.model_seconds))
        yield record.name
