"""Rows answered by an exported model, in people's own pipelines."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import apache_beam as beam
from apache_beam.ml.inference.base import PredictionResult, RunInference
from apache_beam.typehints.row_type import RowTypeConstraint

from tfp_dgm.serving.beam.signature_handler import SignatureHandler
from tfp_dgm.serving.refusal import Refusal

_ROWS, _DEAD = "rows", "dead_letters"


class DeadLetter(NamedTuple):
    """A row without an answer.

    Attributes:
      file, row: where it came from, by the fields that `Predict` was told of; "" and -1 where it
        was told of none.
      reason: why there is no answer.
      cells: the row, as JSON.
    """

    file: str
    row: int
    reason: str
    cells: str


class Predicted(NamedTuple):
    """What becomes of rows: those with answers, and the others."""

    rows: Any
    dead_letters: Any


class Predict(beam.PTransform):
    """Asks an exported model for each row: `rows | Predict("labelled.model/saved_model")`.

    Rows are texts, mappings, named tuples or `beam.Row`s. Each comes back with a field for every
    output of the signature (of `impute`, which makes a text of a text, `impute_text`): as a
    `beam.Row`, with a schema where the rows have one; mappings, and rows of no known type, as a
    mapping. Any model that `dgm export` or a job exports will do: labels, tags, topics, encodings,
    captions.

    Args:
      export: see `ServedSignature`; workers read it at the same place.
      signature: its name.
      columns: input of the signature -> the field that holds it, where their names differ.
      dead_letters: whether rows at fault (no string, say) come out as `DeadLetter`s, in a
        `Predicted`; else one of them ends the pipeline.
      place: the fields that tell a dead letter's file and row.
    Raises:
      DataError, ValueError: as `ServedSignature`, and ValueError, where the transform is applied,
        if rows lack a field of an input, or have one of an output.
    """

    def __init__(
        self,
        export: str | os.PathLike[str],
        *,
        signature: str = "serving_default",
        columns: Mapping[str, str] | None = None,
        dead_letters: bool = False,
        place: tuple[str, str] | None = None,
    ) -> None:
        super().__init__()
        self._export = export
        self._signature = signature
        self._columns = dict(columns or {})
        self._dead_letters = dead_letters
        self._place = place

    def expand(self, rows: Any) -> Any:
        from tfp_dgm.serving.served_signature import (
            answer_names,
            export_of,
            export_place,
            signature_columns,
        )

        folder = export_of(self._export)
        inputs, outputs = signature_columns(folder, self._signature)
        names = answer_names(self._signature, inputs, outputs)
        text = self._columns.get(next(iter(inputs)), next(iter(inputs)))
        fields = _schema(rows.element_type, text)
        as_rows = fields is not None or rows.element_type is beam.Row
        if fields is not None:
            self._check([name for name, _ in fields], [*inputs], [*names.values()])
        answered = (
            rows
            | "Fields" >> beam.ParDo(_Named(text)).with_output_types(dict[str, Any])
            | "Model"
            >> RunInference(
                SignatureHandler(export_place(self._export), self._signature, self._columns)
            )
            | "Sort"
            >> beam.ParDo(_Sorted(names, as_rows, self._place)).with_outputs(_DEAD, main=_ROWS)
        )
        found, dead = answered[_ROWS], answered[_DEAD]
        if fields is not None:
            found.element_type = RowTypeConstraint.from_fields(
                [*fields, *((names[name], kind.python_type) for name, kind in outputs.items())]
            )
        dead.element_type = DeadLetter
        if self._dead_letters:
            return Predicted(found, dead)
        _ = dead | "Refuse" >> beam.Map(_refuse)
        return found

    def _check(self, fields: list[str], inputs: list[str], outputs: list[str]) -> None:
        wanted = [self._columns.get(name, name) for name in inputs]
        if missing := [name for name in wanted if name not in fields]:
            raise ValueError(f"columns: expected rows with {missing}; received {fields}")
        if taken := [name for name in outputs if name in fields]:
            raise ValueError(f"rows: expected no fields {taken}, which the answers have")


class _Named(beam.DoFn):
    """Rows of any kind as mappings."""

    def __init__(self, text: str) -> None:
        self._text = text

    def process(self, row: Any) -> Iterator[dict[str, Any]]:
        if isinstance(row, str | bytes):
            yield {self._text: row}
        elif isinstance(row, Mapping):
            yield dict(row)
        else:
            yield row._asdict() if hasattr(row, "_asdict") else row.as_dict()


class _Sorted(beam.DoFn):
    """Rows with their answers, and apart from them dead letters."""

    def __init__(
        self, names: Mapping[str, str], as_rows: bool, place: tuple[str, str] | None
    ) -> None:
        self._names = names
        self._as_rows = as_rows
        self._place = place

    def process(self, result: PredictionResult) -> Iterator[Any]:
        row: Any = result.example
        answer: Any = result.inference
        if isinstance(answer, Refusal):
            file, number = (row.get(name) for name in self._place) if self._place else (None, None)
            yield beam.pvalue.TaggedOutput(
                _DEAD,
                DeadLetter(
                    "" if file is None else str(file),
                    -1 if number is None else int(number),
                    answer.reason,
                    json.dumps(row, ensure_ascii=False, default=str),
                ),
            )
            return
        answer = {self._names[name]: value for name, value in answer.items()}
        if taken := sorted(row.keys() & answer.keys()):
            raise ValueError(f"rows: expected no fields {taken}, which the answers have")
        yield beam.Row(**row, **answer) if self._as_rows else {**row, **answer}


def _refuse(letter: DeadLetter) -> None:
    raise ValueError(f"{letter.cells}: {letter.reason}")


def _schema(kind: Any, text: str) -> list[tuple[str, Any]] | None:
    """Names and types of the fields of rows; None where only the rows themselves tell them."""
    if kind in (str, bytes):
        return [(text, kind)]
    row = RowTypeConstraint.from_user_type(kind)
    return None if row is None else [(name, field) for name, field in row._fields]
