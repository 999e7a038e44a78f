"""New files, labelled with a trained model in a stream."""

import os
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import tensorflow as tf

from tfp_dgm.data import (
    DataError,
    TableWriter,
    check_labelled_table,
    check_new_columns,
    iter_table_chunks,
    read_label_settings,
)
from tfp_dgm.labelling.answer_columns import PREDICTED_COLUMNS, Classify, predicted_columns
from tfp_dgm.labelling.reasons import REASONS, WordReasons, reasons_column
from tfp_dgm.models import load_model
from tfp_dgm.serving.replay import DAMAGE, damage
from tfp_dgm.training import Progress

_ROWS_PER_CHUNK = 8192


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
      output: the same rows with `PREDICTED_COLUMNS`.
      text_columns: columns that hold the text; None takes those of the training.
      quoting: whether cells of a CSV or TSV source may be quoted; where not, a quote is a letter.
      guard_formulas: whether a CSV or TSV output is made safe for spreadsheets; see
        `data.TableWriter`.
      reasons: whether a column `reasons` holds the words that spoke for and against each predicted
        label; see `WordReasons`. Needs what the training needed, with an encoder KerasHub.
      progress: called with a step's name, the rows done, and None (a stream has no known end).
      warn: called with each sentence on what is doubtful in the source.
    Returns:
      The number of rows.
    Raises:
      DataError: if the folder holds no model or a damaged one, or for whatever is wrong with a
        file; the output is not written then.
    """
    model_directory, source = Path(model_directory), Path(source)
    check_labelled_table(output, [source])
    classify, columns = _load(model_directory)
    explain = WordReasons(load_model(model_directory / "model.keras")) if reasons else None
    names = (*PREDICTED_COLUMNS, REASONS) if reasons else PREDICTED_COLUMNS
    step = f"Labelling {source.name}"
    done = 0
    warnings: tuple[str, ...] = ()
    with TableWriter(output, inputs=[source], guard_formulas=guard_formulas) as writer:
        for chunk in iter_table_chunks(
            source,
            text_columns=text_columns or columns,
            chunk_rows=_ROWS_PER_CHUNK,
            quoting=quoting,
        ):
            check_new_columns(source, chunk.frame.columns, names)
            count = partial(_count, progress, step, done)
            # Reasons take the longer: where they are asked for, they are what is counted.
            new = predicted_columns(
                classify, chunk.texts, count if explain is None else lambda done: None
            )
            if explain is not None:
                new[REASONS] = reasons_column(explain, chunk.texts, new, count)
            writer.write(chunk.frame, new)
            done += len(chunk.texts)
            warnings = chunk.warnings
    for warning in warnings:
        warn(warning)
    return done


def _count(progress: Progress, step: str, before: int, done: int) -> None:
    progress(step, before + done, None)


def _load(model_directory: Path) -> tuple[Classify, list[str]]:
    """The SavedModel's signature, and the text columns of its training."""
    settings = read_label_settings(model_directory)
    if settings["encoder"] is not None:
        import tensorflow_text  # noqa: F401 - Registers the encoder's tokeniser operations.
    folder = model_directory / "saved_model" / "1"
    try:
        signature = tf.saved_model.load(str(folder)).signatures["serving_default"]
        return lambda texts: signature(text=texts), list(settings["text_columns"])
    except (OSError, ValueError, KeyError, TypeError, *DAMAGE) as error:
        raise DataError.at(
            folder,
            "expected the SavedModel that `dgm label` wrote, which is missing or damaged: "
            f"{damage(error)}",
        ) from error
