"""Samples of accepted rows in files: written for a person, and read with their answers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tfp_dgm.data import DataError, open_table, read_whole
from tfp_dgm.reviewing.accepted_rows import AcceptedRows
from tfp_dgm.reviewing.certificates import Answer

if TYPE_CHECKING:
    import pandas as pd

ROW, RIGHT, LABEL = "checked_row", "is_right", "predicted_label"
DIGEST = "row_digest"  # The last column: of the table's row as it was when it was drawn.

_WORDS: dict[str, Answer] = {
    **dict.fromkeys(("yes", "y", "true", "right", "1"), "right"),
    **dict.fromkeys(("no", "n", "false", "wrong", "0"), "wrong"),
    **dict.fromkeys(("?", "unsure"), "unsure"),
}
_NOTHING = ("", "none", "nan", "<na>")


def sample_frame(path: Path, accepted: AcceptedRows, places: NDArray[np.int64]) -> pd.DataFrame:
    """The rows of a sample, with the columns for a person before those of the table.

    Args:
      path: of the sample, for the message.
      accepted: all accepted rows.
      places: int64 [n]; which of them, in the order in which they are to be judged.
    Raises:
      DataError: if the table has a column of the sample's own.
    """
    frame = accepted.frame.iloc[places].reset_index(drop=True)
    first = {
        ROW: accepted.rows[places].tolist(),
        RIGHT: [""] * len(places),
        LABEL: [accepted.labels[place] for place in places.tolist()],
    }
    for place, (name, values) in enumerate(first.items()):
        if name in frame.columns:
            raise DataError.at(
                path, f"the table has a column {name!r}, which a sample adds; rename it"
            )
        frame.insert(place, name, values)
    if DIGEST in frame.columns:
        raise DataError.at(
            path, f"the table has a column {DIGEST!r}, which a sample adds; rename it"
        )
    digests = accepted.row_digests
    return frame.assign(**{DIGEST: [digests[place] for place in places.tolist()]})


def read_answers(
    paths: Sequence[Path], accepted: AcceptedRows
) -> tuple[dict[int, Answer], set[int]]:
    """Reads samples.

    Returns:
      The answers, by place among the accepted rows; and the places of all rows that were given out.
    Raises:
      DataError: if a file is no sample of these rows, or holds something else than an answer; names
        line, column, what was expected and what came.
    """
    places = accepted.places
    answers: dict[int, Answer] = {}
    given: dict[int, str] = {}
    for path in paths:
        chunk = read_whole(open_table(path))
        for name in (ROW, RIGHT, LABEL):
            if name not in chunk.frame.columns:
                names = ", ".join(map(repr, chunk.frame.columns))
                raise DataError.at(
                    path, f"expected a sample with the column {name!r}; its columns are {names}"
                )
        kept = chunk.frame.get(DIGEST, [None] * len(chunk.frame))  # Not in samples of earlier days.
        columns = [chunk.frame[name].tolist() for name in (ROW, RIGHT, LABEL)]
        for number, (row, said, label, drawn) in enumerate(zip(*columns, kept, strict=True)):
            wrong = partial(_wrong, path, chunk.place(number))
            place = places.get(_row_number(row))
            if place is None:
                raise wrong(f"expected the number of an accepted row; received {row!r}", ROW)
            if place in given:
                raise wrong(f"row {row} is there already, in {given[place]}", ROW)
            if not _same(label, accepted.labels[place]):
                raise wrong(
                    f"expected {accepted.labels[place]!r}, which was predicted for row {row}; "
                    f"received {label!r}",
                    LABEL,
                )
            if drawn is not None and str(drawn).strip() != accepted.row_digests[place]:
                raise wrong(
                    f"row {row} of the table is not what it was when it was drawn: what was judged "
                    "is something else; put the table back, or draw another sample",
                    DIGEST,
                )
            given[place] = f"{path}, {chunk.place(number)}"
            word = str(said).strip().casefold()
            if word in _NOTHING:
                continue
            if word not in _WORDS:
                raise wrong(f"expected yes, no, ? or nothing; received {said!r}", RIGHT)
            answers[place] = _WORDS[word]
    return answers, set(given)


def _wrong(path: Path, place: str, problem: str, column: str) -> DataError:
    return DataError.at(path, problem, place=place, column=column)


def _row_number(cell: Any) -> int:
    """A row's number, -1 for what is none; a spreadsheet may have made 12.0 of 12."""
    try:
        number = float(str(cell))
    except ValueError:
        return -1
    return int(number) if math.isfinite(number) and number == int(number) else -1


def _same(cell: Any, label: str) -> bool:
    """Whether a cell is the label, but for what spreadsheets do: 1.0 and 1, TRUE, an apostrophe."""
    seen, meant = (str(value).strip().casefold() for value in (cell, label))
    if meant in (seen, seen.removeprefix("'")):
        return True
    try:
        return float(seen) == float(meant)
    except ValueError:
        return False
