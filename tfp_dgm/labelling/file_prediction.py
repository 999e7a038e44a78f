"""New files, labelled with a trained model in a stream."""

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
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
    SAFE_COLUMNS,
    Classify,
    predicted_columns,
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
from tfp_dgm.models import load_model
from tfp_dgm.networks.pretrained_tokens import register_operations
from tfp_dgm.ordered_work import done_in_order
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
    processes: int = 1,
    progress: Progress = lambda step, done, total: None,
    warn: Callable[[str], None] = lambda warning: None,
) -> int:
    """Labels a file with the SavedModel that `label_file` wrote.

    Args:
      model_directory: the folder that `label_file` wrote.
      source: CSV, TSV, JSONL (each also gzipped) or Parquet.
      output: the same rows with `PREDICTED_COLUMNS`, of each label column where there are several;
        of a tree of classes also `SAFE_COLUMNS`; of a model of several labels a row those of
        `multi_label_columns`.
      text_columns: columns that hold the text; None takes those of the training.
      quoting: whether cells of a CSV or TSV source may be quoted; where not, a quote is a letter.
      guard_formulas: whether a CSV or TSV output is made safe for spreadsheets; see
        `data.TableWriter`.
      reasons: whether a column `reasons` holds the words that spoke for and against each predicted
        label; see `WordReasons`. Needs what the training needed, with an encoder KerasHub.
      processes: so many answer at once, each with the model in its memory; with more than one, this
        one reads and writes meanwhile.
      progress: called with a step's name, the rows done, and None (a stream has no known end).
      warn: called with each sentence on what is doubtful in the source, and on how it differs as a
        whole from what the model was trained on; see `drift.Drift`.
    Returns:
      The number of rows.
    Raises:
      DataError: if the folder holds no model or a damaged one, or for whatever is wrong with a
        file; the output is not written then.
      ValueError: if there is to be no process.
      ChildProcessError: if a process was ended from outside; the output is not written then.
    """
    model_directory, source = Path(model_directory), Path(source)
    check_labelled_table(output, [source])
    settings = read_label_settings(model_directory)
    answering = _Answering(model_directory, settings, Path(output), reasons)
    names, drifts = answering.names, answering.drifts()
    step = f"Labelling {source.name}"
    done = 0
    warnings: tuple[str, ...] = ()

    def work() -> Iterator[tuple[TableChunk, list[str]]]:
        for chunk in iter_table_chunks(
            source,
            text_columns=text_columns or list(settings["text_columns"]),
            chunk_rows=_ROWS_PER_CHUNK,
            quoting=quoting,
        ):
            check_new_columns(source, chunk.frame.columns, names)
            yield chunk, chunk.texts

    answered = done_in_order(
        answering,
        work(),
        processes=processes,
        said=lambda rows: progress(step, done + rows, None),
    )
    with TableWriter(output, inputs=[source], guard_formulas=guard_formulas) as writer:
        for chunk, new in answered:
            for column, drift in drifts.items():
                labels = new[prefixed(column, "predicted_label")]
                drift.add(labels, new[prefixed(column, "novelty")])
            writer.write(chunk.frame, {name: new[name] for name in names})
            done += len(chunk.texts)
            progress(step, done, None)
            warnings = chunk.warnings
    for warning in warnings:
        warn(warning)
    for column, drift in drifts.items():
        for warning in drift.warnings():
            warn(warning if column is None else f"{column}: {warning}")
    return done


Columns: TypeAlias = dict[str, list[Any]]
# Texts [N], and what is told how many of them are done -> columns [N].
_Answer: TypeAlias = Callable[[Sequence[str], Callable[[int], None]], Columns]


@dataclass(frozen=True)
class _Answering:
    """What is added to each row, and what makes the answers, in whichever process that is.

    Attributes:
      model_directory: the folder that `label_file` wrote.
      settings: that lie there.
      output: the table, whose format tells what its cells hold.
      reasons: whether there are reasons.
    """

    model_directory: Path
    settings: dict[str, Any]
    output: Path
    reasons: bool

    def __post_init__(self) -> None:
        if self.reasons and self.settings.get("multi_label"):
            raise DataError("reasons: a model of several labels a row gives none")

    @property
    def names(self) -> Sequence[str]:
        """Of the columns."""
        if self.settings.get("multi_label"):
            return MULTI_LABEL_COLUMNS
        safe = SAFE_COLUMNS if self._safe else ()
        reasons = (REASONS,) if self.reasons else ()
        return prefixed_names(self._label_columns, (*PREDICTED_COLUMNS, *safe, *reasons))

    def drifts(self) -> dict[str | None, Drift]:
        """By label column, what tells whether the file is like the training's."""
        if self.settings.get("multi_label"):
            return {}
        return _drifts(self.model_directory, self._label_columns)

    def __call__(self) -> _Answer:
        """What answers texts; of those that are equal once."""
        classify = _load(self.model_directory, self.settings)
        several = self.settings.get("multi_label")
        answer = self._several_labels(classify) if several else self._one_label(classify)

        def once(texts: Sequence[str], count: Callable[[int], None]) -> Columns:
            different = list(dict.fromkeys(texts))
            columns = answer(different, count)
            if len(different) == len(texts):
                return columns
            place = {text: row for row, text in enumerate(different)}
            rows = [place[text] for text in texts]
            return {name: [values[row] for row in rows] for name, values in columns.items()}

        return once

    @property
    def _label_columns(self) -> list[str | None]:
        return self.settings.get("label_columns") or [None]

    @property
    def _encoded(self) -> bool:
        """Whether a pretrained encoder reads the texts; of folders that do not tell, perhaps."""
        taken = self.settings.get("encoder_choice", {}).get("taken", self.settings["encoder"])
        return taken not in (None, NONE)

    @property
    def _safe(self) -> bool:
        return bool(self.settings.get("levels"))

    def _several_labels(self, classify: Classify) -> _Answer:
        classes, separator = self.settings["classes"], self.settings["separator"]
        writer = label_writer(self.output, classes, separator, lists=self.settings["lists"])
        return lambda texts, count: multi_label_columns(classify, texts, writer, count)

    def _one_label(self, classify: Classify) -> _Answer:
        """Of each label column, where there are several."""
        label_columns = self._label_columns
        rows_at_once = ROWS_PER_BATCH if self._encoded else _ROWS_WITHOUT_ENCODER
        explain = _explain(self.model_directory, label_columns) if self.reasons else {}

        def columns(texts: Sequence[str], count: Callable[[int], None]) -> Columns:
            # Reasons take the longer: where they are asked for, they are what is counted.
            new = predicted_columns(
                classify,
                texts,
                (lambda done: None) if explain else count,
                label_columns,
                self._safe,
                rows_at_once,
            )
            for number, (column, why) in enumerate(explain.items()):
                own = {name: new[prefixed(column, name)] for name in PREDICTED_COLUMNS}
                said = count if number == len(explain) - 1 else lambda done: None
                new[prefixed(column, REASONS)] = reasons_column(why, texts, own, said)
            return new

        return columns


def _drifts(model_directory: Path, label_columns: Sequence[str | None]) -> dict[str | None, Drift]:
    """Of the label columns whose metrics have a reference, which those of old models lack."""
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
