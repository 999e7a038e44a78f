"""What is done of each shard, and what is known afterwards."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tfp_dgm.data import read_json
from tfp_dgm.serving.beam.shard_reader import Schema
from tfp_dgm.serving.beam.shards import Shard


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
