"""What a review is about: the rows of a labelling, what they say and what was guessed of them."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tfp_dgm.data import DataError, digest, iter_table_chunks, read_label_settings
from tfp_dgm.data.label_sets import MarkedLabels

if TYPE_CHECKING:
    import pandas as pd

# The columns of the table with the answers.
REVIEWED_BY, NO_CLASS, NOTES = "reviewed_by", "review_no_class", "review_notes"
LABEL_BY = "label_by_"  # And a person's name.

_ADDED = (
    "predicted_label",
    "probability",
    "accept",
    "second_label",
    "second_probability",
    "none_probability",
    "suspect_label",
    "given_label_probability",
)
_MAYBE_ADDED = ("safe_label", "safe_probability", "rationale", "reasons")
_ROWS_PER_CHUNK = 65_536
_OF_ANNOTATORS = (
    "make a table of the texts and the column 'inferred_label' of its table, give it to "
    "`dgm label` with that label column, and review that"
)
_NOT_REVIEWED = (
    (
        "multi_label",
        "several labels a row",
        "annotate the rows that its report names in the table itself, and give it to `dgm label` "
        "again",
    ),
    ("answer_columns", "several annotators", _OF_ANNOTATORS),
    ("annotator_column", "several annotators", _OF_ANNOTATORS),
)


@dataclass(frozen=True)
class Guesses:
    """What a model says of N rows.

    Attributes:
      label, second: [N]; the most probable classes.
      probability, second_probability: float64 [N]; theirs.
      accepted: bool [N]; rows without label whose guess is safe.
      suspect: bool [N]; rows whose label looks wrong.
      given_probability: float64 [N]; that the label given is right, NaN where there is none.
    """

    label: list[str]
    probability: NDArray[np.float64]
    second: list[str]
    second_probability: NDArray[np.float64]
    accepted: NDArray[np.bool_]
    suspect: NDArray[np.bool_]
    given_probability: NDArray[np.float64]


@dataclass(frozen=True)
class ReviewRows:
    """The rows of a labelling.

    Attributes:
      model: the folder that `dgm label` wrote.
      table: the labelled table beside it.
      label_column: where labels stand; a new one where the source had none.
      classes: K names, sorted.
      frame: [N] rows; the columns of the source.
      texts: [N].
      given: [N]; the class given in the source, "" where it gives none, or leaves several open.
      guesses: of the labelling, or of a later one.
      settings: of the labelling.
      column: which of several label columns this is; None where there is but one.
    """

    model: Path
    table: Path
    label_column: str
    classes: tuple[str, ...]
    frame: pd.DataFrame
    texts: list[str]
    given: list[str]
    guesses: Guesses
    settings: Mapping[str, Any]
    column: str | None = None

    def __len__(self) -> int:
        return len(self.texts)

    @property
    def title(self) -> str:
        """What is reviewed, for people."""
        name = self.table.name
        return name if self.column is None else f"{name}, {self.column}"

    @property
    def digest(self) -> str:
        """What differs where other texts or labels are reviewed."""
        return digest(self.texts, self.given, list(self.classes))


def read_review_rows(model: str | os.PathLike[str], column: str | None = None) -> ReviewRows:
    """Reads the labelled table that a model's folder belongs to, which lies beside it.

    Args:
      model: the folder.
      column: which label column is reviewed, where there are several; else None, or the one.
    Raises:
      DataError: if the folder or the table is not what `dgm label` wrote, or of a kind that is not
        reviewed: several labels a row, several annotators; if the column is none of its; if texts
        or labels stand in a column that the table with the answers adds.
    """
    folder = Path(model)
    settings = read_label_settings(folder)
    for name, kind, instead in _NOT_REVIEWED:
        if settings.get(name):
            raise DataError.at(folder, f"a review of {kind} is not known; {instead}")
    several = settings.get("label_columns") or []
    own = _column(several, settings, column)
    if own is not None:
        settings |= {"label_column": own, "classes": settings["classes"][own]}
        settings["definitions"] = (settings.get("definitions") or {}).get(own)
    for name in (*settings["text_columns"], str(settings.get("label_column"))):
        if name in (REVIEWED_BY, NO_CLASS, NOTES) or name.startswith(LABEL_BY):
            raise DataError.at(
                folder,
                f"texts or labels are in the column {name!r}, which a review adds; rename it",
            )
    table = folder.resolve().parent / str(settings.get("output"))
    if not table.is_file():
        raise DataError.at(
            folder, f"expected the labelled table {table.name} beside it, which is not there"
        )
    frame, texts = read_texts(table, settings["text_columns"])
    prefixes = [f"{name}_" for name in several] or [""]
    prefix = "" if own is None else f"{own}_"
    missing = [prefix + name for name in _ADDED if prefix + name not in frame.columns]
    if missing:
        raise DataError.at(
            table, f"expected what `dgm label` wrote; it has no column {missing[0]!r}"
        )
    added = [each + name for each in prefixes for name in (*_ADDED, *_MAYBE_ADDED)]
    source = frame.drop(columns=[name for name in added if name in frame.columns])
    named = settings.get("label_column")
    cells = [""] * len(texts) if named is None else source[named].tolist()
    return ReviewRows(
        model=folder,
        table=table,
        label_column=_new_name(source) if named is None else str(named),
        classes=tuple(settings["classes"]),
        frame=source,
        texts=texts,
        given=[_given(cell, settings) for cell in cells],
        guesses=guesses_of(frame, prefix),
        settings=settings,
        column=own,
    )


def _column(several: Sequence[str], settings: Mapping[str, Any], column: str | None) -> str | None:
    """The one of several columns that is reviewed; None where there is but one."""
    known: list[Any] = [*several] or [settings.get("label_column")]
    if (column is None and several) or (column is not None and column not in known):
        names = ", ".join(map(repr, filter(None, known))) or "none"
        given = "none" if column is None else repr(column)
        raise DataError(f"label_column: expected one of {names}; received {given}")
    return column if several else None


def guesses_of(frame: pd.DataFrame, prefix: str = "") -> Guesses:
    """The guesses in the columns of a labelled table, whose names begin with a prefix."""

    def cells(name: str) -> list[str]:
        return [cell_name(cell) for cell in frame[prefix + name].tolist()]

    def numbers(name: str) -> NDArray[np.float64]:
        return np.array([float(cell) if cell else math.nan for cell in cells(name)])

    def marks(name: str) -> NDArray[np.bool_]:
        return np.array([cell.casefold() == "true" for cell in cells(name)], bool)

    return Guesses(
        label=cells("predicted_label"),
        probability=numbers("probability"),
        second=cells("second_label"),
        second_probability=numbers("second_probability"),
        accepted=marks("accept"),
        suspect=marks("suspect_label"),
        given_probability=numbers("given_label_probability"),
    )


def cell_name(cell: Any) -> str:
    """A label's text as `dgm label` reads it; "" where there is none."""
    if isinstance(cell, str):
        return cell
    if isinstance(cell, float) and math.isfinite(cell) and cell == int(cell):
        return str(int(cell))
    if isinstance(cell, bool | int | float) and math.isfinite(cell):
        return json.dumps(cell)
    if isinstance(cell, list):
        return "|".join(map(cell_name, cell))
    return ""


def _given(cell: Any, settings: Mapping[str, Any]) -> str:
    """The one class that a cell names; "" for "?", "!a", a set, a group of classes, a blank."""
    separator, name = str(settings.get("separator", "|")), cell_name(cell)
    parts = [name]
    if isinstance(cell, list):
        parts = [cell_name(part) for part in cell]
    elif separator and name not in settings["classes"]:
        parts = name.split(separator)
    said = MarkedLabels.of(parts, settings["classes"])
    if len(said.named) != 1 or said.denied or said.leaves_open or not name.strip():
        return ""
    known = not settings.get("definitions") or said.named[0] in settings["classes"]
    return said.named[0] if known else ""


def read_texts(table: Path, text_columns: Sequence[str]) -> tuple[pd.DataFrame, list[str]]:
    """A table's rows, and their texts."""
    import pandas as pd

    chunks = list(iter_table_chunks(table, text_columns=text_columns, chunk_rows=_ROWS_PER_CHUNK))
    frame = pd.concat([chunk.frame for chunk in chunks], ignore_index=True)
    return frame, [text for chunk in chunks for text in chunk.texts]


def _new_name(frame: pd.DataFrame) -> str:
    name = "label"
    while name in frame.columns:
        name += "_"
    return name
