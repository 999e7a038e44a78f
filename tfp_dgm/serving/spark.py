"""Rows of Apache Spark answered by an exported model, one model a Python worker."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from tfp_dgm.native_messages import load_quietly
from tfp_dgm.serving.opening import Opening
from tfp_dgm.serving.refusal import Refusal

if TYPE_CHECKING:
    from tfp_dgm.serving.served_signature import Column

REFUSAL = "refusal"
_ROWS_PER_BATCH = 1024


def predict_udf(
    export: str | os.PathLike[str],
    *,
    signature: str = "serving_default",
    batch_size: int = _ROWS_PER_BATCH,
) -> Callable[..., Any]:
    """A function of columns: `table.withColumn("answer", predict_udf("saved_model")("text"))`.

    Its arguments are columns of the signature's inputs, in the order of their names; its value is a
    struct of the outputs, which `select("answer.*")` spreads, with a field `refusal`: why a row has
    no answer, "" where it has one. A row that is refused has "", NaN, 0, false or no elements
    elsewhere, since Spark's `predict_batch_udf`, which loads the model once in each worker, takes
    no null.

    Args:
      export: see `ServedSignature`; workers read it at the same place.
      signature: its name.
      batch_size: the most rows of a call; rows of like length are run together.
    Raises:
      DataError: if there is no export, or a damaged one.
      ValueError: if it has no such signature, or one whose outputs have several axes in a row.
      ImportError: if Spark is not there.
    """
    try:
        from pyspark.ml.functions import predict_batch_udf
        from pyspark.sql import types
    except ModuleNotFoundError as error:
        raise ImportError(
            f"predict_udf needs {error.name}; `pip install tfp-dgm[spark]` brings it"
        ) from error
    from tfp_dgm.serving.served_signature import export_of, export_place, signature_columns

    folder = export_of(export)
    inputs, outputs = signature_columns(folder, signature)
    # Truth values travel as numbers, since `predict_batch_udf` knows none in a struct.
    travelling, meant = types.StructType(), types.StructType()
    for name, column in outputs.items():
        travelling.add(name, _spark_type(name, column, types, types.ByteType))
        meant.add(name, _spark_type(name, column, types, types.BooleanType))
    for fields in (travelling, meant):
        fields.add(REFUSAL, types.StringType())
    shapes = [[size or -1 for size in column.shape] or None for column in inputs.values()]
    function = predict_batch_udf(
        Opening(__name__, "batch_answers", (export_place(export), signature)),
        return_type=travelling,
        batch_size=batch_size,
        input_tensor_shapes=shapes if any(shapes) else None,
    )
    return lambda *columns: function(*columns).cast(meant)


def batch_answers(folder: str, signature: str) -> Callable[..., list[dict[str, Any]]]:
    """Loads a signature, in a worker: columns [B] of its inputs -> the rows of the struct.

    Args:
      folder: of the export.
      signature: its name.
    """
    load_quietly()
    from tfp_dgm.serving.served_signature import ServedSignature

    served = ServedSignature(folder, signature)
    nothing = {name: _nothing(column.python_type) for name, column in served.outputs.items()}

    def answer(*columns: Any) -> list[dict[str, Any]]:
        rows = [
            dict(zip(served.inputs, cells, strict=True)) for cells in zip(*columns, strict=True)
        ]
        return [_fields(found, nothing) for found in served.answer(rows)]

    # By which Spark tells how many columns it takes.
    kind = inspect.Parameter.POSITIONAL_ONLY
    parameters = [inspect.Parameter(name, kind) for name in served.inputs]
    answer.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    return answer


def _fields(found: Mapping[str, Any] | Refusal, nothing: Mapping[str, Any]) -> dict[str, Any]:
    if isinstance(found, Refusal):
        return {**nothing, REFUSAL: found.reason}
    cells = {
        name: _array(value) if isinstance(value, list) else _number(value)
        for name, value in found.items()
    }
    return {**cells, REFUSAL: ""}


def _array(values: Sequence[Any]) -> np.ndarray:
    return np.array([_number(value) for value in values], object)


def _number(value: Any) -> Any:
    return int(value) if isinstance(value, bool) else value


def _nothing(kind: Any) -> Any:
    """What stands for no value of a Python type."""
    values: dict[Any, Any] = {str: "", float: float("nan"), int: 0, bool: 0}
    return values.get(kind, np.array([], object))


def _spark_type(name: str, column: Column, types: Any, truth_value: Any) -> Any:
    kinds = {str: types.StringType, float: types.DoubleType, int: types.LongType}
    kinds[bool] = truth_value
    if len(column.shape) > 1:
        raise ValueError(
            f"signature: expected outputs of one axis a row at most; {name!r} has "
            f"{len(column.shape)}"
        )
    (kind,) = getattr(column.python_type, "__args__", (column.python_type,))
    plain = kinds[kind]()
    return types.ArrayType(plain) if column.shape else plain
