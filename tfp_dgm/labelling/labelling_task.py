"""What a file asks for: texts, and their annotations by one hand or several."""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

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
from tfp_dgm.labelling.classifier import TextClassifier
from tfp_dgm.labelling.classifier_fitting import fit_classifier
from tfp_dgm.labelling.kept_features import KeptFeatures
from tfp_dgm.labelling.outcome import Outcome
from tfp_dgm.training import Progress

Classes = Sequence[str] | Mapping[str, Sequence[str]]


@dataclass(frozen=True)
class LabellingTask:
    """A table and how its texts are labelled.

    Attributes:
      column: the label column where there are several, of which this is one; else None.
      table: as it was read.
      item: int [N]; the text of each row of the table.
      fit: trains the predictor; takes the arguments of `fit_classifier` that come by name.
    """

    column: str | None
    table: LabelledTable | AnnotatedTable
    item: np.ndarray
    fit: Callable[..., tuple[TextClassifier, Outcome]]


def read_tasks(
    source: str | os.PathLike[str],
    *,
    columns: AnnotationColumns,
    text_columns: Sequence[str],
    separator: str,
    classes: Classes | None,
    definitions: ClassDefinitions | None,
    quoting: bool,
) -> list[LabellingTask]:
    """Reads a table; a task for each of its label columns, or one of several annotators' answers.

    Args, Raises: as for `label_file`.
    """
    if definitions is not None:
        return [_defined(source, columns, text_columns, separator, classes, definitions, quoting)]
    several = len(columns.labels) > 1
    if classes is not None and isinstance(classes, Mapping) != several:
        expected = "class names by label column" if several else "class names"
        raise DataError(f"classes: expected {expected}; received {classes!r}")
    if columns.answers or columns.annotator is not None:
        return [_of_annotators(source, columns, text_columns, separator, classes, quoting)]
    if classes is not None and not isinstance(classes, Mapping):
        classes = {columns.labels[0]: classes}
    tables = read_labelled_columns(
        source,
        text_columns=text_columns,
        label_columns=columns.labels,
        separator=separator,
        classes=classes,
        quoting=quoting,
    )
    return [
        LabellingTask(
            column if several else None,
            table,
            np.arange(len(table.texts)),
            partial(fit_classifier, table.texts, table.allowed, table.classes),
        )
        for column, table in tables.items()
    ]


def _defined(
    source: str | os.PathLike[str],
    columns: AnnotationColumns,
    text_columns: Sequence[str],
    separator: str,
    classes: Classes | None,
    definitions: ClassDefinitions,
    quoting: bool,
) -> LabellingTask:
    if classes is not None:
        raise DataError("classes: expected none beside `definitions`, which name them all")
    table = read_labelled_table(
        source,
        text_columns=text_columns,
        label_column=columns.labels[0] if columns.labels else None,
        separator=separator,
        definitions=definitions,
        quoting=quoting,
    )
    fit = partial(
        fit_classifier, table.texts, table.allowed, table.classes, definitions=definitions
    )
    return LabellingTask(None, table, np.arange(len(table.texts)), fit)


def _of_annotators(
    source: str | os.PathLike[str],
    columns: AnnotationColumns,
    text_columns: Sequence[str],
    separator: str,
    classes: Classes | None,
    quoting: bool,
) -> LabellingTask:
    table = read_annotated_table(
        source,
        text_columns=text_columns,
        label_columns=columns.answers or columns.labels,
        annotator_column=columns.annotator,
        separator=separator,
        classes=None if classes is None else list(classes),
        quoting=quoting,
    )
    row, annotator, label = table.answers.T
    answers = Answers(row, annotator, label, len(table.texts), len(table.classes), table.annotators)
    fit = partial(fit_from_answers, table.texts, answers, table.classes)
    return LabellingTask(None, table, table.item, fit)


def fit_tasks(
    tasks: Sequence[LabellingTask],
    *,
    min_precision: float,
    encoder: str | None,
    seed: int,
    kept: KeptFeatures | None = None,
    progress: Progress,
) -> tuple[list[TextClassifier], list[Outcome]]:
    """Trains a classifier for each task, all on one set of features.

    Args:
      tasks: of one table.
      min_precision, encoder, seed, progress: as for `fit_classifier`.
      kept: where features stay for a later training; those of several annotators do not.
    """
    options: dict[str, Any] = {"min_precision": min_precision, "encoder": encoder, "seed": seed}
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
        classifier, outcome = task.fit(
            warnings=task.table.warnings,
            progress=partial(of_column, progress, task.column),
            **options,
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
