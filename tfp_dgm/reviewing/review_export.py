"""The table of a review: that of the source, with what people answered in its label column."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from tfp_dgm.data import check_output_path, write_table
from tfp_dgm.data.label_sets import quoted_class
from tfp_dgm.reviewing.entry_checks import NONE
from tfp_dgm.reviewing.review import Review
from tfp_dgm.reviewing.review_rows import (
    LABEL_BY,
    NO_CLASS,
    NOTES,
    REVIEWED_BY,
    ReviewRows,
    cell_name,
)
from tfp_dgm.reviewing.review_state import Verdict

if TYPE_CHECKING:
    import pandas as pd


def export_review(
    review: Review,
    output: str | os.PathLike[str],
    *,
    others: Sequence[Review] = (),
    guard_formulas: bool = False,
) -> int:
    """Writes a table that `dgm label` reads: the columns and rows of the source, in their order.

    Labels that people gave stand in the label column, over those of the source; of several people
    the last one's. Of a row of none of the classes the cell is empty. Three columns are added:
    `reviewed_by` (the name, or names; - where none was given), `review_no_class` (true for such a
    row) and `review_notes`; where several people answered, for each a column more, `label_by_` and
    the name, which `dgm label` takes as annotators' answers. Where the source has these columns
    from an earlier review, they stay for rows that were not answered since. Of several label
    columns each has such columns of its own, whose names begin with that of the label column.

    Answers that come while it is written are not in it; they do not wait.

    Args:
      review: what was answered.
      output: a table's path, whose ending tells the format.
      others: reviews of other label columns of the same table, whose answers are written, too.
      guard_formulas: whether a CSV or TSV is made safe for spreadsheets.
    Returns:
      How many rows somebody has answered, in one of the reviews.
    Raises:
      DataError: if the table cannot be written there, or is one that was read.
    """
    check_output_path(output, [review.rows.table])
    frame, answered = review.rows.frame, set[int]()
    added: dict[str, list[Any]] = {}
    for one in (review, *others):
        with one.turn:
            verdicts, noted = one.state.verdicts(), one.state.noted()
        frame, more = _answered(one.rows, frame, verdicts, noted)
        added |= more
        answered |= set(verdicts)
    frame = frame.drop(columns=[name for name in added if name in frame.columns])
    inputs = [review.rows.table]
    write_table(frame, output, added, inputs=inputs, guard_formulas=guard_formulas)
    return len(answered)


def _answered(
    rows: ReviewRows,
    frame: pd.DataFrame,
    verdicts: Mapping[int, Mapping[str, Verdict]],
    noted: Mapping[int, Sequence[tuple[str, str]]],
) -> tuple[pd.DataFrame, dict[str, list[Any]]]:
    """The table with the answers to one label column, and the columns to be added."""
    last = {row: _last(said) for row, said in verdicts.items()}
    frame = frame.assign(**{rows.label_column: _series(rows, _label_cells(rows, last))})
    count = len(rows)
    kept = _Kept(frame)  # Of an earlier review, which this one's source may come from.
    prefix = "" if rows.column is None else f"{rows.column}_"
    by, none, notes = prefix + REVIEWED_BY, prefix + NO_CLASS, prefix + NOTES
    added: dict[str, list[Any]] = {
        by: kept.unless(
            by,
            {row: ", ".join(who or "-" for who in sorted(said)) for row, said in verdicts.items()},
        ),
        none: [
            cell is True or cell == "true"
            for cell in kept.unless(none, {row: v.kind == NONE for row, v in last.items()})
        ],
        notes: [
            "; ".join([*filter(None, [before]), *(note for _, note in noted.get(row, []))])
            for row, before in zip(range(count), kept.unless(notes, {}), strict=True)
        ],
    }
    people = sorted({who for said in verdicts.values() for who in said})
    for who in people:
        name = f"{prefix}{LABEL_BY}{who}"
        if len(people) > 1 or name in frame.columns:
            said = {row: _cell(v[who]) for row, v in verdicts.items() if who in v}
            added[name] = kept.unless(name, said)
    return frame, added


class _Kept:
    """The columns of an earlier review."""

    def __init__(self, frame: pd.DataFrame) -> None:
        self._frame = frame

    def unless(self, name: str, now: Mapping[int, Any]) -> list[Any]:
        """The cells of a column: what is said now, else what stands there, else ""."""
        there = name in self._frame.columns
        cells = self._frame[name].tolist() if there else [""] * len(self._frame)
        return [now[row] if row in now else cell_name(cell) for row, cell in enumerate(cells)]


def _last(said: Mapping[str, Verdict]) -> Verdict:
    return max(said.values(), key=lambda verdict: verdict.number)


def _cell(verdict: Verdict) -> str:
    return quoted_class(verdict.label)  # A class that looks like a mark is read as one otherwise.


def _label_cells(rows: ReviewRows, verdicts: dict[int, Verdict]) -> list[Any]:
    """The cells of the label column; a class is written as the source wrote it."""
    known = rows.label_column in rows.frame.columns
    cells = rows.frame[rows.label_column].tolist() if known else [""] * len(rows)
    written = {cell_name(cell): cell for cell in reversed(cells) if cell_name(cell)}
    empty = next((cell for cell in cells if not cell_name(cell)), "")
    if any(v.label and _cell(v) not in written for v in verdicts.values()):
        # A class that has no cell yet has no type but that of text, and a column has one type.
        cells = [cell_name(cell) for cell in cells]
        written, empty = {}, ""
    for row, verdict in verdicts.items():
        cells[row] = written.get(_cell(verdict), _cell(verdict)) if verdict.label else empty
    return cells


def _series(rows: ReviewRows, cells: list[Any]) -> Any:
    import pandas as pd

    return pd.Series(cells, index=rows.frame.index, dtype=object)
