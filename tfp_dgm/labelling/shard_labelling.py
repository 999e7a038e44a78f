"""Large tables in shards, labelled with a trained model by workers of Apache Beam."""

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from tfp_dgm.data import DataError, file_digest, folder_digest, read_label_settings
from tfp_dgm.data.object_storage import local_folder
from tfp_dgm.data.storage_urls import absolute
from tfp_dgm.labelling.answer_columns import SAFE_COLUMNS
from tfp_dgm.labelling.column_prefix import prefixed
from tfp_dgm.labelling.file_prediction import RowAnswers, drifts_of, row_answers
from tfp_dgm.serving.opening import Opening
from tfp_dgm.serving.refusal import Refusal
from tfp_dgm.serving.served_signature import each_answered

if TYPE_CHECKING:
    from tfp_dgm.serving.beam import BulkRun, ShardTotals


def label_shards(
    model_directory: str | os.PathLike[str], asked: "BulkRun", *, reasons: bool = False
) -> "ShardTotals":
    """Labels the files that a pattern names, each as `predict_file` labels it.

    Args:
      model_directory: the folder that `label_file` wrote; workers read it at the same place.
      asked: the files, where their answers go, and how.
      reasons: as for `predict_file`.
    Raises:
      DataError: if the folder holds no model, or for whatever `serving.beam.answer_shards` refuses.
    """
    from tfp_dgm.serving.beam import answer_shards  # Which needs Beam; the rest does not.

    place, model_directory = absolute(model_directory), local_folder(model_directory)
    settings = read_label_settings(model_directory)
    if reasons and settings.get("multi_label"):
        raise DataError("reasons: a model of several labels a row gives none")
    label_columns: list[str | None] = settings.get("label_columns") or [None]
    drifts = {} if settings.get("multi_label") else drifts_of(model_directory, label_columns)
    totals = answer_shards(
        lambda ending: Opening(__name__, "open_answers", (place, ending, reasons)),
        asked,
        default_columns=settings["text_columns"],
        model={
            "model": place,
            "digest": folder_digest(model_directory / "saved_model" / "1"),
            "trained": file_digest(model_directory / "settings.json"),
            "reasons": reasons,
        },
    )
    for told in totals.told:
        for column, counts in zip(label_columns, told or (), strict=False):
            if column in drifts and counts is not None:
                drifts[column].merge(counts)
    for column, drift in drifts.items():
        for warning in drift.warnings():
            asked.warn(warning if column is None else f"{column}: {warning}")
    return totals


def open_answers(model_directory: str, ending: str, reasons: bool) -> "LabelAnswers":
    """Loads the model of a folder, in a worker.

    Args:
      model_directory: the folder that `label_file` wrote.
      ending: of the files that are written.
      reasons: whether they have a column of reasons.
    """
    folder = local_folder(model_directory)
    answers = row_answers(folder, f"answers{ending}", reasons=reasons)
    settings = read_label_settings(folder)
    return LabelAnswers(answers, settings.get("label_columns") or [None])


class LabelAnswers:
    """A trained labelling in a worker; see `serving.beam.RowAnswers`."""

    def __init__(self, answers: RowAnswers, label_columns: Sequence[str | None]) -> None:
        self._answers = answers
        self._label_columns = label_columns
        self.names = tuple(answers.names)
        self.kinds = self._kinds()

    def begin(self) -> "LabelledShard":
        """Begins a shard, whose texts are counted for themselves."""
        return LabelledShard(self._answers, self.names, self._label_columns)

    def _kinds(self) -> dict[str, pa.DataType]:
        """Arrow's types of the columns, told by the answer to one text."""
        found = {name: pa.array(cells).type for name, cells in self._answers.columns([""]).items()}
        known = dict(zip(SAFE_COLUMNS, (pa.string(), pa.float64()), strict=True))
        for column in self._label_columns:  # Of a tree of classes: no answer may be safe.
            found |= {prefixed(column, name): kind for name, kind in known.items()}
        # Of several labels a row, none at all.
        return {
            name: pa.list_(pa.string()) if kind == pa.list_(pa.null()) else kind
            for name, kind in found.items()
        }


class LabelledShard:
    """The labels of a shard's texts; see `serving.beam.ShardAnswers`."""

    def __init__(
        self, answers: RowAnswers, names: Sequence[str], label_columns: Sequence[str | None]
    ) -> None:
        self._columns = answers.columns
        self._names = names
        self._label_columns = label_columns
        self._drifts = {column: drift.empty() for column, drift in answers.drifts.items()}

    def answer(self, texts: Sequence[str]) -> list[Sequence[Any] | Refusal]:
        """The cells of the new columns for each text."""
        return each_answered(self._cells, texts)

    def told(self) -> list[dict[str, Any] | None]:
        """What `Drift` counted, of each label column."""
        drifts = [self._drifts.get(column) for column in self._label_columns]
        return [None if drift is None else drift.counts() for drift in drifts]

    def _cells(self, texts: Sequence[str]) -> list[Sequence[Any]]:
        new = self._columns(texts)
        for column, drift in self._drifts.items():
            drift.add(new[prefixed(column, "predicted_label")], new[prefixed(column, "novelty")])
        return [*zip(*(new[name] for name in self._names), strict=True)]
