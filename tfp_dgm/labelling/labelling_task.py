"""What a file asks for: texts, and their annotations by one hand or several."""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, cast

import numpy as np

from tfp_dgm.data import (
    AnnotatedTable,
    AnnotationColumns,
    ClassDefinitions,
    DataError,
    LabelledTable,
    columns_alike,
    read_annotated_table,
    read_labelled_columns,
    read_labelled_table,
)
from tfp_dgm.labelling.annotated_fitting import fit_from_answers
from tfp_dgm.labelling.annotators import Answers
from tfp_dgm.labelling.class_levels import Level, class_levels
from tfp_dgm.labelling.classifier import TextClassifier
from tfp_dgm.labelling.classifier_fitting import fit_classifier
from tfp_dgm.labelling.kept_features import KeptFeatures
from tfp_dgm.labelling.outcome import Outcome
from tfp_dgm.labelling.rationale_fitting import fit_rationales
from tfp_dgm.training import Progress

Classes = Sequence[str] | Mapping[str, Sequence[str]]
Definitions = ClassDefinitions | Mapping[str, ClassDefinitions]


@dataclass(frozen=True)
class LabellingTask:
    """A table and how its texts are labelled.

    Attributes:
      column: the label column where there are several, of which this is one; else None.
      table: as it was read.
      item: int [N]; the text of each row of the table.
      fit: trains the predictor; takes the arguments of `fit_classifier` that come by name.
      levels: above the classes, where these are a tree.
    """

    column: str | None
    table: LabelledTable | AnnotatedTable
    item: np.ndarray
    fit: Callable[..., tuple[TextClassifier, Outcome]]
    levels: Sequence[Level]


def read_tasks(
    source: str | os.PathLike[str],
    *,
    columns: AnnotationColumns,
    text_columns: Sequence[str],
    separator: str,
    classes: Classes | None,
    definitions: Definitions | None,
    quoting: bool,
) -> list[LabellingTask]:
    """Reads a table; a task for each of its label columns, or one of several annotators' answers.

    Args, Raises: as for `label_file`.
    """
    several = len(columns.labels) > 1
    if classes is not None and isinstance(classes, Mapping) != several:
        expected = "class names by label column" if several else "class names"
        raise DataError(f"classes: expected {expected}; received {classes!r}")
    reading: dict[str, Any] = {
        "text_columns": text_columns,
        "separator": separator,
        "quoting": quoting,
    }
    if several:
        by_column = cast(Mapping[str, ClassDefinitions], definitions or {})
        tables = read_labelled_columns(
            source,
            label_columns=columns.labels,
            classes=cast(Mapping[str, Sequence[str]] | None, classes),
            definitions=by_column,
            **reading,
        )
        return [_of_one(column, table, by_column.get(column)) for column, table in tables.items()]
    defined = cast(ClassDefinitions | None, definitions)
    names = cast(Sequence[str] | None, classes)
    if defined is not None and names is not None:
        raise DataError("classes: expected none beside `definitions`, which name them all")
    if columns.answers or columns.annotator is not None:
        return [_of_annotators(source, columns, names, defined, **reading)]
    table = read_labelled_table(
        source,
        label_column=columns.labels[0] if columns.labels else None,
        classes=names,
        definitions=defined,
        **reading,
    )
    return [_of_one(None, table, defined)]


def _of_one(
    column: str | None, table: LabelledTable, definitions: ClassDefinitions | None
) -> LabellingTask:
    fit = partial(
        fit_classifier, table.texts, table.allowed, table.classes, definitions=definitions
    )
    return LabellingTask(column, table, np.arange(len(table.texts)), fit, class_levels(definitions))


def _of_annotators(
    source: str | os.PathLike[str],
    columns: AnnotationColumns,
    classes: Sequence[str] | None,
    definitions: ClassDefinitions | None,
    **reading: Any,
) -> LabellingTask:
    table = read_annotated_table(
        source,
        label_columns=columns.answers or columns.labels,
        annotator_column=columns.annotator,
        classes=classes if definitions is None else definitions.classes,
        **reading,
    )
    row, annotator, label = table.answers.T
    answers = Answers(row, annotator, label, len(table.texts), len(table.classes), table.annotators)
    fit = partial(fit_from_answers, table.texts, answers, table.classes, definitions=definitions)
    return LabellingTask(None, table, table.item, fit, class_levels(definitions))


def fit_tasks(
    tasks: Sequence[LabellingTask],
    *,
    min_precision: float,
    encoder: str | None,
    tune_encoder: bool,
    seed: int,
    rationales: bool = False,
    kept: KeptFeatures | None = None,
    progress: Progress,
) -> tuple[list[TextClassifier], list[Outcome]]:
    """Trains a classifier for each task, all on one set of features.

    Args:
      tasks: of one table.
      min_precision, encoder, seed, progress: as for `fit_classifier`.
      tune_encoder: as there; several tasks share one encoder, which is not tuned.
      rationales: whether the classifiers tell them; see `fit_rationales`.
      kept: where features stay for a later training; those of several annotators do not.
    """
    options: dict[str, Any] = {
        "min_precision": min_precision,
        "encoder": encoder,
        "tune_encoder": tune_encoder and len(tasks) == 1,
        "seed": seed,
    }
    annotations = [task.table.allowed for task in tasks if isinstance(task.table, LabelledTable)]
    if len(tasks) > 1 or (kept is not None and annotations):
        features = (kept or KeptFeatures()).of(
            tasks[0].table.texts,
            encoder=encoder,
            annotations=annotations,
            seed=seed,
            progress=progress,
        )
        options |= {"features": features, "encoder": None}
    classifiers, outcomes = [], []
    for task in tasks:
        own_progress = partial(of_column, progress, task.column)
        classifier, outcome = task.fit(
            warnings=task.table.warnings, progress=own_progress, **options
        )
        if rationales:
            classifier, outcome = fit_rationales(
                classifier, outcome, seed=seed, progress=own_progress
            )
        classifiers.append(classifier)
        outcomes.append(outcome)
    return classifiers, outcomes


def task_warnings(tasks: Sequence[LabellingTask], outcomes: Sequence[Outcome]) -> list[str]:
    """What the outcomes warn of: once what all do, under the column's name what one does."""
    if len(tasks) == 1:
        return list(outcomes[0].warnings)
    said = list(columns_alike({str(task.column): task.table.classes for task in tasks}))
    said += [
        warning
        for warning in outcomes[0].warnings
        if all(warning in outcome.warnings for outcome in outcomes)
    ]
    return said + [
        f"{task.column}: {warning}"
        for task, outcome in zip(tasks, outcomes, strict=True)
        for warning in outcome.warnings
        if warning not in said
    ]


def of_column(
    progress: Progress, column: str | None, step: str, done: int, total: int | None
) -> None:
    """Tells how far a step is, and of which label column where there are several."""
    progress(step if column is None else f"{column}: {step}", done, total)
