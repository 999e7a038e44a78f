"""What a model's folder records of how its file was labelled."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from tfp_dgm.confidence import EncoderChoice
from tfp_dgm.data import AnnotationColumns
from tfp_dgm.installed_versions import installed_versions
from tfp_dgm.labelling.labelling_task import Definitions, LabellingTask


def recorded_settings(
    tasks: Sequence[LabellingTask],
    asked: AnnotationColumns,
    defined: Definitions | None,
    encoder_choice: EncoderChoice,
    **arguments: Any,
) -> dict[str, Any]:
    """Settings for JSON; what differs between several label columns under the columns' names.

    Args:
      tasks: of the label columns.
      asked: the columns that hold annotations.
      defined: what is said of the classes.
      encoder_choice: which encoder was taken, and why.
      arguments: what else was asked for, as it is.
    """
    classes = [list(task.table.classes) for task in tasks]
    levels = [[list(level.names) for level in task.levels] for task in tasks]
    return {
        **arguments,
        **_columns(asked),
        "classes": _by_column(tasks, classes),
        "definitions": _definitions(defined),
        "levels": _by_column(tasks, levels),
        "encoder_choice": asdict(encoder_choice),
        "versions": installed_versions(),
    }


def _columns(asked: AnnotationColumns) -> dict[str, Any]:
    """The settings that name the columns of annotations."""
    if asked.answers:
        return {"answer_columns": list(asked.answers)}
    if len(asked.labels) > 1:
        return {"label_columns": list(asked.labels)}
    return {"label_column": asked.labels[0] if asked.labels else None}


def _by_column(tasks: Sequence[LabellingTask], values: Sequence[Any]) -> Any:
    """A value of the one task, or those of several under the names of their columns."""
    if len(tasks) == 1:
        return values[0]
    return {task.column: value for task, value in zip(tasks, values, strict=True)}


def _definitions(defined: Definitions | None) -> Any:
    if defined is None:
        return None
    if isinstance(defined, Mapping):
        return {column: _definitions(own) for column, own in defined.items()}
    return defined.recorded()
