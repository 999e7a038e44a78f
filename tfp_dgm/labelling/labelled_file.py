"""The main job: a partially annotated file in; table, model, report and metrics out."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tfp_dgm.data import (
    DataError,
    LabelledTable,
    check_label_results,
    check_new_columns,
    check_room,
    table_size,
    write_table,
)
from tfp_dgm.installed_versions import installed_versions
from tfp_dgm.labelling.acceptance import check_min_precision
from tfp_dgm.labelling.annotators import CROWD_COLUMNS
from tfp_dgm.labelling.keep_results import write_or_keep
from tfp_dgm.labelling.labelling_task import read_task
from tfp_dgm.labelling.model_folder import write_model
from tfp_dgm.labelling.model_size import least_model_size
from tfp_dgm.labelling.outcome import Outcome
from tfp_dgm.labelling.reasons import REASONS, WordReasons, reasons_column
from tfp_dgm.training import Progress

NEW_COLUMNS = (
    "predicted_label",
    "probability",
    "accept",
    "second_label",
    "second_probability",
    "suspect_label",
    "given_label_probability",
)


@dataclass(frozen=True)
class LabelledFile:
    """What `label_file` did, and where it lies.

    Attributes:
      output: the labelled table.
      model_directory: the folder of the model, its SavedModel, the report and the metrics.
      outcome: the labels of all rows, and what is known of their quality.
    """

    output: Path
    model_directory: Path
    outcome: Outcome

    def summary(self) -> str:
        """A few lines for the screen."""
        outcome = self.outcome
        open_rows = int((outcome.observed < 0).sum())
        accepted = int(outcome.accepted.sum())
        if outcome.threshold is None:
            verdict = f"none of them accepted at {outcome.min_precision:.0%} precision"
        else:
            verdict = (
                f"{accepted:,} of them ({accepted / max(open_rows, 1):.0%}) safe to accept at "
                f"{outcome.min_precision:.0%} precision"
            )
        return "\n".join(
            [
                f"{open_rows:,} rows labelled, {verdict}",
                f"table    {self.output}",
                f"report   {self.model_directory / 'report.html'}",
                f"metrics  {self.model_directory / 'metrics.json'}",
                f"model    {self.model_directory / 'model.keras'}",
                f"serving  {self.model_directory / 'saved_model'}",
            ]
        )


def label_file(
    source: str | os.PathLike[str],
    output: str | os.PathLike[str],
    *,
    text_columns: Sequence[str],
    label_column: str | Sequence[str],
    annotator_column: str | None = None,
    model_directory: str | os.PathLike[str] | None = None,
    min_precision: float = 0.95,
    classes: Sequence[str] | None = None,
    separator: str = "|",
    quoting: bool = True,
    guard_formulas: bool = False,
    encoder: str | None = None,
    reasons: bool = False,
    seed: int = 0,
    progress: Progress = lambda step, done, total: None,
) -> LabelledFile:
    """Labels the rows of a file that carry no label.

    Args:
      source: CSV, TSV, JSONL (each also gzipped) or Parquet; see `data.read_labelled_table`.
      output: the labelled table: every row and column of the source in its order, and
        `NEW_COLUMNS`; with several annotators `CROWD_COLUMNS`, too.
      text_columns: columns that hold the text.
      label_column: column of labels: nothing, a class, or a set of allowed classes. Several are
        columns of one annotator's labels each; see `fit_from_answers`.
      annotator_column: names who gave each row's label, where several annotators did; rows of one
        text are then one.
      model_directory: folder for model, SavedModel, report and metrics; None puts it beside the
        output, with the ending `.model`.
      min_precision: the share of accepted labels that must be right.
      classes: the class names; None takes those that occur as a label.
      separator: stands between the classes of a set.
      quoting: whether cells of a CSV or TSV source may be quoted; where not, a quote is a letter.
      guard_formulas: whether a CSV or TSV output is made safe for spreadsheets; see
        `data.TableWriter`.
      encoder: a pretrained text encoder; see `networks.SentenceEncoder.from_preset`.
      reasons: whether a column `reasons` holds the words that spoke for and against each predicted
        label; see `WordReasons`.
      seed: the same seed gives the same labels.
      progress: called with a step's name, how much of it is done, and how much there is.
    Returns:
      What was done, and where it lies.
    Raises:
      DataError: for whatever is wrong with a file or an argument; nothing is written then. Where
        the disk takes no more after the training, the message says what was kept.
      OSError, ImportError: if the encoder cannot be loaded.
    """
    check_min_precision(min_precision)
    output = Path(output)
    model_directory = check_label_results(source, output, model_directory)

    progress("Reading the table", 0, 1)
    task = read_task(
        source,
        text_columns=text_columns,
        label_column=label_column,
        annotator_column=annotator_column,
        separator=separator,
        classes=classes,
        quoting=quoting,
    )
    table = task.table
    crowd = () if isinstance(table, LabelledTable) else CROWD_COLUMNS
    check_new_columns(
        source, table.frame.columns, (*NEW_COLUMNS, *crowd, *((REASONS,) if reasons else ()))
    )
    progress("Reading the table", 1, 1)
    if not any(character.isalnum() for text in table.texts for character in text):
        raise DataError(f"{source}: expected texts with at least one word in {list(text_columns)}")
    check_room(
        {
            output: table_size(table.frame, output),
            model_directory: least_model_size(table.texts, len(table.classes)),
        }
    )
    model, outcome = task.fit(
        min_precision=min_precision,
        encoder=encoder,
        seed=seed,
        warnings=table.warnings,
        progress=progress,
    )
    columns = new_columns(outcome)
    if reasons:
        step = "Finding reasons"
        progress(step, 0, len(table.texts))
        columns[REASONS] = reasons_column(
            WordReasons(model),
            table.texts,
            columns,
            lambda done: progress(step, done, len(table.texts)),
        )
    settings: dict[str, Any] = {
        "source": Path(source).name,
        "text_columns": list(text_columns),
        "label_column": label_column if isinstance(label_column, str) else list(label_column),
        "annotator_column": annotator_column,
        "classes": list(table.classes),
        "separator": separator,
        "quoting": quoting,
        "min_precision": min_precision,
        "encoder": encoder,
        "reasons": reasons,
        "seed": seed,
        "output": output.name,
        "versions": installed_versions(),
    }
    progress("Writing model and report", 0, 1)
    write_or_keep(
        output,
        model_directory,
        Path(source),
        lambda path: write_table(
            table.frame,
            path,
            {name: [column[i] for i in task.item] for name, column in columns.items()},
            inputs=[source],
            guard_formulas=guard_formulas,
        ),
        lambda folder: write_model(
            folder, model, outcome, settings, table.places, title=Path(source).name
        ),
    )
    progress("Writing model and report", 1, 1)
    return LabelledFile(output, model_directory, outcome)


def new_columns(outcome: Outcome) -> dict[str, list[Any]]:
    """`NEW_COLUMNS` of each text, with several annotators `CROWD_COLUMNS` too.

    `accept` is empty where a label was given, those that speak of the label where none was.
    """
    rows = range(len(outcome.texts))
    best, second = outcome.ranking[:, 0], outcome.ranking[:, 1]
    names = outcome.classes
    values = (
        [names[k] for k in best],
        _rounded(outcome.constrained[rows, best]),
        _where(outcome.observed < 0, outcome.accepted),
        [names[k] for k in second],
        _rounded(outcome.constrained[rows, second]),
        _where(~outcome.unannotated, outcome.suspects),
        [None if np.isnan(p) else round(float(p), 6) for p in outcome.given_probability],
    )
    columns: dict[str, list[Any]] = dict(zip(NEW_COLUMNS, values, strict=True))
    return columns if outcome.crowd is None else columns | outcome.crowd.columns(names)


def _rounded(probabilities: np.ndarray) -> list[float]:
    # A float32 would be printed with the noise of its last digits.
    return [round(float(value), 6) for value in probabilities]


def _where(applies: np.ndarray, values: np.ndarray) -> list[bool | None]:
    return [bool(value) if here else None for here, value in zip(applies, values, strict=True)]
