"""What a bulk run is asked to do, whatever model answers."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from tfp_dgm.progress import Progress, no_progress


@dataclass(frozen=True)
class BulkRun:
    """A run over the files that a pattern names.

    Attributes:
      pattern: see `shards_of`.
      output: a folder of this run alone, which workers reach at the same place: `shards/` for the
        answers, `dead_letters.jsonl` for what has none (file, row, reason, cells), `metrics.json`.
      text_columns: columns that hold the text; None takes those that the model knows.
      quoting: whether cells of CSV and TSV may be quoted; where not, a quote is a letter.
      guard_formulas: whether CSV and TSV are made safe for spreadsheets; see `data.TableWriter`.
      runner: a runner of Beam, such as DirectRunner, FlinkRunner, SparkRunner, DataflowRunner.
      runner_options: its options, names as Beam has them; "" where one takes no value.
      resume: answer the shards of an unfinished run that have no answers, or changed since.
      progress: called with a step's name, the shards done, and all.
      warn: called with each sentence on what is doubtful in a shard.
    """

    pattern: str | os.PathLike[str]
    output: str | os.PathLike[str]
    text_columns: Sequence[str] | None = None
    quoting: bool = True
    guard_formulas: bool = False
    runner: str = "DirectRunner"
    runner_options: Mapping[str, str] = field(default_factory=dict)
    resume: bool = False
    progress: Progress = no_progress
    warn: Callable[[str], None] = lambda warning: None
