"""New files, labelled with a trained model in a stream."""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

import tensorflow as tf

from tfp_dgm.confidence import NONE
from tfp_dgm.data import (
    DataError,
    TableChunk,
    TableWriter,
    check_labelled_table,
    check_new_columns,
    iter_table_chunks,
    read_json,
    read_label_settings,
)
from tfp_dgm.labelling.answer_columns import (
    PREDICTED_COLUMNS,
    ROWS_PER_BATCH,
    Classify,
    predicted_columns,
    predicted_names,
)
from tfp_dgm.labelling.classifiers import TextClassifiers
from tfp_dgm.labelling.column_prefix import prefixed, prefixed_names
from tfp_dgm.labelling.drift import Drift
from tfp_dgm.labelling.multi_label.multi_label_columns import (
    PREDICTED_COLUMNS as MULTI_LABEL_COLUMNS,
)
from tfp_dgm.labelling.multi_label.multi_label_columns import (
    predicted_columns as multi_label_columns,
)
from tfp_dgm.labelling.multi_label.multi_label_file import label_writer
from tfp_dgm.labelling.reasons import REASONS, WordReasons, reasons_column
from tfp_dgm.labelling.word_rationales import RATIONALE
from tfp_dgm.models import load_model
from tfp_dgm.networks.pretrained_tokens import register_operations
from tfp_dgm.ordered_work import done_in_order, useful_threads
from tfp_dgm.serving.replay import DAMAGE, damage
from tfp_dgm.training import Progress

_ROWS_PER_CHUNK = 8192
_ROWS_WITHOUT_ENCODER = 1024


def predict_file(
    model_directory: str | os.PathLike[str],
    source: str | os.PathLike[str],
    output: str | os.PathLike[str],
    *,
    text_columns: Sequence[str] | None = None,
    quoting: bool = True,
    guard_formulas: bool = False,
    reasons: bool = False,
    progress: Progress = lambda step, done, total: None,
    warn: Callable[[str], None] = lambda warning: None,
) -> int:
    """Labels a file with the SavedModel that `label_file` wrote.

    Args:
      model_directory: the folder that `label_file` wrote.
      source: CSV, TSV, JSONL (each also gzipped) or Parquet.
      output: the same rows with `PREDICTED_COLUMNS`, of each label column where there are several;
        of a tree of classes also `SAFE_COLUMNS`, of a model with rationales `rationale`;
        of a model of several labels a row those of `multi_label_columns`.
      text_columns: columns that hold the text; None takes those of the training.
      quoting: whether cells of a CSV or TSV source may be quoted; where not, a quote is a letter.
      guard_formulas: whether a CSV or TSV output is made safe for spreadsheets; see
        `data.TableWriter`.
      reasons: whether a column `reasons` holds the words that spoke for and against each predicted
        label; see `WordReasons`. Needs what the training needed, with an encoder KerasHub.
      progress: called with a step's name, the rows done, and None (a stream has no known end).
      warn: called with each sentence on what is doubtful in the source, and on how it differs as a
        whole from what the model was trained on; see `drift.Drift`.
    Returns:
      The number of rows.
    Raises:
      DataError: if the folder holds no model or a damaged one, or for whatever is wrong with a
        file; the output is not written then.
    """
    model_directory, source = Path(model_directory), Path(source)
    check_labelled_table(output, [source])
    settings = read_label_settings(model_directory)
    answer = row_answers(model_directory, output, reasons=reasons)
    # An encoder has all cores for itself, and is slow enough to be told of its progress more often.
    slow = reasons or _encoded(settings)

    def work() -> Iterator[tuple[TableChunk, list[str]]]:
        for chunk in iter_table_chunks(
            source,
            text_columns=text_columns or list(settings["text_columns"]),
            chunk_rows=_ROWS_PER_CHUNK // 8 if slow else _ROWS_PER_CHUNK,
            quoting=quoting,
        ):
            check_new_columns(source, chunk.frame.columns, answer.names)
            yield chunk, chunk.texts

    step = f"Labelling {source.name}"
    done = 0
    warnings: tuple[str, ...] = ()
    with TableWriter(output, inputs=[source], guard_formulas=guard_formulas) as writer:
        threads = 1 if slow else useful_threads()
        for chunk, new in done_in_order(answer.columns, work(), threads=threads):
            for column, drift in answer.drifts.items():
                labels = new[prefixed(column, "predicted_label")]
                drift.add(labels, new[prefixed(column, "novelty")])
            writer.write(chunk.frame, {name: new[name] for name in answer.names})
            done += len(chunk.texts)
            progress(step, done, None)
            warnings = chunk.warnings
    for warning in warnings:
        warn(warning)
    for column, drift in answer.drifts.items():
        for warning in drift.warnings():
            warn(warning if column is None else f"{column}: {warning}")
    return done


Columns: TypeAlias = dict[str, list[Any]]


@dataclass(frozen=True)
class RowAnswers:
    """What is added to each row.

    Attributes:
      names: of the columns.
      columns: texts [N] -> columns.
      drifts: by label column, what tells whether the file is like the training's.
    """

    names: Sequence[str]
    columns: Callable[[Sequence[str]], Columns]
    drifts: Mapping[str | None, Drift] = field(default_factory=dict)


def row_answers(
    model_directory: Path, output: str | os.PathLike[str], *, reasons: bool = False
) -> RowAnswers:
    """Loads a model for what it adds to the rows of tables.

    Args:
      model_directory: the folder that `label_file` wrote.
      output: tells by its ending how several labels are written.
      reasons: as for `predict_file`.
    Raises:
      DataError: if the folder holds no model or a damaged one, or it gives no reasons.
    """
    settings = read_label_settings(model_directory)
    classify = _load(model_directory, settings)
    if settings.get("multi_label"):
        found = _several_labels(classify, settings, Path(output), reasons=reasons)
    else:
        found = _one_label(classify, settings, model_directory, reasons=reasons)
    return replace(found, columns=partial(_once, found.columns))


def _once(answer: Callable[[Sequence[str]], Columns], texts: Sequence[str]) -> Columns:
    """The columns of texts [N], of which those that are equal are answered once."""
    place = {text: row for row, text in enumerate(dict.fromkeys(texts))}
    columns = answer(list(place))
    if len(place) == len(texts):
        return columns
    rows = [place[text] for text in texts]
    return {name: [values[row] for row in rows] for name, values in columns.items()}


def _several_labels(
    classify: Classify, settings: dict[str, Any], output: Path, *, reasons: bool
) -> RowAnswers:
    if reasons:
        raise DataError("reasons: a model of several labels a row gives none")
    writer = label_writer(
        output, settings["classes"], settings["separator"], lists=settings["lists"]
    )
    rows_at_once = _rows_at_once(settings)
    return RowAnswers(
        MULTI_LABEL_COLUMNS,
        lambda texts: multi_label_columns(classify, texts, writer, rows_at_once),
    )


def _one_label(
    classify: Classify, settings: dict[str, Any], model_directory: Path, *, reasons: bool
) -> RowAnswers:
    """Of each label column, where there are several."""
    label_columns: list[str | None] = settings.get("label_columns") or [None]
    explain = _explain(model_directory, label_columns) if reasons else {}
    levels = settings.get("levels") or {}
    of_column = levels if isinstance(levels, dict) else {None: levels}
    safe = [column for column, own in of_column.items() if own]
    further = (RATIONALE,) if settings.get("rationales") else ()
    names = prefixed_names(
        {
            column: (*predicted, *((REASONS,) if reasons else ()))
            for column, predicted in predicted_names(label_columns, safe, further).items()
        }
    )

    def columns(texts: Sequence[str]) -> Columns:
        new = predicted_columns(
            classify, texts, label_columns, safe, further, rows_at_once=_rows_at_once(settings)
        )
        for column, why in explain.items():
            own = {name: new[prefixed(column, name)] for name in PREDICTED_COLUMNS}
            new[prefixed(column, REASONS)] = reasons_column(why, texts, own, lambda done: None)
        return new

    return RowAnswers(names, columns, drifts_of(model_directory, label_columns))


def _encoded(settings: dict[str, Any]) -> bool:
    """Whether a pretrained encoder reads the texts."""
    taken = settings.get("encoder_choice", {}).get("taken", settings["encoder"])
    return taken not in (None, NONE)


def _rows_at_once(settings: dict[str, Any]) -> int:
    return ROWS_PER_BATCH if _encoded(settings) else _ROWS_WITHOUT_ENCODER


def drifts_of(
    model_directory: Path, label_columns: Sequence[str | None]
) -> dict[str | None, Drift]:
    """Of each label column whose metrics have a reference; those of old models lack it."""
    try:
        found = read_json(model_directory / "metrics.json", "the metrics of a labelling")
    except DataError:
        return {}  # A folder that serves may lack what only a person reads.
    of_columns = {
        column: found if column is None else found.get("columns", {}).get(column, {})
        for column in label_columns
    }
    return {
        column: Drift(figures["drift_reference"])
        for column, figures in of_columns.items()
        if "drift_reference" in figures
    }


def _load(model_directory: Path, settings: dict[str, Any]) -> Classify:
    """The SavedModel's signature."""
    if settings["encoder"] not in (None, NONE):
        register_operations()
    folder = model_directory / "saved_model" / "1"
    try:
        signature = tf.saved_model.load(str(folder)).signatures["serving_default"]
        return lambda texts: signature(text=texts)
    except (OSError, ValueError, KeyError, TypeError, *DAMAGE) as error:
        raise DataError.at(
            folder,
            "expected the SavedModel that `dgm label` wrote, which is missing or damaged: "
            f"{damage(error)}",
        ) from error


def _explain(
    model_directory: Path, label_columns: Sequence[str | None]
) -> dict[str | None, WordReasons]:
    """The reasons of each label column."""
    model = load_model(model_directory / "model.keras")
    classifiers = model.classifiers if isinstance(model, TextClassifiers) else [model]
    return {
        column: WordReasons(classifier)
        for column, classifier in zip(label_columns, classifiers, strict=True)
    }
