"""The job with several labels a row: a partially annotated file in; table, model and report out."""

import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tfp_dgm.confidence import AUTO, check_min_precision
from tfp_dgm.data import (
    MultiLabelTable,
    check_label_results,
    check_new_columns,
    check_room,
    check_separator,
    files_told,
    read_class_definitions,
    read_multi_label_table,
    table_size,
    write_or_keep,
    write_table,
)
from tfp_dgm.installed_versions import installed_versions
from tfp_dgm.labelling.model_folder import model_card, write_results
from tfp_dgm.labelling.model_size import check_words, least_model_size
from tfp_dgm.labelling.multi_label.multi_label_classifier import MultiLabelClassifier
from tfp_dgm.labelling.multi_label.multi_label_columns import (
    NEW_COLUMNS,
    LabelWriter,
    new_columns,
)
from tfp_dgm.labelling.multi_label.multi_label_fitting import fit_multi_label
from tfp_dgm.labelling.multi_label.multi_label_outcome import MultiLabelOutcome
from tfp_dgm.labelling.multi_label.multi_label_report import render_multi_label_report
from tfp_dgm.labelling.multi_label.multi_label_scores import multi_label_metrics
from tfp_dgm.settings import check_seed
from tfp_dgm.training import Progress

SEPARATOR = ";"


@dataclass(frozen=True)
class MultiLabelFile:
    """What `label_multi_label_file` did, and where it lies.

    Attributes:
      output: the labelled table.
      model_directory: the folder of the model, its SavedModel, the report and the metrics.
      outcome: the labels of all rows, and what is known of their quality.
    """

    output: Path
    model_directory: Path
    outcome: MultiLabelOutcome

    @property
    def warnings(self) -> Sequence[str]:
        """What the person should know."""
        return self.outcome.warnings

    def summary(self) -> str:
        """A few lines for the screen."""
        outcome = self.outcome
        open_rows, accepted = int((~outcome.complete).sum()), int(outcome.accepted_rows.sum())
        predicted = int((outcome.predicted & (outcome.marks < 0)).sum())
        labels = int(outcome.accepted.sum())
        return "\n".join(
            [
                f"{open_rows:,} rows got {predicted:,} labels, {labels:,} of them safe to accept "
                f"at {100 * outcome.min_precision:g}% precision of each class",
                f"{accepted:,} rows ({accepted / max(open_rows, 1):.0%}) safe to accept as a whole",
                f"encoder  {outcome.encoder_choice}",
                *files_told(self.output, self.model_directory),
            ]
        )


def label_multi_label_file(
    source: str | os.PathLike[str],
    output: str | os.PathLike[str],
    *,
    text_columns: Sequence[str],
    label_columns: Sequence[str] = (),
    model_directory: str | os.PathLike[str] | None = None,
    min_precision: float = 0.95,
    classes: Sequence[str] | None = None,
    definitions: str | os.PathLike[str] | None = None,
    separator: str = SEPARATOR,
    quoting: bool = True,
    guard_formulas: bool = False,
    encoder: str | None = AUTO,
    seed: int = 0,
    progress: Progress = lambda step, done, total: None,
) -> MultiLabelFile:
    """Labels the rows of a file in which any of several classes may apply to a row.

    Args:
      source: CSV, TSV, JSONL (each also gzipped) or Parquet; see `data.read_multi_label_table`,
        also for what cells may say.
      output: the labelled table: every row and column of the source in its order, and
        `NEW_COLUMNS`.
      label_columns: the column of labels, or one of 0 and 1 for each class.
      definitions: a file that says what the classes are, in place of `classes`; see
        `data.read_class_definitions`. It teaches from the first label on, or before: then there
        need be no label column. Groups of classes are no answers here.
      separator: stands between the classes of a cell, in the output too.
      text_columns, model_directory, min_precision, classes, quoting, guard_formulas, encoder, seed,
        progress: as for `label_file`.
    Returns:
      What was done, and where it lies.
    Raises:
      DataError, OSError, ImportError: as for `label_file`.
    """
    check_min_precision(min_precision)
    check_seed(seed)
    check_separator(separator)
    output = Path(output)
    model_directory = check_label_results(source, output, model_directory)

    progress("Reading the table", 0, 1)
    defined = None if definitions is None else read_class_definitions(definitions)
    table = read_multi_label_table(
        source,
        text_columns=text_columns,
        label_columns=label_columns,
        separator=separator,
        classes=classes,
        definitions=defined,
        quoting=quoting,
    )
    check_new_columns(source, table.frame.columns, NEW_COLUMNS)
    writer = label_writer(output, table.classes, separator, lists=table.holds_lists)
    check_words(source, table.texts, text_columns)
    check_room(
        {
            output: table_size(table.frame, output),
            model_directory: least_model_size(table.texts, len(table.classes)),
        }
    )
    progress("Reading the table", 1, 1)
    model, outcome = fit_multi_label(
        table.texts,
        table.marks,
        table.classes,
        min_precision=min_precision,
        separator=separator,
        encoder=encoder,
        seed=seed,
        definitions=defined,
        warnings=table.warnings,
        progress=progress,
    )
    columns = new_columns(outcome, writer)
    settings: dict[str, Any] = {
        "source": Path(source).name,
        "text_columns": list(text_columns),
        "label_columns": list(label_columns),
        "multi_label": True,
        "lists": table.holds_lists,
        "classes": list(table.classes),
        "definitions": None if defined is None else defined.recorded(),
        "separator": separator,
        "quoting": quoting,
        "min_precision": min_precision,
        "encoder": encoder,
        "encoder_choice": asdict(outcome.encoder_choice),
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
            table.frame, path, columns, inputs=[source], guard_formulas=guard_formulas
        ),
        lambda folder: _write_folder(folder, model, outcome, settings, table),
        predict=("dgm", "predict"),
    )
    progress("Writing model and report", 1, 1)
    return MultiLabelFile(output, model_directory, outcome)


def label_writer(
    output: Path, classes: Sequence[str], separator: str, *, lists: bool
) -> LabelWriter:
    """How a table of the output's format holds labels.

    Args:
      output: tells the format by its ending.
      classes: K names.
      separator: stands between the classes of a cell.
      lists: whether the annotations were lists.
    Raises:
      DataError: if classes are to be put into one cell that the separator would tear apart.
    """
    suffixes = {suffix.lower() for suffix in output.suffixes}
    objects = bool(suffixes & {".jsonl", ".ndjson", ".parquet"})
    if not (lists and objects):
        check_separator(separator, classes)
    return LabelWriter(tuple(classes), separator, lists and objects, objects)


def _write_folder(
    folder: Path,
    model: MultiLabelClassifier,
    outcome: MultiLabelOutcome,
    settings: dict[str, Any],
    table: MultiLabelTable,
) -> None:
    found, title = multi_label_metrics(outcome), str(settings["source"])
    page = render_multi_label_report(
        outcome, title=title, row_names=table.places, settings=settings
    )
    write_results(folder, model, model_card(found), settings, found, page, title)
