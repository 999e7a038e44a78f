"""A signature of a SavedModel, asked by rows of Python's values."""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import tensorflow as tf

from tfp_dgm.data import DataError, shorten
from tfp_dgm.data.object_storage import local_folder
from tfp_dgm.data.storage_urls import absolute, is_url
from tfp_dgm.serving import replay
from tfp_dgm.serving.folders import version_folder
from tfp_dgm.serving.input_arrays import input_array
from tfp_dgm.serving.operations import needs_text_libraries, serving_signatures, text_libraries
from tfp_dgm.serving.refusal import Refusal
from tfp_dgm.serving.request_error import RequestError

ROWS_PER_BATCH = 256
_CHARACTERS_PER_BATCH = 4_000_000
# What a kernel raises of its input; all else (no memory, a damaged file) is no fault of a row.
_OF_THE_INPUT = (tf.errors.InvalidArgumentError, tf.errors.OutOfRangeError, RequestError)

_Row = TypeVar("_Row")
_Answer = TypeVar("_Answer")


@dataclass(frozen=True)
class Column:
    """What a signature takes or gives, of one row.

    Attributes:
      dtype: of its values.
      shape: of a row's value; None where a size differs from batch to batch.
    """

    dtype: tf.DType
    shape: tuple[int | None, ...]

    @property
    def python_type(self) -> Any:
        """`str`, `int`, `float` or `bool`, or sequences of it."""
        kind: Any = str if self.dtype == tf.string else float
        if self.dtype.is_bool:
            kind = bool
        elif self.dtype.is_integer:
            kind = int
        for _ in self.shape:
            kind = Sequence[kind]
        return kind


class ServedSignature:
    """A signature of an exported model, in this process.

        ServedSignature("labelled.model/saved_model").answer([{"text": "well made"}])

    Rows of like length are run together. What a signature fills up to the longest text of a batch
    (the words of a tagger) is cut again behind the row's last string, so that a row's answer
    depends on the row alone.

    Args:
      folder: an export: a version's folder, one of versions, of which the newest is taken, or the
        folder of a job with its `saved_model`; or the URL of such, which is copied here first.
      signature: its name.
      warm_up: whether it runs what the export recorded for that first.
    Attributes:
      folder: the version's folder.
      inputs, outputs: name -> `Column`.
    Raises:
      DataError: if there is no export, or a damaged one.
      ValueError: if it has no such signature; names those there are.
    """

    def __init__(
        self,
        folder: str | os.PathLike[str],
        signature: str = "serving_default",
        *,
        warm_up: bool = True,
    ) -> None:
        self.folder = export_of(folder)
        self.inputs, self.outputs = signature_columns(self.folder, signature)
        if needs_text_libraries(self.folder):
            for library in text_libraries():
                tf.load_op_library(library)
        try:
            self._model = tf.saved_model.load(str(self.folder))
            self._run = self._model.signatures[signature]
        except (OSError, ValueError, KeyError, TypeError, *replay.DAMAGE) as error:
            raise DataError.at(
                self.folder, f"expected a SavedModel; it is damaged: {replay.damage(error)}"
            ) from error
        if warm_up and (self.folder / replay.WARM_UP).exists():
            for name, inputs, _ in replay.read_records(self.folder / replay.WARM_UP):
                if name == signature:
                    replay.run(self._model, name, inputs)

    def answer(self, rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any] | Refusal]:
        """The outputs of each row, in their order; a `Refusal` where a row is at fault.

        Args:
          rows: input -> value; strings as str or bytes.
        """
        found: list[dict[str, Any] | Refusal] = [Refusal("")] * len(rows)
        for places in _batches([_length(row) for row in rows]):
            batch = [rows[place] for place in places]
            for place, answer in zip(places, each_answered(self._run_batch, batch), strict=True):
                found[place] = answer
        return found

    def _run_batch(self, rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        if missing := sorted({name for name in self.inputs for row in rows if name not in row}):
            raise RequestError(f"expected the inputs {sorted(self.inputs)}; {missing} are missing")
        inputs = {
            name: tf.constant(_batch_of(name, column, [row[name] for row in rows]))
            for name, column in self.inputs.items()
        }
        answer = self._run(**inputs)
        outputs = {name: answer[name].numpy() for name in self.outputs}
        lengths = self._lengths(outputs)
        return [
            {name: self._value(name, value[place], length) for name, value in outputs.items()}
            for place, length in enumerate(lengths or [None] * len(rows))
        ]

    def _value(self, name: str, value: Any, length: int | None) -> Any:
        """An output of one row."""
        if length is not None and self.outputs[name].shape[:1] == (None,):
            value = value[:length]
        plain = value.tolist() if hasattr(value, "tolist") else value
        return _texts(plain) if self.outputs[name].dtype == tf.string else plain

    def _lengths(self, outputs: Mapping[str, np.ndarray]) -> list[int] | None:
        """How long each row's outputs are; None where no output is filled up with ""."""
        filled = [
            outputs[name] != b""
            for name, column in self.outputs.items()
            if column.shape == (None,) and column.dtype == tf.string
        ]
        if not filled:
            return None
        there = np.any(filled, axis=0)  # [B, T]
        width = there.shape[1]
        return [int(n) for n in np.where(there, np.arange(1, width + 1), 0).max(1, initial=0)]


def each_answered(
    answer: Callable[[Sequence[_Row]], Sequence[_Answer]], rows: Sequence[_Row]
) -> list[_Answer | Refusal]:
    """The answers to rows of one batch; where it fails, of its halves: one row spoils no other.

    Args:
      answer: B rows -> B answers.
      rows: at least one.
    """
    try:
        return [*answer(rows)]
    except _OF_THE_INPUT as error:
        if len(rows) > 1:
            half = len(rows) // 2
            return [*each_answered(answer, rows[:half]), *each_answered(answer, rows[half:])]
        return [Refusal(_reason(error))]


def _reason(error: Exception) -> str:
    # An input is named with the row's place in its batch, which is the only one here.
    return replay.kernel_message(str(error)).replace("[0]", "", 1)


def export_of(folder: str | os.PathLike[str]) -> Path:
    """The version's folder of an export, or of the export in the folder of a job.

    Raises:
      DataError: if there is none.
    """
    path = local_folder(folder)
    inside = path / "saved_model"
    return version_folder(inside if inside.is_dir() else path)


def export_place(folder: str | os.PathLike[str]) -> str:
    """The version's folder of an export as other processes find it: an absolute path, or a URL."""
    version = export_of(folder)
    if not is_url(folder):
        return absolute(version)
    below = version.relative_to(local_folder(folder)).as_posix()
    return f"{str(folder).rstrip('/')}/{below}" if below != "." else str(folder)


def signature_columns(folder: Path, signature: str) -> tuple[dict[str, Column], dict[str, Column]]:
    """What a signature takes and gives; reads the graph, and loads nothing of it.

    Raises:
      DataError: if the folder holds a damaged export.
      ValueError: if it has no such signature; names those there are.
    """
    definitions = serving_signatures(folder)
    if signature not in definitions:
        raise ValueError(
            f"signature: expected one of {', '.join(sorted(definitions))}; received {signature!r}"
        )
    definition = definitions[signature]
    return _columns(definition.inputs), _columns(definition.outputs)


def answer_names(
    signature: str, inputs: Mapping[str, Column], outputs: Mapping[str, Column]
) -> dict[str, str]:
    """What outputs are called beside their inputs: of `impute`, text -> text, `impute_text`."""
    return {name: f"{signature}_{name}" if name in inputs else name for name in outputs}


def _columns(tensors: Mapping[str, Any]) -> dict[str, Column]:
    return {
        name: Column(
            tf.as_dtype(tensors[name].dtype),
            tuple(
                None if dim.size < 0 else int(dim.size)
                for dim in tensors[name].tensor_shape.dim[1:]
            ),
        )
        for name in sorted(tensors)
    }


def _batch_of(name: str, column: Column, values: list[Any]) -> np.ndarray:
    """An input of B rows; rows of words are filled up with "", as a tagger takes them."""
    found = values
    listed = all(isinstance(value, Sequence) and not isinstance(value, str) for value in values)
    if listed and column.dtype == tf.string and column.shape == (None,):
        longest = max(map(len, values))
        found = [[*value, *[""] * (longest - len(value))] for value in values]
    batch = input_array(found, column.dtype, name)
    if batch.ndim != 1 + len(column.shape):
        wanted = "a list" if column.shape else "one value"
        raise RequestError(
            f"{name!r}[0]: expected {wanted} in each row; received {shorten(values[0])}"
        )
    for size, expected in zip(batch.shape[1:], column.shape, strict=True):
        if expected not in (None, size):
            raise RequestError(
                f"{name!r}[0]: expected {expected} values in each row; received "
                f"{shorten(values[0])}"
            )
    return batch


def _texts(value: Any) -> Any:
    """Bytes as texts; what is not UTF-8 as the tokenisers read it, replaced."""
    if isinstance(value, list):
        return [_texts(part) for part in value]
    return value.decode("utf-8", "replace")


def _length(row: Mapping[str, Any]) -> int:
    return max((len(value) for value in row.values() if isinstance(value, str | bytes)), default=0)


def _batches(lengths: list[int]) -> Iterator[list[int]]:
    """Rows of like length together; batches of long ones are smaller."""
    batch: list[int] = []
    for row in sorted(range(len(lengths)), key=lengths.__getitem__):
        too_many = (len(batch) + 1) * lengths[row] > _CHARACTERS_PER_BATCH
        if batch and (too_many or len(batch) == ROWS_PER_BATCH):
            yield batch
            batch = []
        batch.append(row)
    if batch:
        yield batch
