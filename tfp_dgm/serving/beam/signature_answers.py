"""Shards answered by a signature of any exported model."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa
import tensorflow as tf

from tfp_dgm.data import folder_digest
from tfp_dgm.data.json_lines_reader import parse_json
from tfp_dgm.serving.beam.bulk_run import BulkRun
from tfp_dgm.serving.beam.shard_run import ShardTotals, answer_shards
from tfp_dgm.serving.opening import Opening
from tfp_dgm.serving.refusal import Refusal
from tfp_dgm.serving.served_signature import (
    Column,
    ServedSignature,
    answer_names,
    export_of,
    export_place,
    signature_columns,
)


def predict_shards(
    export: str | os.PathLike[str], asked: BulkRun, *, signature: str = "serving_default"
) -> ShardTotals:
    """Asks a signature for every row of the files that a pattern names.

    Each output becomes a column of its name, or of `answer_names` where an input has that; what has
    more than one number is a list. The cells are those of `ServedSignature.answer`, whatever the
    model is of: labels, topics, tags, encodings, captions. A signature of one text is asked for the
    text columns; any other takes each input from the column of its name: lists where a row has more
    than one value, which CSV and TSV hold as JSON.

    Args:
      export: see `ServedSignature`; workers read it at the same place.
      asked: the files, where their answers go, and how.
      signature: its name.
    Raises:
      DataError: if there is no export, or for whatever `answer_shards` refuses.
      ValueError: if there is no such signature; if text columns are asked for, and it takes
        something else.
    """
    folder, place = export_of(export), export_place(export)
    inputs, _ = signature_columns(folder, signature)
    of_text = _takes_a_text(inputs)
    if asked.text_columns and not of_text:
        taken = ", ".join(f"{name} ({column.dtype.name})" for name, column in inputs.items())
        raise ValueError(
            f"text_columns: expected none, since {signature!r} takes {taken} from the columns of "
            f"these names; received {list(asked.text_columns)}"
        )
    return answer_shards(
        lambda ending: Opening(__name__, "open_signature", (place, signature)),
        asked,
        default_columns=[*inputs],
        model={
            "model": place,
            "digest": folder_digest(folder),
            "signature": signature,
        },
        inputs=() if of_text else [*inputs],
    )


def open_signature(folder: str, signature: str) -> SignatureAnswers:
    """Loads a signature, in a worker."""
    return SignatureAnswers(ServedSignature(folder, signature), signature)


class SignatureAnswers:
    """The outputs of a signature; see `RowAnswers`, and `ShardAnswers`: it counts nothing."""

    def __init__(self, served: ServedSignature, signature: str) -> None:
        self._served = served
        self._of_text = _takes_a_text(served.inputs)
        names = answer_names(signature, served.inputs, served.outputs)
        self.names = tuple(names.values())
        self.kinds = {names[name]: _arrow_type(kind) for name, kind in served.outputs.items()}

    def begin(self) -> SignatureAnswers:
        """See `RowAnswers`."""
        return self

    def answer(self, rows: Sequence[Any]) -> list[Sequence[Any] | Refusal]:
        """See `ShardAnswers`."""
        if self._of_text:
            (name,) = self._served.inputs
            found = self._served.answer([{name: text} for text in rows])
        else:
            found = self._served.answer([self._values(row) for row in rows])
        return [answer if isinstance(answer, Refusal) else [*answer.values()] for answer in found]

    def told(self) -> None:
        """See `ShardAnswers`."""

    def _values(self, cells: Mapping[str, Any]) -> dict[str, Any]:
        return {name: _value(cell, self._served.inputs[name]) for name, cell in cells.items()}


def _value(cell: Any, column: Column) -> Any:
    """A cell of a table as an input; what is none stays, and is refused with the input's name."""
    if not isinstance(cell, str) or (column.dtype == tf.string and not column.shape):
        return cell
    try:
        return parse_json(cell)
    except (ValueError, RecursionError):
        return cell


def _takes_a_text(inputs: Mapping[str, Column]) -> bool:
    """Whether a signature takes one input, a string a row."""
    return [(column.dtype, column.shape) for column in inputs.values()] == [(tf.string, ())]


def _arrow_type(column: Column) -> pa.DataType:
    """The type of a signature's output in Parquet."""
    kind = pa.float64()
    if column.dtype == tf.string:
        kind = pa.string()
    elif column.dtype.is_bool:
        kind = pa.bool_()
    elif column.dtype.is_integer:
        kind = pa.int64()
    for _ in column.shape:
        kind = pa.list_(kind)
    return kind
