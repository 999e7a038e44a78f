"""What a file asks for: texts, and their annotations by one hand or several."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from tfp_dgm.data import AnnotatedTable, LabelledTable, read_annotated_table, read_labelled_table
from tfp_dgm.labelling.annotated_fitting import fit_from_answers
from tfp_dgm.labelling.annotators import Answers
from tfp_dgm.labelling.classifier import TextClassifier
from tfp_dgm.labelling.classifier_fitting import fit_classifier
from tfp_dgm.labelling.outcome import Outcome


@dataclass(frozen=True)
class LabellingTask:
    """A table and how its texts are labelled.

    Attributes:
      table: as it was read.
      item: int [N]; the text of each row of the table.
      fit: trains the predictor; takes the arguments of `fit_classifier` that come by name.
    """

    table: LabelledTable | AnnotatedTable
    item: np.ndarray
    fit: Callable[..., tuple[TextClassifier, Outcome]]


def read_task(
    source: str | os.PathLike[str],
    *,
    text_columns: Sequence[str],
    label_column: str | Sequence[str],
    annotator_column: str | None,
    separator: str,
    classes: Sequence[str] | None,
    quoting: bool,
) -> LabellingTask:
    """Reads a table with one column of labels, or with those of several annotators.

    Args, Raises: as for `label_file`.
    """
    if isinstance(label_column, str) and annotator_column is None:
        labelled = read_labelled_table(
            source,
            text_columns=text_columns,
            label_column=label_column,
            separator=separator,
            classes=classes,
            quoting=quoting,
        )
        fit = partial(fit_classifier, labelled.texts, labelled.allowed, labelled.classes)
        return LabellingTask(labelled, np.arange(len(labelled.texts)), fit)
    table = read_annotated_table(
        source,
        text_columns=text_columns,
        label_columns=[label_column] if isinstance(label_column, str) else label_column,
        annotator_column=annotator_column,
        separator=separator,
        classes=classes,
        quoting=quoting,
    )
    row, annotator, label = table.answers.T
    answers = Answers(row, annotator, label, len(table.texts), len(table.classes), table.annotators)
    return LabellingTask(
        table, table.item, partial(fit_from_answers, table.texts, answers, table.classes)
    )
