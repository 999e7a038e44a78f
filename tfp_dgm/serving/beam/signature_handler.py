"""Exported models for Beam's `RunInference`, whose own loader knows no SavedModel of Keras 3."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from apache_beam.metrics import Metrics
from apache_beam.ml.inference.base import ModelHandler, PredictionResult

from tfp_dgm.native_messages import load_quietly

if TYPE_CHECKING:
    from tfp_dgm.serving.served_signature import ServedSignature

NAMESPACE = "tfp_dgm"
# A batch is full at so many rows, of which one counts once more for each of so many characters.
_WEIGHT_PER_BATCH = 1024
_CHARACTERS_PER_WEIGHT = 4096

Fields = Mapping[str, Any]


class SignatureHandler(ModelHandler[Fields, PredictionResult, Any]):
    """A signature that answers rows of named fields, one model a process.

    What it gives is a `PredictionResult`, whose inference is a row of outputs or a `Refusal`.
    Counts in the namespace `tfp_dgm`: `rows`, `dead_letters`, `batches` and `model_milliseconds`.

    Args:
      export: see `ServedSignature`; workers read it at the same place.
      signature: its name.
      columns: input -> the field that holds it; other inputs are fields of their own names.
    """

    def __init__(self, export: str, signature: str, columns: Mapping[str, str]) -> None:
        super().__init__(
            min_batch_size=_WEIGHT_PER_BATCH,
            max_batch_size=_WEIGHT_PER_BATCH,
            element_size_fn=weight,
        )
        self._export = export
        self._signature = signature
        self._columns = dict(columns)

    def load_model(self) -> ServedSignature:
        load_quietly()
        from tfp_dgm.serving.served_signature import ServedSignature

        return ServedSignature(self._export, self._signature)

    def run_inference(
        self,
        batch: Sequence[Fields],
        model: ServedSignature,
        inference_args: dict[str, Any] | None = None,
    ) -> Iterator[PredictionResult]:
        from tfp_dgm.serving.refusal import Refusal

        began = time.perf_counter()
        places = {name: self._columns.get(name, name) for name in model.inputs}
        answers = model.answer(
            [{name: row[place] for name, place in places.items() if place in row} for row in batch]
        )
        seconds = time.perf_counter() - began
        dead = sum(isinstance(answer, Refusal) for answer in answers)
        Metrics.counter(NAMESPACE, "rows").inc(len(batch) - dead)
        Metrics.counter(NAMESPACE, "dead_letters").inc(dead)
        Metrics.counter(NAMESPACE, "batches").inc()
        Metrics.counter(NAMESPACE, "model_milliseconds").inc(round(1000 * seconds))
        for row, answer in zip(batch, answers, strict=True):
            yield PredictionResult(row, answer)

    def get_metrics_namespace(self) -> str:
        return NAMESPACE


def weight(row: Fields) -> int:
    """What a row counts for in a batch."""
    characters = sum(len(value) for value in row.values() if isinstance(value, str | bytes))
    return 1 + characters // _CHARACTERS_PER_WEIGHT
