"""New files, labelled with a trained model in a stream."""

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import tensorflow as tf

from tfp_dgm.data import (
    DataError,
    TableWriter,
    check_labelled_table,
    check_new_columns,
    iter_table_chunks,
    read_label_settings,
)
from tfp_dgm.serving.replay import DAMAGE, damage
from tfp_dgm.training import Progress

PREDICTED_COLUMNS = (
    "predicted_label",
    "probability",
    "accept",
    "second_label",
    "second_probability",
)
_ROWS_PER_CHUNK = 8192
_ROWS_PER_BATCH = 256
_CHARACTERS_PER_BATCH = 4_000_000


def predict_file(
    model_directory: str | os.PathLike[str],
    source: str | os.PathLike[str],
    output: str | os.PathLike[str],
    *,
    text_columns: Sequence[str] | None = None,
    quoting: bool = True,
    guard_formulas: bool = False,
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
            check_new_columns(source, chunk.frame.columns, PREDICTED_COLUMNS)
            new: dict[str, list[Any]] = {
                name: [None] * len(chunk.texts) for name in PREDICTED_COLUMNS
            }
            for rows in _batches([len(text) for text in chunk.texts]):
                answer = classify(text=tf.constant([chunk.texts[row] for row in rows]))
                for name, values in _columns(answer).items():
                    for row, value in zip(rows, values, strict=True):
                        new[name][row] = value
                done += len(rows)
                progress(step, done, None)
            writer.write(chunk.frame, new)
            warnings = chunk.warnings
    for warning in warnings:
        warn(warning)
    return done


def _load(model_directory: Path) -> tuple[Callable[..., dict[str, tf.Tensor]], list[str]]:
    """The SavedModel's signature, and the text columns of its training."""
    settings = read_label_settings(model_directory)
    if settings["encoder"] is not None:
        import tensorflow_text  # noqa: F401 - Registers the encoder's tokeniser operations.
    folder = model_directory / "saved_model" / "1"
    try:
        signatures = tf.saved_model.load(str(folder)).signatures
        return signatures["serving_default"], list(settings["text_columns"])
    except (OSError, ValueError, KeyError, TypeError, *DAMAGE) as error:
        raise DataError.at(
            folder,
            "expected the SavedModel that `dgm label` wrote, which is missing or damaged: "
            f"{damage(error)}",
        ) from error


def _batches(lengths: list[int]) -> Iterator[list[int]]:
    """Rows of like length together, which an encoder pads to the longest; large ones are fewer."""
    batch: list[int] = []
    for row in sorted(range(len(lengths)), key=lengths.__getitem__):
        # The row is the longest so far.
        too_many = (len(batch) + 1) * lengths[row] > _CHARACTERS_PER_BATCH
        if batch and (too_many or len(batch) == _ROWS_PER_BATCH):
            yield batch
            batch = []
        batch.append(row)
    if batch:
        yield batch


def _columns(answer: dict[str, tf.Tensor]) -> dict[str, list[Any]]:
    values = (
        [name.decode("utf-8") for name in answer["label"].numpy()],
        [round(float(value), 6) for value in answer["probability"].numpy()],
        answer["accept"].numpy().tolist(),
        [name.decode("utf-8") for name in answer["second_label"].numpy()],
        [round(float(value), 6) for value in answer["second_probability"].numpy()],
    )
    return dict(zip(PREDICTED_COLUMNS, values, strict=True))
