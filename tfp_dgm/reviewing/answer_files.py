"""Files of answers that other tools export: Label Studio, Doccano, JSON Lines, CSV."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tfp_dgm.data import DataError, check_input_file, open_table, read_whole
from tfp_dgm.reviewing.review_rows import cell_name

# Where labels stand when the file has no column of the label column's own name.
_LABELS = ("label", "labels")
_ANNOTATOR = "annotator"


@dataclass(frozen=True)
class GivenAnswer:
    """An answer in a file.

    Attributes:
      place: where it stands there.
      text: of the row that it is about; None where the file has none.
      key: of that row; "" where there is none.
      annotator: who gave it; "" where the file does not say.
      labels: the classes named; none where the row was left without.
      time: when it was given, as the file writes it; "" where it does not.
    """

    place: str
    text: str | None
    key: str
    annotator: str
    labels: tuple[str, ...]
    time: str = ""


def read_given_answers(
    path: str | os.PathLike[str],
    *,
    text_columns: Sequence[str],
    label_column: str,
    id_column: str | None = None,
) -> list[GivenAnswer]:
    """Reads the answers of a file.

    It is a JSON array, or a table (`data.open_table`), of records of one kind or the other:

    - Label Studio's tasks: `data` with the text, `annotations` (each `completed_by` somebody) with
      results of the type `choices`. Annotations that were skipped (`was_cancelled`) and what a
      model predicted are none. Of several choices a task, the one named like the label column is
      read.
    - Plain records, such as Doccano's: a text, and a label or a list of labels; who gave them is in
      `annotator`, where that is there.

    The text is in the text columns, else in `text`; labels in the label column, else in `label` or
    `labels`.

    Args:
      path: the file.
      text_columns: of the table that is reviewed.
      label_column: of that table.
      id_column: what tells its rows apart, in the file under the same name; None for none.
    Raises:
      DataError: if the file is something else; names the place, what was expected and what came.
    """
    read = _Records(Path(path), tuple(text_columns), label_column, id_column)
    return [answer for place, record in _records(read.path) for answer in read.of(record, place)]


def _records(path: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The records of a file, each with its place."""
    if path.suffix != ".json":
        chunk = read_whole(open_table(path))
        for row, record in enumerate(chunk.frame.to_dict("records")):
            yield chunk.place(row), record
        return
    check_input_file(path)
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise DataError.at(path, f"not JSON in UTF-8: {error}") from error
    if not isinstance(found, list):
        raise DataError.at(path, f"expected a list of records; received {type(found).__name__}")
    for number, record in enumerate(found, start=1):
        if not isinstance(record, dict):
            raise DataError.at(
                path,
                f"expected an object; received {type(record).__name__}",
                place=f"record {number}",
            )
        yield f"record {number}", record


@dataclass(frozen=True)
class _Records:
    path: Path
    text_columns: tuple[str, ...]
    label_column: str
    id_column: str | None

    def of(self, record: Mapping[str, Any], place: str) -> Iterator[GivenAnswer]:
        """The answers of a record: one, or those of all who annotated it."""
        data, annotations = record.get("data"), record.get("annotations")
        if isinstance(data, dict) and isinstance(annotations, list):
            for annotation in annotations:
                if isinstance(annotation, dict) and annotation.get("was_cancelled") is not True:
                    yield GivenAnswer(
                        place,
                        self._text(data),
                        self._key(data, place),
                        _person(annotation.get("completed_by")),
                        self._chosen(annotation.get("result"), place),
                        str(annotation.get("updated_at") or annotation.get("created_at") or ""),
                    )
            return
        names = (self.label_column, *_LABELS)
        name = next((name for name in names if name in record), None)
        if name is None:
            known = ", ".join(map(repr, record))
            raise DataError.at(
                self.path,
                f"expected a label in {names[0]!r} or 'label'; found {known}",
                place=place,
            )
        yield GivenAnswer(
            place,
            self._text(record),
            self._key(record, place),
            _person(record.get(_ANNOTATOR)),
            self._names(record[name], place, name),
        )

    def _text(self, record: Mapping[str, Any]) -> str | None:
        if all(name in record for name in self.text_columns):
            parts = [record[name] for name in self.text_columns]
            return "\n".join(part if isinstance(part, str) else "" for part in parts)
        text = record.get("text")
        return text if isinstance(text, str) else None

    def _key(self, record: Mapping[str, Any], place: str) -> str:
        if self.id_column is None:
            return ""
        if self.id_column not in record:
            raise DataError.at(
                self.path,
                f"expected {self.id_column!r}, which tells rows apart, in every record",
                place=place,
            )
        return cell_name(record[self.id_column])

    def _chosen(self, results: Any, place: str) -> tuple[str, ...]:
        """The classes of an annotation of Label Studio."""
        found: dict[str, list[Any]] = {}
        for result in results if isinstance(results, list) else []:
            value = result.get("value") if isinstance(result, dict) else None
            if isinstance(value, dict) and "choices" in value:
                found.setdefault(str(result.get("from_name")), []).append(value["choices"])
        if len(found) > 1 and self.label_column not in found:
            raise DataError.at(
                self.path,
                f"expected one choice a task, or one named {self.label_column!r} as the label "
                f"column; found {', '.join(map(repr, found))}",
                place=place,
            )
        named = found.get(self.label_column) or next(iter(found.values()), [])
        labels = [label for one in named for label in (one if isinstance(one, list) else [one])]
        return self._names(labels, place, "choices")

    def _names(self, cell: Any, place: str, name: str) -> tuple[str, ...]:
        if isinstance(cell, dict) and isinstance(cell.get("choices"), list):
            cell = cell["choices"]  # As Label Studio's short form has several.
        labels = cell if isinstance(cell, list) else [cell]
        if any(isinstance(label, list | dict) for label in labels):
            raise DataError.at(
                self.path, "expected classes; received spans or objects", place=place, column=name
            )
        return tuple(filter(None, map(cell_name, labels)))


def _person(given: Any) -> str:
    """Who it is: in Label Studio a number, or a record with an address."""
    if isinstance(given, dict):
        given = next((given[k] for k in ("email", "username", "id") if given.get(k)), "")
    return cell_name(given)
