"""The main job: a partially annotated file in; table, model, report and metrics out."""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from tfp_dgm.confidence import AUTO, check_min_precision
from tfp_dgm.data import (
    AnnotationColumns,
    DataError,
    LabelledTable,
    check_label_results,
    check_new_columns,
    check_room,
    files_told,
    read_class_definitions,
    table_size,
    write_or_keep,
    write_table,
)
from tfp_dgm.labelling.annotators import CROWD_COLUMNS
from tfp_dgm.labelling.answer_columns import SAFE_COLUMNS
from tfp_dgm.labelling.classifier import TextClassifier
from tfp_dgm.labelling.classifiers import TextClassifiers
from tfp_dgm.labelling.column_prefix import prefixed, prefixed_names
from tfp_dgm.labelling.kept_features import KeptFeatures
from tfp_dgm.labelling.labelling_task import (
    Classes,
    Definitions,
    fit_tasks,
    of_column,
    read_tasks,
    task_warnings,
)
from tfp_dgm.labelling.model_folder import write_column_models, write_model
from tfp_dgm.labelling.model_size import check_words, least_model_size
from tfp_dgm.labelling.outcome import Outcome
from tfp_dgm.labelling.outcome_columns import NEW_COLUMNS, new_columns
from tfp_dgm.labelling.reasons import REASONS, WordReasons, reasons_column
from tfp_dgm.labelling.recorded_settings import recorded_settings
from tfp_dgm.labelling.word_rationales import RATIONALE, rationale_column
from tfp_dgm.settings import check_seed
from tfp_dgm.training import Progress


@dataclass(frozen=True)
class LabelledFile:
    """What `label_file` did, and where it lies.

    Attributes:
      output: the labelled table.
      model_directory: the folder of the model, its SavedModel, the report and the metrics.
      outcomes: the labels of all rows, and what is known of their quality, by label column; of
        columns of answers there is one, under their names together.
      warnings: what the person should know; what is about one of several columns begins with its
        name.
    """

    output: Path
    model_directory: Path
    outcomes: Mapping[str, Outcome]
    warnings: Sequence[str]

    @property
    def outcome(self) -> Outcome:
        """The outcome where there is one label column.

        Raises:
          ValueError: if there are several.
        """
        if len(self.outcomes) > 1:
            raise ValueError(
                f"outcome: expected one label column; `outcomes` has {[*self.outcomes]}"
            )
        return next(iter(self.outcomes.values()))

    def summary(self) -> str:
        """A few lines for the screen."""
        several = len(self.outcomes) > 1
        return "\n".join(
            [
                *(
                    f"{column}: {_verdict(outcome)}" if several else _verdict(outcome)
                    for column, outcome in self.outcomes.items()
                ),
                f"encoder  {next(iter(self.outcomes.values())).encoder_choice}",
                *files_told(self.output, self.model_directory),
            ]
        )


def _verdict(outcome: Outcome) -> str:
    open_rows = int((outcome.observed < 0).sum())
    accepted = int(outcome.accepted.sum())
    if outcome.threshold is None:
        verdict = f"none of them accepted at {100 * outcome.min_precision:g}% precision"
    else:
        verdict = (
            f"{accepted:,} of them ({accepted / max(open_rows, 1):.0%}) safe to accept at "
            f"{100 * outcome.min_precision:g}% precision"
        )
    return f"{open_rows:,} rows labelled, {verdict}"


def label_file(
    source: str | os.PathLike[str],
    output: str | os.PathLike[str],
    *,
    text_columns: Sequence[str],
    label_column: str | Sequence[str] | None = None,
    answer_columns: Sequence[str] | None = None,
    annotator_column: str | None = None,
    model_directory: str | os.PathLike[str] | None = None,
    min_precision: float = 0.95,
    classes: Classes | None = None,
    definitions: str | os.PathLike[str] | Mapping[str, str | os.PathLike[str]] | None = None,
    separator: str = "|",
    quoting: bool = True,
    guard_formulas: bool = False,
    encoder: str | None = AUTO,
    tune_encoder: bool = True,
    reasons: bool = False,
    rationales: bool = False,
    seed: int = 0,
    kept: KeptFeatures | None = None,
    progress: Progress = lambda step, done, total: None,
) -> LabelledFile:
    """Labels the rows of a file that carry no label.

    Args:
      source: CSV, TSV, JSONL (each also gzipped) or Parquet; see `data.read_labelled_table`.
      output: the labelled table: every row and column of the source in its order, and
        `NEW_COLUMNS`; with several annotators `CROWD_COLUMNS`, too. Of several label columns each
        gets columns of its own, whose names begin with its name, as `topic_predicted_label`.
      text_columns: columns that hold the text.
      label_column: column of labels: nothing, a class, or a set of allowed classes. Several are
        questions of their own about one text, which share its features.
      answer_columns: in place of it, columns of one annotator's labels each; see
        `fit_from_answers`.
      annotator_column: names who gave each row's label, where several annotators did; rows of one
        text are then one.
      model_directory: folder for model, SavedModel, report and metrics; None puts it beside the
        output, with the ending `.model`.
      min_precision: the share of accepted labels that must be right.
      classes: the class names, of several label columns a mapping from column to names; None takes
        those that occur as a label.
      definitions: a file that says what the classes are, in place of `classes`; see
        `data.read_class_definitions`; of several label columns a mapping from column to file, of
        all or some. It teaches from the first label on, or before: then there need be no label
        column. Where it names groups of classes, `SAFE_COLUMNS` are added.
      separator: stands between the classes of a set.
      quoting: whether cells of a CSV or TSV source may be quoted; where not, a quote is a letter.
      guard_formulas: whether a CSV or TSV output is made safe for spreadsheets; see
        `data.TableWriter`.
      encoder: "auto", "none" or None, or a pretrained text encoder; see `choose_encoder`.
      tune_encoder: whether one that is read in full is also tuned to the labels, where that pays;
        see `EncoderTuning`. It takes minutes. Of several label columns it stays as it is.
      reasons: whether a column `reasons` holds the words that spoke for and against each predicted
        label; see `WordReasons`.
      rationales: whether a column `rationale` holds the words from which alone the predicted label
        can be read; the model gives them, too; see `fit_rationales`.
      seed: the same seed gives the same labels.
      kept: where what is learned of the texts alone stays for a later call.
      progress: called with a step's name, how much of it is done, and how much there is.
    Returns:
      What was done, and where it lies.
    Raises:
      DataError: for whatever is wrong with a file or an argument; nothing is written then. Where
        the disk takes no more after the training, the message says what was kept.
      OSError, ImportError: if the encoder cannot be loaded.
    """
    asked = AnnotationColumns.of(
        label_column, answer_columns, annotator_column, defined=definitions is not None
    )
    check_min_precision(min_precision)
    check_seed(seed)
    output = Path(output)
    model_directory = check_label_results(source, output, model_directory)

    progress("Reading the table", 0, 1)
    defined = _read_definitions(definitions, asked)
    tasks = read_tasks(
        source,
        columns=asked,
        text_columns=text_columns,
        separator=separator,
        classes=classes,
        definitions=defined,
        quoting=quoting,
    )
    table = tasks[0].table
    crowd = () if isinstance(table, LabelledTable) else CROWD_COLUMNS
    words = {RATIONALE: rationales, REASONS: reasons}
    others = (*crowd, *(name for name, asked_for in words.items() if asked_for))
    new_names = {
        task.column: (*NEW_COLUMNS, *(SAFE_COLUMNS if task.levels else ()), *others)
        for task in tasks
    }
    check_new_columns(source, table.frame.columns, prefixed_names(new_names))
    progress("Reading the table", 1, 1)
    check_words(source, table.texts, text_columns)
    num_classes = sum(len(task.table.classes) for task in tasks)
    check_room(
        {
            output: table_size(table.frame, output),
            model_directory: least_model_size(table.texts, num_classes),
        }
    )
    classifiers, outcomes = fit_tasks(
        tasks,
        min_precision=min_precision,
        encoder=encoder,
        tune_encoder=tune_encoder,
        seed=seed,
        rationales=rationales,
        kept=kept,
        progress=progress,
    )
    columns: dict[str, list[Any]] = {}
    for task, classifier, outcome in zip(tasks, classifiers, outcomes, strict=True):
        new = new_columns(outcome)
        told = table.texts, partial(of_column, progress, task.column)
        if rationales:
            tell = partial(rationale_column, classifier, table.texts, new)
            new[RATIONALE] = _of_words("Finding rationales", tell, *told)
        if reasons:
            tell = partial(reasons_column, WordReasons(classifier), table.texts, new)
            new[REASONS] = _of_words("Finding reasons", tell, *told)
        columns |= {prefixed(task.column, name): values for name, values in new.items()}
    settings = recorded_settings(
        tasks,
        asked,
        defined,
        outcomes[0].encoder_choice,
        source=Path(source).name,
        text_columns=list(text_columns),
        annotator_column=annotator_column,
        separator=separator,
        quoting=quoting,
        min_precision=min_precision,
        encoder=encoder,
        tune_encoder=tune_encoder,
        reasons=reasons,
        rationales=rationales,
        seed=seed,
        output=output.name,
    )
    labelled = LabelledFile(
        output,
        model_directory,
        dict(zip(asked.labels or [", ".join(asked.answers)], outcomes, strict=True)),
        task_warnings(tasks, outcomes),
    )
    progress("Writing model and report", 0, 1)
    write_or_keep(
        output,
        model_directory,
        Path(source),
        lambda path: write_table(
            table.frame,
            path,
            {name: [column[i] for i in tasks[0].item] for name, column in columns.items()},
            inputs=[source],
            guard_formulas=guard_formulas,
        ),
        lambda folder: _write_models(folder, classifiers, labelled, settings, table.places),
        predict=("dgm", "predict"),
    )
    progress("Writing model and report", 1, 1)
    return labelled


def _of_words(
    step: str,
    tell: Callable[[Callable[[int], None]], list[str]],
    texts: Sequence[str],
    progress: Progress,
) -> list[str]:
    """A column of words that are found text by text."""
    progress(step, 0, len(texts))
    return tell(lambda done: progress(step, done, len(texts)))


def _write_models(
    folder: Path,
    classifiers: Sequence[TextClassifier],
    labelled: LabelledFile,
    settings: dict[str, Any],
    places: Sequence[str],
) -> None:
    title = str(settings["source"])
    if len(classifiers) == 1:
        write_model(folder, classifiers[0], labelled.outcome, settings, places, title)
        return
    model = TextClassifiers.of(dict(zip(labelled.outcomes, classifiers, strict=True)))
    write_column_models(
        folder, model, labelled.outcomes, settings, places, title, labelled.warnings
    )


def _read_definitions(
    given: str | os.PathLike[str] | Mapping[str, str | os.PathLike[str]] | None,
    asked: AnnotationColumns,
) -> Definitions | None:
    """The definitions in the file, or in that of each label column."""
    if given is None:
        return None
    several = len(asked.labels) > 1
    if isinstance(given, Mapping) != several:
        expected = "a mapping from label column to file" if several else "one file"
        raise DataError(f"definitions: expected {expected}; received {given!r}")
    if isinstance(given, Mapping):
        return {column: read_class_definitions(path) for column, path in given.items()}
    return read_class_definitions(given)
