"""Rows of Apache Spark answered by an exported model, one model a Python worker."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any

from tfp_dgm.native_messages import load_quietly
from tfp_dgm.serving.opening import Opening
from tfp_dgm.serving.refusal import Refusal

_ROWS_PER_BATCH = 1024


def predict_udf(
    export: str | os.PathLike[str],
    *,
    signature: str = "serving_default",
    batch_size: int = _ROWS_PER_BATCH,
) -> Any:
    """A function of columns: `table.withColumn("answer", predict_udf("saved_model")("text"))`.

    Its arguments are columns of the signature's inputs, in the order of their names; its value is a
    struct of the outputs, which `select("answer.*")` spreads, with a field `refusal`: why a row has
    no answer, null where it has. The model is loaded once in each worker, by Spark's
    `predict_batch_udf`.

    Args:
      export: see `ServedSignature`; workers read it at the same place.
      signature: its name.
      batch_size: the most rows of a call; rows of like length are run together.
    Raises:
      DataError: if there is no export, or a damaged one.
      ValueError: if it has no such signature.
      ImportError: if Spark is not there.
    """
    try:
        from pyspark.ml.functions import predict_batch_udf
    except ModuleNotFoundError as error:
        raise ImportError(
            f"predict_udf needs {error.name}; `pip install tfp-dgm[spark]` brings it"
        ) from error
    from tfp_dgm.serving.served_signature import export_of, signature_columns

    folder = export_of(export).absolute()
    inputs, outputs = signature_columns(folder, signature)
    fields = {name: _spark_type(column.python_type) for name, column in outputs.items()}
    return predict_batch_udf(
        Opening(__name__, "answer_batches", (str(folder), signature, [*inputs])),
        return_type=", ".join(f"`{name}` {kind}" for name, kind in fields.items())
        + f", `{REFUSAL}` string",
        batch_size=batch_size,
        input_tensor_shapes=[
            None if column.shape == () else [size or -1 for size in column.shape]
            for column in inputs.values()
        ],
    )


REFUSAL = "refusal"


def answer_batches(
    folder: str, signature: str, inputs: Sequence[str]
) -> Callable[..., list[dict[str, Any]]]:
    """Loads a signature, in a worker: columns [B] of its inputs -> the rows of the struct.

    Args:
      folder: of the export.
      signature: its name.
      inputs: the names of the columns, in their order.
    """
    load_quietly()
    from tfp_dgm.serving.served_signature import ServedSignature

    served = ServedSignature(folder, signature)
    nothing = dict.fromkeys(served.outputs)

    def answer(*columns: Any) -> list[dict[str, Any]]:
        rows = [dict(zip(inputs, values, strict=True)) for values in zip(*columns, strict=True)]
        return [
            {**nothing, REFUSAL: found.reason}
            if isinstance(found, Refusal)
            else {**found, REFUSAL: None}
            for found in served.answer(rows)
        ]

    return answer


def _spark_type(kind: Any) -> str:
    """Spark's name of a Python type, or of sequences of one."""
    parts = getattr(kind, "__args__", ())
    if parts:
        return f"array<{_spark_type(parts[0])}>"
    names: dict[Any, str] = {str: "string", float: "double", int: "bigint", bool: "boolean"}
    return names[kind]
